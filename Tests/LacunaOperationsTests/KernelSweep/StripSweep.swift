// Y[i, c] ← bound(start[i] + Σ_s w[s]·X[index[s], c]): every strip height and panel width.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

/// Steps of each strip, those of equal count next to each other: none, one, around a quad of
/// indices, and more strips than the distance at which rows of Y are asked for.
private let stepLists = [
  [], [0, 0], [1], [3, 3, 4], [Int](repeating: 4, count: 10), [0, 1, 2, 3, 4, 5, 7, 8, 9, 12],
]

func sweepStrips<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var seed: UInt64 = 100
  for vectors in 1...row.kernel.mostVectors {
    let full = (vectors - 1) * row.lanes
    for columns in Set([full + 1, full + row.lanes - 1, full + row.lanes]).sorted() {
      for steps in stepLists {
        for (startsFromBias, finishes) in [
          (true, true), (true, false), (false, true), (false, false),
        ] {
          for side in GuardedMemory.Side.allCases {
            seed += 1
            let strips = StripCase<Scalar>(
              row, vectors: vectors, columns: columns, steps: steps, startsFromBias: startsFromBias,
              finishes: finishes, seed: seed)
            strips.check(row, side)
          }
        }
      }
    }
  }
}

/// One region, and what comes out of it.
private struct StripCase<Scalar: SweepScalar> {
  let vectors: Int, columns: Int, steps: [Int]
  let startsFromBias: Bool, finishes: Bool
  let bounds: Bounds
  /// Whether results go past the caches, where rows of Y are whole, aligned registers.
  let streams: Bool
  let seed: UInt64
  let height: Int
  /// Elements of a panel row, of rows of X, of sums and of Y from one to the next: none a multiple
  /// of a register but where results go past the caches.
  let padded: Int, xStride: Int, partialStride: Int, yStride: Int
  let x: [Scalar], weights: [Scalar], indices: [UInt16], rows: [UInt32], groups: [UInt32]
  let bias: [Scalar], partial: [Scalar], y: [Scalar]
  /// Rows as far apart as those of Y.
  let residual: [Scalar]?
  let expected: [Expected]

  private static var inputs: Int { 13 }

  init(
    _ row: KernelRow, vectors: Int, columns: Int, steps: [Int], startsFromBias: Bool,
    finishes: Bool,
    seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    (self.vectors, self.columns, self.steps, self.seed) = (vectors, columns, steps, seed)
    (self.startsFromBias, self.finishes) = (startsFromBias, finishes)
    bounds = Bounds.all[Int(seed / 8) % Bounds.all.count]
    let height = Int(row.kernel.variant.dropLast(2))!
    self.height = height
    padded = vectors * row.lanes
    streams = finishes && columns == padded && seed % 7 < 3
    (xStride, partialStride) = (padded + 1, padded + 3)
    yStride = streams ? padded + row.lanes : columns + 5
    var x: [Scalar] = generator.matrix(rows: Self.inputs, columns: padded, stride: xStride)
    // A value that is not a number passes through; what is not indexed is not read.
    if hasNaN(seed) { x[columns - 1] = .nan }
    // Columns that do not exist in Y may hold anything.
    if finishes {
      for j in 0..<Self.inputs { for c in columns..<padded { x[j * xStride + c] = .nan } }
    }
    var weights: [Scalar] = []
    var indices: [UInt16] = []
    for count in steps {
      let quads = (count + 3) / 4 * 4
      weights += generator.values(count * height)
      indices += (0..<count).map { _ in
        UInt16.random(in: 0..<UInt16(Self.inputs), using: &generator)
      }
      // Padding of a strip is not executed.
      weights += [Scalar](repeating: .nan, count: (quads - count) * height)
      indices += [UInt16](repeating: .max, count: quads - count)
    }
    weights = row.weights(weights)
    let order = Array(0..<steps.count).shuffled(using: &generator)
    rows = order.map { UInt32($0 * height) }
    groups = stripGroups(steps)
    let outputs = steps.count * height
    bias = generator.values(outputs)
    let old: [Scalar] = generator.values(max((outputs - 1) * partialStride + padded, 0))
    partial = old
    y = [Scalar](repeating: Scalar(untouched), count: max((outputs - 1) * yStride + columns, 0))
    let added: [Scalar]? = finishes && seed % 3 == 0 ? generator.values(y.count) : nil
    var expected = (finishes ? y : partial).map { Expected(exactly: $0) }
    var step = 0
    for (s, count) in steps.enumerated() {
      for r in 0..<height {
        let i = Int(rows[s]) + r
        for c in 0..<(finishes ? columns : padded) {
          var sum = ExactSum<Scalar>()
          sum.add(startsFromBias ? bias[i] : old[i * partialStride + c])
          for k in step..<(step + count) {
            sum.add(weights[k * height + r], times: x[Int(indices[k]) * xStride + c])
          }
          if let added { sum.add(added[i * yStride + c]) }
          expected[i * (finishes ? yStride : partialStride) + c] = sum.expected(
            finishes ? bounds : .none)
        }
      }
      step += (count + 3) / 4 * 4
    }
    (self.expected, residual) = (expected, added)
    (self.x, self.weights, self.indices) = (x, weights, indices)
  }

  func check(_ row: KernelRow, _ side: GuardedMemory.Side) {
    let name =
      "\(vectors) registers, \(columns) columns, steps \(steps), bias \(startsFromBias), "
      + "residual \(residual != nil), "
      + "finishes \(finishes), streams \(streams), \(bounds), seed \(seed)"
    GuardedMemory.with(side) { memory in
      let (x, bias) = (memory.copy(x), memory.copy(bias))
      let weights = memory.copy(weights, for: row)
      // One quad of indices and eight rows more may be read.
      let indices = memory.copy(self.indices + [UInt16](repeating: .max, count: 4))
      let rows = memory.copy(self.rows + [UInt32](repeating: .max, count: 8))
      let groups = memory.copy(self.groups)
      // Whatever lies there: it is asked for, and never read.
      let next = lcn_next_rows(
        rows: UnsafeRawPointer(x) - 4096, stride: 1 << 20, count: 7, share: 2)
      let residual = self.residual.map { UnsafeRawPointer(memory.copy($0)) }
      let size = MemoryLayout<Scalar>.size
      row.conform(to: expected, from: finishes ? y : partial, side, name) { kernel, output in
        // The output that this region does not write is only read.
        let other = memory.copy(finishes ? partial : y)
        var arguments = lcn_spmm_args(
          x: x, xStride: Int64(xStride * size), weights: weights, indices: indices, groups: groups,
          groupCount: Int64(self.groups.count / 2), rows: rows, partial: finishes ? other : output,
          partialStride: Int64(partialStride * size), y: finishes ? output : other,
          yStride: Int64(yStride * size), residual: residual, bias: bias, lower: bounds.lower,
          upper: bounds.upper,
          columns: Int64(columns),
          vectors: Int32(vectors * row.kernel.vectorBytes / kernel.vectorBytes),
          strip: Int32(height), startsFromBias: startsFromBias ? 1 : 0, finishes: finishes ? 1 : 0,
          fetchesTarget: finishes && seed % 5 < 3 ? 1 : 0,
          fetchesResidual: residual != nil && seed % 5 > 1 ? 1 : 0, streams: streams ? 1 : 0,
          next: seed % 3 == 1 ? next : lcn_next_rows(),
          quads: lcn_quad_scales())
        kernel.call(&arguments)
      }
    }
  }
}

/// Steps of strips, one after the other, as kernels read them: each number of steps, and how many strips in turn
/// have it.
func stripGroups(_ steps: [Int]) -> [UInt32] {
  var groups: [UInt32] = []
  for count in steps {
    if groups.count > 0, groups[groups.count - 2] == UInt32(count) {
      groups[groups.count - 1] += 1
    } else {
      groups += [UInt32(count), 1]
    }
  }
  return groups
}
