// dW[i, j] (+)= Σ_c G[i, c]·X[j, c] on a pattern, and Y ← W·X straight from CSR.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

/// Entries per row: none, one, and around the four that are summed at a time.
private let entryLists = [[], [0], [1], [2, 3, 0, 4], [5, 7, 8, 9]]

/// Offsets of rows with that many entries, and their indices below `limit`.
private func pattern(
  _ entries: [Int], limit: Int, _ generator: inout SeededGenerator
) -> (offsets: [Int64], indices: [Int]) {
  var offsets: [Int64] = [0]
  for count in entries { offsets.append(offsets.last! + Int64(count)) }
  let indices = (0..<Int(offsets.last!)).map { _ in Int.random(in: 0..<limit, using: &generator) }
  return (offsets, indices)
}

extension GuardedMemory {
  /// Indices of two or four bytes.
  fileprivate func copy(_ indices: [Int], bytes: Int) -> UnsafeRawPointer {
    bytes == 2
      ? UnsafeRawPointer(copy(indices.map { UInt16($0) }))
      : UnsafeRawPointer(copy(indices.map { UInt32($0) }))
  }
}

func sweepSampled<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  let size = MemoryLayout<Scalar>.size
  var seed: UInt64 = 500
  // Longer panels than stay in registers have wide indices.
  for vectors in Array(1...row.kernel.mostVectors) + [5, 16] {
    let width = vectors * row.lanes
    for entries in entryLists {
      for (indexBytes, adds) in [(2, false), (4, false), (2, true), (4, true)]
      where indexBytes == 4 || vectors <= row.kernel.mostVectors {
        for side in GuardedMemory.Side.allCases {
          seed += 1
          var generator = SeededGenerator(seed: seed)
          let inputs = 11
          let (gStride, xStride) = (width + 1, width + 3)
          let g: [Scalar] = generator.matrix(rows: entries.count, columns: width, stride: gStride)
          let x: [Scalar] = generator.matrix(rows: inputs, columns: width, stride: xStride)
          let (offsets, indices) = pattern(entries, limit: inputs, &generator)
          // Of two blocks of inputs this is the first: its end comes before the row's. The last
          // entry of each row belongs to the second.
          let splits = 2
          var starts: [Int64] = []
          for i in entries.indices { starts += [offsets[i], max(offsets[i], offsets[i + 1] - 1)] }
          let old: [Scalar] = generator.values(indices.count)
          var expected = old.map { Expected(exactly: $0) }
          for i in entries.indices {
            for p in Int(starts[2 * i])..<Int(starts[2 * i + 1]) {
              var sum = ExactSum<Scalar>()
              if adds { sum.add(old[p]) }
              for c in 0..<width {
                sum.add(g[i * gStride + c], times: x[indices[p] * xStride + c])
              }
              expected[p] = sum.expected()
            }
          }
          let name =
            "\(vectors) registers, \(entries), \(indexBytes)-byte indices, adds \(adds), "
            + "seed \(seed)"
          GuardedMemory.with(side) { memory in
            let (rows, columns) = (memory.copy(g), memory.copy(x))
            let (begins, entry) = (memory.copy(starts), memory.copy(indices, bytes: indexBytes))
            row.conform(to: expected, from: old, side, name) { kernel, output in
              var arguments = lcn_sddmm_args(
                g: rows, gStride: Int64(gStride * size), x: columns, xStride: Int64(xStride * size),
                starts: begins, splits: Int64(splits), indices: entry, values: output,
                rows: Int64(entries.count),
                vectors: Int32(vectors * row.kernel.vectorBytes / kernel.vectorBytes),
                indexBytes: Int32(indexBytes), adds: adds ? 1 : 0)
              kernel.call(&arguments)
            }
          }
        }
      }
    }
  }
}

func sweepCSR<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var seed: UInt64 = 600
  for columns in [0, 1, 2, 3, 5] {
    for entries in entryLists {
      for (indexBytes, beta) in [(2, 0.0), (4, 0), (2, 0.5), (4, 0.5)] {
        for byRows in [false, true] {
          for side in GuardedMemory.Side.allCases {
            seed += 1
            checkCSR(
              row, Scalar.self, columns: columns, entries: entries, indexBytes: indexBytes,
              beta: beta, byRows: byRows, side, seed: seed)
          }
        }
      }
    }
  }
}

private func checkCSR<Scalar: SweepScalar>(
  _ row: KernelRow, _: Scalar.Type, columns: Int, entries: [Int], indexBytes: Int, beta: Double,
  byRows: Bool, _ side: GuardedMemory.Side, seed: UInt64
) {
  var generator = SeededGenerator(seed: seed)
  let bounds = Bounds.all[Int(seed / 2) % Bounds.all.count]
  let (inputs, outputs) = (11, entries.count)
  let (offsets, indices) = pattern(entries, limit: inputs, &generator)
  let values: [Scalar] = row.weights(generator.values(indices.count))
  let (xInput, xColumn) = byRows ? (1, inputs + 1) : (columns + 3, 1)
  let (yRow, yColumn) = byRows ? (1, outputs + 3) : (columns + 2, 1)
  var x: [Scalar] = generator.values(
    columns == 0 ? 0 : (inputs - 1) * xInput + (columns - 1) * xColumn + 1)
  if hasNaN(seed) && columns > 0 { x[xInput] = .nan }
  // A slice of the rows: neither the first nor the last, where there are enough.
  let (first, end) = outputs > 2 ? (1, outputs - 1) : (0, outputs)
  var y = [Scalar](
    repeating: Scalar(untouched),
    count: outputs == 0 || columns == 0 ? 0 : (outputs - 1) * yRow + (columns - 1) * yColumn + 1)
  let bias: [Scalar] = generator.values(outputs)
  var expected = y.map { Expected(exactly: $0) }
  for i in first..<end {
    for c in 0..<columns {
      let target = i * yRow + c * yColumn
      y[target] = beta == 0 ? .nan : generator.nonzero()
      var sum = ExactSum<Scalar>()
      for p in Int(offsets[i])..<Int(offsets[i + 1]) {
        sum.add(values[p], times: x[indices[p] * xInput + c * xColumn])
      }
      sum.add(bias[i])
      if beta != 0 { sum.add(Scalar(beta), times: y[target]) }
      expected[target] = sum.expected(bounds)
    }
  }
  let name =
    "\(columns) columns, \(entries), \(indexBytes)-byte indices, β \(beta), by rows \(byRows), "
    + "\(bounds), seed \(seed)"
  GuardedMemory.with(side) { memory in
    let (begins, entry) = (memory.copy(offsets), memory.copy(indices, bytes: indexBytes))
    let (from, starts) = (memory.copy(x), memory.copy(bias))
    let weights = memory.copy(values, for: row)
    row.conform(to: expected, from: y, side, name) { kernel, output in
      var arguments = lcn_csr_args(
        offsets: begins, indices: entry, values: weights, x: from, xInput: Int64(xInput),
        xColumn: Int64(xColumn), y: output, yRow: Int64(yRow), yColumn: Int64(yColumn),
        bias: starts,
        lower: bounds.lower, upper: bounds.upper, beta: beta, firstRow: Int64(first),
        endRow: Int64(end), columns: Int64(columns), indexBytes: Int32(indexBytes))
      kernel.call(&arguments)
    }
  }
}
