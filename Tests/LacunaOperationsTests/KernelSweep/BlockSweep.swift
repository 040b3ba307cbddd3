// Y[i, c] ← bound(bias[i] + β·Y[i, c] + Σ_b W_b[i, :]·X[C·index[b]…, c]): every block width and
// number of columns.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepBlocks<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  var seed: UInt64 = 400
  for blockColumns in [1, 2, 4, 8, 16] {
    for columns in 1...row.kernel.mostVectors {
      for counts in [[], [0], [1], [2, 3], [0, 1, 4, 5, 9]] {
        for byRows in [false, true] {
          for side in GuardedMemory.Side.allCases {
            seed += 1
            checkBlocks(
              row, Scalar.self, blockColumns: blockColumns, columns: columns, counts: counts,
              byRows: byRows, side, seed: seed)
          }
        }
      }
    }
  }
}

private func checkBlocks<Scalar: SweepScalar>(
  _ row: KernelRow, _: Scalar.Type, blockColumns: Int, columns: Int, counts: [Int], byRows: Bool,
  _ side: GuardedMemory.Side, seed: UInt64
) {
  var generator = SeededGenerator(seed: seed)
  let bounds = Bounds.all[Int(seed / 2) % Bounds.all.count]
  let beta = seed / 4 % 2 == 0 ? 0 : 0.5
  let height = 16 / blockColumns
  let gridColumns = 7
  let xColumn = gridColumns * blockColumns + 3
  var x: [Scalar] = generator.matrix(
    rows: columns, columns: gridColumns * blockColumns, stride: xColumn)
  if hasNaN(seed) { x[0] = .nan }
  let steps = counts.reduce(0, +)
  let weights: [Scalar] = row.weights(generator.values(16 * steps))
  let indices = (0..<steps).map { _ in UInt16.random(in: 0..<UInt16(gridColumns), using: &generator)
  }
  // The last strip is cut short, the one before it in part of the cases lies outside altogether.
  let order = Array(0..<counts.count).shuffled(using: &generator)
  let firstRows = order.map { UInt32($0 * height) }
  let outputs = max(counts.count * height - (seed % 3 == 0 ? height + 1 : height / 2), 0)
  let (yRow, yColumn) = byRows ? (1, outputs + 3) : (columns + 2, 1)
  let bias: [Scalar] = generator.values(outputs)
  var y = [Scalar](
    repeating: Scalar(untouched),
    count: outputs == 0 ? 0 : (outputs - 1) * yRow + (columns - 1) * yColumn + 1)
  for i in 0..<outputs {
    for c in 0..<columns { y[i * yRow + c * yColumn] = beta == 0 ? .nan : generator.nonzero() }
  }
  var expected = y.map { Expected(exactly: $0) }
  var step = 0
  for (s, count) in counts.enumerated() {
    for r in 0..<height where Int(firstRows[s]) + r < outputs {
      let i = Int(firstRows[s]) + r
      for c in 0..<columns {
        var sum = ExactSum<Scalar>()
        for k in step..<(step + count) {
          for j in 0..<blockColumns {
            sum.add(
              weights[16 * k + r * blockColumns + j],
              times: x[c * xColumn + blockColumns * Int(indices[k]) + j])
          }
        }
        sum.add(bias[i])
        if beta != 0 { sum.add(Scalar(beta), times: y[i * yRow + c * yColumn]) }
        expected[i * yRow + c * yColumn] = sum.expected(bounds)
      }
    }
    step += count
  }
  let name =
    "blocks of \(blockColumns) columns, \(columns) columns, steps \(counts), by rows \(byRows), "
    + "β \(beta), \(bounds), seed \(seed)"
  GuardedMemory.with(side) { memory in
    let (inputs, starts) = (memory.copy(x), memory.copy(bias))
    let values = memory.copy(weights, for: row)
    let (blocks, strips) = (memory.copy(indices), memory.copy(counts.map(UInt32.init)))
    let first = memory.copy(firstRows)
    let scratch = memory.copy([Scalar](repeating: .nan, count: 16))
    row.conform(to: expected, from: y, side, name) { kernel, output in
      var arguments = lcn_block_args(
        x: inputs, xColumn: Int64(xColumn), weights: values, indices: blocks, counts: strips,
        strips: Int64(counts.count), firstRows: first, rows: Int64(outputs), y: output,
        yRow: Int64(yRow), yColumn: Int64(yColumn), bias: starts, lower: bounds.lower,
        upper: bounds.upper, beta: beta, scratch: scratch, columns: Int32(columns),
        blockColumns: Int32(blockColumns))
      kernel.call(&arguments)
    }
  }
}
