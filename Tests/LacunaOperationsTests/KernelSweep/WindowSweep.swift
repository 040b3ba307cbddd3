// Y[row(g,l), c] ← bound(bias + β·Y + Σ_s w[s,l]·X[base[s] + place[s,l], c]): every geometry and
// number of columns.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepWindows<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var seed: UInt64 = 300
  for columns in 1...row.kernel.mostVectors {
    for bundles in [[], [0], [1], [2, 0, 5]] {
      for beta in [0, 0.5] {
        for byRows in [false, true] {
          for isSorted in [false, true] {
            for side in GuardedMemory.Side.allCases {
              seed += 1
              WindowCase<Scalar>(
                row, columns: columns, bundles: bundles, beta: beta, byRows: byRows,
                isSorted: isSorted, seed: seed
              ).check(row, side)
            }
          }
        }
      }
    }
  }
}

/// A range of groups, and what comes out of it.
private struct WindowCase<Scalar: SweepScalar> {
  let columns: Int, beta: Double, bounds: Bounds, name: String
  let lanes: Int
  let x: [Scalar], values: [Scalar], places: [UInt32], bases: [UInt16], masks: [UInt16]
  let bundles: [UInt32], rows: [UInt32]
  let bias: [Scalar], y: [Scalar]
  let yRow: Int, yColumn: Int
  let expected: [Expected]

  /// - Parameters:
  ///   - byRows: outputs of one right-hand side are adjacent: results leave in registers.
  ///   - isSorted: rows were sorted by their weights, so those of a group are not adjacent.
  init(
    _ row: KernelRow, columns: Int, bundles: [Int], beta: Double, byRows: Bool, isSorted: Bool,
    seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    // Such as "16x32c": lanes, inputs of a window, compressed.
    let isCompressed = row.kernel.variant.hasSuffix("c")
    let numbers = row.kernel.variant.split { !$0.isNumber }.map { Int($0)! }
    let (lanes, inputs) = (numbers[0], numbers[1])
    let bits = inputs.trailingZeroBitCount
    let perBundle = 32 / bits
    // Where a window is two blocks, its last place reads as zero.
    let idle = inputs > lanes ? inputs - 1 : nil
    let lastBase = 3
    (self.columns, self.beta, self.lanes) = (columns, beta, lanes)
    bounds = Bounds.all[Int(seed / 2) % Bounds.all.count]
    name =
      "\(columns) columns, bundles \(bundles), β \(beta), by rows \(byRows), sorted \(isSorted), "
      + "\(bounds), seed \(seed)"
    let blocks = lastBase + inputs / lanes
    var x: [Scalar] = generator.values(blocks * columns * lanes)
    // The last input of the last block has no other place than the idle one: nobody reads it.
    if idle != nil {
      for c in 0..<columns { x[((blocks - 1) * columns + c) * lanes + lanes - 1] = .nan }
    }
    if hasNaN(seed) { x[0] = .nan }

    let steps = bundles.reduce(0, +) * perBundle
    var values: [Scalar] = []
    var masks: [UInt16] = []
    var places = [UInt32](repeating: 0, count: steps / perBundle * lanes)
    // Of each step and lane: the weight and the place.
    var weights: [[(weight: Scalar, place: Int)?]] = []
    let bases = (0..<steps).map { _ in UInt16.random(in: 0...UInt16(lastBase), using: &generator) }
    for s in 0..<steps {
      var mask: UInt16 = 0
      var lanesOfStep: [(weight: Scalar, place: Int)?] = []
      for l in 0..<lanes {
        let works = idle == nil || generator.chance(0.7)
        let place = works ? Int.random(in: 0..<(idle ?? inputs), using: &generator) : idle!
        places[s / perBundle * lanes + l] |= UInt32(place) << UInt32(s % perBundle * bits)
        if works {
          mask |= 1 << UInt16(l)
          let weight = row.weights([generator.nonzero() as Scalar])[0]
          values.append(weight)
          lanesOfStep.append((weight, place))
        } else {
          if !isCompressed { values.append(0) }
          lanesOfStep.append(nil)
        }
      }
      masks.append(mask)
      weights.append(lanesOfStep)
    }
    // Expanding weights reads a whole register at the last of them.
    if isCompressed { values += [Scalar](repeating: .nan, count: lanes) }

    // The last group has fewer rows than lanes.
    let outputs = max(bundles.count * lanes - 3, 0)
    var rows = (0..<bundles.count * lanes).map { $0 < outputs ? UInt32($0) : .max }
    if isSorted {
      var order = Array(rows[..<outputs]).shuffled(using: &generator)
      for g in 0..<bundles.count {
        order[(g * lanes)..<min((g + 1) * lanes, outputs)].sort()
      }
      rows.replaceSubrange(0..<outputs, with: order)
    }
    (yRow, yColumn) = byRows ? (1, outputs + 3) : (columns + 2, 1)
    let count = outputs == 0 ? 0 : (outputs - 1) * yRow + (columns - 1) * yColumn + 1
    bias = generator.values(outputs)
    // β = 0 does not read Y.
    var y = [Scalar](repeating: Scalar(untouched), count: count)
    for i in 0..<outputs {
      for c in 0..<columns { y[i * yRow + c * yColumn] = beta == 0 ? .nan : generator.nonzero() }
    }
    var expected = y.map { Expected(exactly: $0) }
    var step = 0
    for (g, bundles) in bundles.enumerated() {
      for l in 0..<lanes {
        let i = Int(rows[g * lanes + l])
        if i >= outputs { continue }
        for c in 0..<columns {
          var sum = ExactSum<Scalar>()
          for s in step..<(step + bundles * perBundle) {
            guard let (weight, place) = weights[s][l] else { continue }
            let block = Int(bases[s]) + place / lanes
            sum.add(weight, times: x[(block * columns + c) * lanes + place % lanes])
          }
          sum.add(bias[i])
          if beta != 0 { sum.add(Scalar(beta), times: y[i * yRow + c * yColumn]) }
          expected[i * yRow + c * yColumn] = sum.expected(bounds)
        }
      }
      step += bundles * perBundle
    }
    self.expected = expected
    (self.x, self.values, self.places, self.bases, self.masks) = (x, values, places, bases, masks)
    (self.bundles, self.rows, self.y) = (bundles.map(UInt32.init), rows, y)
  }

  func check(_ row: KernelRow, _ side: GuardedMemory.Side) {
    GuardedMemory.with(side) { memory in
      let (x, bias) = (memory.copy(x), memory.copy(bias))
      let values = memory.copy(values, for: row)
      let (places, bases, masks) = (memory.copy(places), memory.copy(bases), memory.copy(masks))
      let (bundles, rows) = (memory.copy(self.bundles), memory.copy(rows))
      // Aligned to a register on either side.
      let scratch = memory.copy([Scalar](repeating: .nan, count: lanes))
      row.conform(to: expected, from: y, side, name) { kernel, output in
        var arguments = lcn_window_args(
          x: x, values: values, places: places, bases: bases, masks: masks, bundles: bundles,
          rows: rows, groups: Int64(self.bundles.count), y: output, yRow: Int64(yRow),
          yColumn: Int64(yColumn), bias: bias, lower: bounds.lower, upper: bounds.upper, beta: beta,
          scratch: scratch, columns: Int32(columns))
        kernel.call(&arguments)
      }
    }
  }
}
