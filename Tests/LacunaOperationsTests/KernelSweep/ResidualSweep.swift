// Residuals that are added to rectangles of results, and their bounds.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepResiduals<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  let lanes = row.lanes
  var seed: UInt64 = 1500
  for columns in [0, 1, lanes - 1, lanes, lanes + 1, 3 * lanes + 1] {
    for (rows, gap) in [(1, 0), (3, 0), (3, 5)] {
      for side in GuardedMemory.Side.allCases {
        seed += 1
        var generator = SeededGenerator(seed: seed)
        let bounds = Bounds.all[Int(seed) % Bounds.all.count]
        let stride = columns + gap
        let count = max((rows - 1) * stride + columns, 0)
        var y: [Scalar] = generator.matrix(rows: rows, columns: columns, stride: stride)
        let residual: [Scalar] = generator.matrix(rows: rows, columns: columns, stride: stride)
        if hasNaN(seed) && count > 0 { y[0] = .nan }
        for i in 0..<count where stride > 0 && i % stride >= columns { y[i] = Scalar(untouched) }
        var expected = y.map { Expected(exactly: $0) }
        for i in 0..<count where i % max(stride, 1) < columns {
          var sum = ExactSum<Scalar>()
          sum.add(y[i])
          sum.add(residual[i])
          expected[i] = sum.expected(bounds)
        }
        GuardedMemory.with(side) { memory in
          let added = memory.copy(residual)
          row.conform(
            to: expected, from: y, side, "\(rows)×\(columns), stride \(stride), seed \(seed)"
          ) { kernel, output in
            var arguments = lcn_residual_args(
              y: output, residual: added, rows: Int64(rows), columns: Int64(columns),
              stride: Int64(stride), lower: bounds.lower, upper: bounds.upper)
            kernel.call(&arguments)
          }
        }
      }
    }
  }
}
