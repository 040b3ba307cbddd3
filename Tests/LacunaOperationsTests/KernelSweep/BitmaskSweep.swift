// Rows of weights under bit masks by bytes: exactly, for every number of chunks and of right-hand sides.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

func sweepBitmask(_ row: KernelRow) {
  var seed: UInt64 = 2000
  for (rows, chunks) in [(0, 1), (1, 1), (3, 2), (5, 3), (2, 7), (4, 0)] {
    for sides in 1...4 {
      for side in GuardedMemory.Side.allCases {
        seed += 1
        check(row, rows: rows, chunks: chunks, sides: sides, side, seed)
      }
    }
  }
}

private func check(
  _ row: KernelRow, rows: Int, chunks: Int, sides: Int, _ memorySide: GuardedMemory.Side,
  _ seed: UInt64
) {
  var generator = SeededGenerator(seed: seed)
  // Full masks and the largest products, empty ones, or any others.
  let extreme = seed % 3 == 0
  let (xStride, sumsStride) = (64 * chunks + 64, rows + 3)
  let x = (0..<max((sides - 1) * xStride + 64 * chunks, 0)).map { _ in
    extreme ? 255 : UInt8.random(in: 0...255, using: &generator)
  }
  let masks = (0..<rows * chunks).map { i in
    extreme ? (i % 5 == 4 ? 0 : UInt64.max) : UInt64.random(in: 0...(.max), using: &generator)
  }
  var values: [Int8] = []
  let sums = [Int32](repeating: 99, count: max((sides - 1) * sumsStride + rows, 0))
  var expected = sums.map { Expected(exactly: $0) }
  for i in 0..<rows {
    var totals = [Int](repeating: 0, count: sides)
    for input in 0..<64 * chunks
    where masks[i * chunks + input / 64] >> UInt64(input % 64) & 1 != 0 {
      let weight = extreme ? -128 : Int8.random(in: -128...127, using: &generator)
      values.append(weight)
      for s in 0..<sides { totals[s] += Int(weight) * Int(x[s * xStride + input]) }
    }
    for s in 0..<sides { expected[s * sumsStride + i] = Expected(exactly: Int32(totals[s])) }
  }
  GuardedMemory.with(memorySide) { memory in
    // As much as may be read behind each, and no more.
    let (x, masks) = (memory.copy(x), memory.copy(masks))
    let values = memory.copy(values + [Int8](repeating: 127, count: 64))
    row.conform(
      to: expected, from: sums, memorySide,
      "\(rows) rows, \(chunks) masks, \(sides) sides, seed \(seed)"
    ) { kernel, output in
      var arguments = lcn_bitmask_args(
        x: x, xStride: Int64(xStride), sides: Int32(sides), masks: masks, values: values,
        rows: Int64(rows), chunks: Int64(chunks), sums: output, sumsStride: Int64(sumsStride))
      kernel.call(&arguments)
    }
  }
}
