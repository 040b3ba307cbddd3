// Strips of quads, the panels they read and the ranges that panels are made with: exactly, byte by byte.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

extension Int32: ComparedNumber { var double: Double { Double(self) } }

/// Steps of each strip, those of equal count next to each other.
private let stepLists = [[], [0, 0], [1], [3, 3, 4], [0, 1, 2, 3, 4, 5, 7, 8, 9, 12]]

func sweepQuadStrips(_ row: KernelRow) {
  var seed: UInt64 = 800
  for vectors in 1...row.kernel.mostVectors {
    let full = (vectors - 1) * row.lanes
    for columns in Set([full + 1, full + row.lanes - 1, full + row.lanes]).sorted() {
      for steps in stepLists {
        for (starts, finishes) in [(true, true), (true, false), (false, true), (false, false)] {
          for side in GuardedMemory.Side.allCases {
            seed += 1
            QuadCase(row, vectors, columns, steps, starts, finishes, seed).check(row, side)
          }
        }
      }
    }
  }
}

/// One region of quads, and what comes out of it.
private struct QuadCase {
  let vectors: Int, columns: Int, steps: [Int], starts: Bool, finishes: Bool, seed: UInt64
  let isUniform: Bool
  let height: Int, padded: Int, xStride: Int, partialStride: Int, yStride: Int
  let bounds: Bounds
  let x: [UInt8], weights: [Int8], indices: [UInt16], rows: [UInt32], groups: [UInt32]
  let bias: [Float], rowScales: [Float], scales: [Float], rowSums: [Int32], zeros: [Int32]
  let partial: [Int32], y: [Float]
  let expectedSums: [Expected], expectedResults: [Expected]

  private static var inputs: Int { 9 }

  init(
    _ row: KernelRow, _ vectors: Int, _ columns: Int, _ steps: [Int], _ starts: Bool,
    _ finishes: Bool, _ seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    (self.vectors, self.columns, self.steps, self.seed) = (vectors, columns, steps, seed)
    (self.starts, self.finishes) = (starts, finishes)
    let height = Int(row.kernel.variant.dropLast(2))!
    self.height = height
    bounds = Bounds.all[Int(seed / 8) % Bounds.all.count]
    padded = vectors * row.lanes
    (xStride, partialStride, yStride) = (padded + 1, padded + 3, columns + 5)
    // The largest products of both signs, whose sums of two would saturate 16 bits, and any others.
    let extreme = seed % 3 == 0
    x = (0..<4 * Self.inputs * xStride).map { _ in
      extreme ? 255 : UInt8.random(in: 0...255, using: &generator)
    }
    var (weights, indices): ([Int8], [UInt16]) = ([], [])
    for count in steps {
      let quads = (count + 3) / 4 * 4
      weights += (0..<4 * count * height).map { _ in
        extreme ? (seed % 2 == 0 ? 127 : -128) : Int8.random(in: -128...127, using: &generator)
      }
      indices += (0..<count).map { _ in UInt16.random(in: 0..<9, using: &generator) }
      // Padding of a strip is not executed.
      weights += [Int8](repeating: 99, count: 4 * (quads - count) * height)
      indices += [UInt16](repeating: .max, count: quads - count)
    }
    let order = Array(0..<steps.count).shuffled(using: &generator)
    rows = order.map { UInt32($0 * height) }
    groups = stripGroups(steps)
    let outputs = steps.count * height
    bias = generator.values(outputs)
    rowScales = (0..<outputs).map { _ in Float.random(in: 0.001...0.1, using: &generator) }
    rowSums = (0..<outputs).map { _ in Int32.random(in: -4000...4000, using: &generator) }
    var scales = (0..<padded).map { _ in Float.random(in: 0.001...0.1, using: &generator) }
    // A right-hand side that held NaN.
    if hasNaN(seed) { scales[columns - 1] = .nan }
    var zeros = (0..<padded).map { _ in Int32.random(in: 0...255, using: &generator) }
    isUniform = seed % 3 == 1 && !hasNaN(seed)
    if isUniform {
      scales = [Float](repeating: scales[0], count: padded)
      zeros = [Int32](repeating: zeros[0], count: padded)
    }
    (self.scales, self.zeros) = (scales, zeros)
    let old = (0..<max((outputs - 1) * partialStride + padded, 0)).map { _ in
      Int32.random(in: -100_000...100_000, using: &generator)
    }
    partial = old
    y = [Float](repeating: Float(untouched), count: max((outputs - 1) * yStride + columns, 0))
    var sums = partial.map { Expected(exactly: $0) }
    var results = y.map { Expected(exactly: $0) }
    var step = 0
    for (s, count) in steps.enumerated() {
      for r in 0..<height {
        let i = Int(rows[s]) + r
        for c in 0..<(finishes ? columns : padded) {
          var sum = starts ? 0 : Int(old[i * partialStride + c])
          for k in step..<(step + count) {
            for j in 0..<4 {
              sum +=
                Int(weights[4 * (k * height + r) + j])
                * Int(x[4 * (Int(indices[k]) * xStride + c) + j])
            }
          }
          if finishes {
            let exact = Float(sum - Int(rowSums[i]) * Int(zeros[c]))
            let scaled = exact * (rowScales[i] * scales[c])
            results[i * yStride + c] = Expected(exactly: bounds.bounded(scaled + bias[i]))
          } else {
            sums[i * partialStride + c] = Expected(exactly: Int32(sum))
          }
        }
      }
      step += (count + 3) / 4 * 4
    }
    (self.weights, self.indices) = (weights, indices)
    (expectedSums, expectedResults) = (sums, results)
  }

  func check(_ row: KernelRow, _ side: GuardedMemory.Side) {
    let name =
      "\(vectors) registers, \(columns) columns, steps \(steps), starts \(starts), "
      + "finishes \(finishes), \(bounds), seed \(seed)"
    GuardedMemory.with(side) { memory in
      let (x, weights) = (memory.copy(x), memory.copy(weights))
      let (bias, rowScales) = (memory.copy(bias), memory.copy(rowScales))
      let (scales, zeros) = (memory.copy(scales), memory.copy(zeros))
      let rowSums = memory.copy(rowSums)
      // One quad of indices and eight rows more may be read.
      let indices = memory.copy(self.indices + [UInt16](repeating: .max, count: 4))
      let rows = memory.copy(self.rows + [UInt32](repeating: .max, count: 8))
      let groups = memory.copy(self.groups)
      func call(
        _ kernel: Kernel, _ partial: UnsafeMutablePointer<Int32>, _ y: UnsafeMutablePointer<Float>
      ) {
        var arguments = lcn_spmm_args(
          x: x, xStride: Int64(4 * xStride), weights: weights, indices: indices, groups: groups,
          groupCount: Int64(self.groups.count / 2), rows: rows, partial: partial,
          partialStride: Int64(4 * partialStride), y: y, yStride: Int64(4 * yStride), residual: nil,
          bias: bias,
          lower: bounds.lower, upper: bounds.upper, columns: Int64(columns),
          vectors: Int32(vectors * row.kernel.vectorBytes / kernel.vectorBytes),
          strip: Int32(height), startsFromBias: starts ? 1 : 0, finishes: finishes ? 1 : 0,
          fetchesTarget: finishes && seed % 5 < 3 ? 1 : 0, fetchesResidual: 0, streams: 0,
          next: lcn_next_rows(),
          quads: lcn_quad_scales(
            scales: scales, zeros: zeros, rowScales: rowScales, rowSums: rowSums,
            uniform: isUniform ? 1 : 0))
        kernel.call(&arguments)
      }
      // The output that this region does not write is only read.
      if finishes {
        row.conform(to: expectedResults, from: y, side, name) { kernel, output in
          call(kernel, memory.copy(partial), output)
        }
      } else {
        row.conform(to: expectedSums, from: partial, side, name) { kernel, output in
          call(kernel, output, memory.copy(y))
        }
      }
    }
  }
}

extension Bounds {
  /// NaN passes.
  fileprivate func bounded(_ value: Float) -> Float {
    let raised = Float(lower) > value ? Float(lower) : value
    return Float(upper) < raised ? Float(upper) : raised
  }
}

/// Numbers around the middles between bytes, far outside, infinite and not numbers.
private func numbers(_ count: Int, hasNaN: Bool, _ generator: inout SeededGenerator) -> [Float] {
  (0..<count).map { _ in
    switch Int.random(in: 0..<12, using: &generator) {
    case 0: Float(Int.random(in: -300...300, using: &generator)) + 0.5
    case 1: 1e30
    case 2: -.infinity
    case 3: hasNaN ? .nan : 0
    default: Float.random(in: -150...150, using: &generator)
    }
  }
}

/// The byte of a number, in double precision: the products are exact there.
private func byte(_ x: Float, _ inverse: Float, _ zero: Int32) -> UInt8 {
  if x.isNaN { return 0 }
  // The kernels' product is rounded to single precision.
  let scaled = Double(Float(Double(x) * Double(inverse)))
  return UInt8(min(max(scaled.rounded(.toNearestOrEven) + Double(zero), 0), 255))
}

func sweepQuadPanels(_ row: KernelRow) {
  let byColumns = row.kernel.variant == "columns"
  var generator = SeededGenerator(seed: 900)
  let lanes = row.lanes
  for inputs in [1, 3, 4, 5, 8, 4 * lanes - 1, 4 * lanes + 2] {
    for columns in Set([1, lanes - 1, lanes, lanes + 1, 3 * lanes]).sorted() {
      for side in GuardedMemory.Side.allCases {
        let padded = (columns + lanes - 1) / lanes * lanes
        let (length, count) = byColumns ? (columns, inputs) : (inputs, columns)
        let stride = length + Int.random(in: 0...3, using: &generator)
        let total = (count - 1) * stride + length
        let groups = (inputs + 3) / 4
        // The bytes of a single right-hand side may lie one after the other.
        let targetStride = !byColumns && columns == 1 && generator.chance(0.5) ? 1 : padded
        let flip: Int32 = generator.chance(0.5) ? Int32(bitPattern: 0x8080_8080) : 0
        let bytes = (0..<total).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let floats = numbers(total, hasNaN: generator.chance(0.5), &generator)
        let zeros = (0..<padded).map { _ in Int32.random(in: 0...255, using: &generator) }
        let inverses = (0..<padded).map { _ in Float.random(in: 0.5...2, using: &generator) }
        let scales = inverses.map { 1 / $0 }
        func source(_ j: Int, _ c: Int) -> Int { byColumns ? j * stride + c : c * stride + j }
        let isFloat = row.kernel.types.activations == .f32
        // Bytes that exist, then the scales; what lies behind the last input may be anything.
        var expected: [Expected] = []
        for c in 0..<columns {
          for j in 0..<inputs {
            let value =
              isFloat
              ? byte(floats[source(j, c)], inverses[c], zeros[c])
              : bytes[source(j, c)] ^ (flip == 0 ? 0 : 0x80)
            expected.append(Expected(exactly: Float(value)))
          }
        }
        for c in 0..<columns {
          let isNaN = isFloat && (0..<inputs).contains { floats[source($0, c)].isNaN }
          expected.append(Expected(exactly: isNaN ? Float.nan : scales[c]))
        }
        let initial = [Float](repeating: Float(untouched), count: expected.count)
        let name = "\(inputs) inputs, \(columns) columns, stride \(stride), flip \(flip)"
        GuardedMemory.with(side) { memory in
          let from: UnsafeRawPointer =
            isFloat ? UnsafeRawPointer(memory.copy(floats)) : UnsafeRawPointer(memory.copy(bytes))
          let (zeros, inverses) = (memory.copy(zeros), memory.copy(inverses))
          row.conform(to: expected, from: initial, side, name) { kernel, output in
            // What is written behind the last quad meets a guard page; rows of X become whole registers of quads.
            let cells = (groups - 1) * targetStride + (byColumns ? padded : columns)
            let target = memory.copy([Int32](repeating: 0, count: cells))
            let scales = memory.copy(scales)
            var arguments = lcn_quad_pack_args(
              source: from, sourceStride: Int64(stride), target: target,
              targetStride: Int64(targetStride), inputs: Int64(inputs), columns: Int64(columns),
              paddedColumns: Int64(padded), flip: flip, inverses: inverses, zeros: zeros,
              scales: scales)
            kernel.call(&arguments)
            let made = UnsafeRawPointer(target).assumingMemoryBound(to: UInt8.self)
            for c in 0..<columns {
              for j in 0..<inputs {
                output[c * inputs + j] = Float(made[4 * (j / 4 * targetStride + c) + j % 4])
              }
              output[columns * inputs + c] = scales[c]
            }
          }
        }
      }
    }
  }
}

func sweepRange(_ row: KernelRow) {
  let byColumns = row.kernel.variant == "columns"
  var generator = SeededGenerator(seed: 950)
  let lanes = row.lanes
  for inputs in [0, 1, lanes - 1, lanes, 2 * lanes + 3] {
    for columns in [1, lanes - 1, lanes, lanes + 1] {
      for side in GuardedMemory.Side.allCases {
        let (length, count) = byColumns ? (columns, inputs) : (inputs, columns)
        let stride = length + 2
        let x = numbers(max((count - 1) * stride + length, 0), hasNaN: true, &generator)
        let before = (0..<2 * columns).map { i in
          Float.random(in: 0...100, using: &generator) * (i < columns ? -1 : 1)
        }
        var (lowest, highest) = (Array(before[..<columns]), Array(before[columns...]))
        for c in 0..<columns {
          for j in 0..<inputs {
            let value = x[byColumns ? j * stride + c : c * stride + j]
            if value < lowest[c] { lowest[c] = value }
            if value > highest[c] { highest[c] = value }
          }
        }
        let expected = (lowest + highest).map { Expected(exactly: $0) }
        GuardedMemory.with(side) { memory in
          let from = memory.copy(x)
          row.conform(
            to: expected, from: before, side, "\(inputs) inputs, \(columns) columns"
          ) { kernel, output in
            var arguments = lcn_range_args(
              source: from, sourceStride: Int64(stride), inputs: Int64(inputs),
              columns: Int64(columns), lowest: output, highest: output + columns)
            kernel.call(&arguments)
          }
        }
      }
    }
  }
}

func sweepRequantize(_ row: KernelRow) {
  var generator = SeededGenerator(seed: 970)
  for columns in [1, row.lanes - 1, row.lanes, row.lanes + 1, 3 * row.lanes] {
    for rows in [0, 1, 3] {
      for side in GuardedMemory.Side.allCases {
        let stride = columns + 3
        let y = numbers(max((rows - 1) * stride + columns, 0), hasNaN: true, &generator)
        let inverse = Float.random(in: 0.5...2, using: &generator)
        let zero = Int32.random(in: 0...255, using: &generator)
        let flip: UInt8 = generator.chance(0.5) ? 0x80 : 0
        let initial = [Float](repeating: 7, count: max((rows - 1) * stride + columns, 0))
        var expected = initial.map { Expected(exactly: $0) }
        for i in 0..<rows {
          for c in 0..<columns {
            let place = i * stride + c
            expected[place] = Expected(exactly: Float(byte(y[place], inverse, zero) ^ flip))
          }
        }
        GuardedMemory.with(side) { memory in
          let from = memory.copy(y)
          row.conform(to: expected, from: initial, side, "\(rows)×\(columns), flip \(flip)") {
            kernel, output in
            let bytes = memory.copy([UInt8](repeating: 7, count: initial.count))
            var arguments = lcn_requantize_args(
              source: from, sourceStride: Int64(stride), target: bytes,
              targetStride: Int64(stride), rows: Int64(rows), columns: Int64(columns),
              inverse: inverse, zero: zero, flip: flip)
            kernel.call(&arguments)
            for i in initial.indices { output[i] = Float(bytes[i]) }
          }
        }
      }
    }
  }
}
