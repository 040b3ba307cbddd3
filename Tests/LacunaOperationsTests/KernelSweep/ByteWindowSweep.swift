// Windows of bytes: exactly, for every number of rows in the last group, of windows, of steps and of right-hand sides.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepByteWindows(_ row: KernelRow) {
  var seed: UInt64 = 2100
  for (rows, windows) in [(0, 1), (1, 1), (15, 2), (16, 3), (17, 2), (40, 3), (4, 0)] {
    for sides in 1...4 {
      for side in GuardedMemory.Side.allCases {
        seed += 1
        check(row, rows: rows, windows: windows, sides: sides, side, seed)
      }
    }
  }
}

private func check(
  _ row: KernelRow, rows: Int, windows: Int, sides: Int, _ memorySide: GuardedMemory.Side,
  _ seed: UInt64
) {
  var generator = SeededGenerator(seed: seed)
  // The largest products, or any others.
  let extreme = seed % 3 == 0
  let (xStride, sumsStride) = (64 * windows + 64, rows + 3)
  let x = (0..<max((sides - 1) * xStride + 64 * windows, 0)).map { _ in
    extreme ? 255 : UInt8.random(in: 0...255, using: &generator)
  }
  let sums = [Int32](repeating: 99, count: max((sides - 1) * sumsStride + rows, 0))
  var totals = [Int](repeating: 0, count: sides * rows)
  var (steps, masks): ([UInt8], [UInt64]) = ([], [])
  var (values, places): ([Int8], [UInt8]) = ([], [])
  for group in 0..<(rows + 15) / 16 {
    for window in 0..<windows {
      // None, one, and as many as a window of full rows has.
      let count = [0, 1, 2, 16].randomElement(using: &generator)!
      steps.append(UInt8(count))
      for _ in 0..<count {
        // Lanes behind the last row hold nothing.
        let lanes = min(16, rows - 16 * group)
        let mask =
          (extreme ? UInt64.max : UInt64.random(in: 0...(.max), using: &generator))
          & (lanes == 16 ? .max : 1 << UInt64(4 * lanes) - 1)
        masks.append(mask)
        for bit in 0..<64 where mask >> UInt64(bit) & 1 != 0 {
          let weight = extreme ? -128 : Int8.random(in: -128...127, using: &generator)
          let place = UInt8.random(in: 0..<64, using: &generator)
          values.append(weight)
          places.append(place)
          for s in 0..<sides {
            totals[s * rows + 16 * group + bit / 4] +=
              Int(weight) * Int(x[s * xStride + 64 * window + Int(place)])
          }
        }
      }
    }
  }
  var expected = sums.map { Expected(exactly: $0) }
  for s in 0..<sides {
    for i in 0..<rows {
      expected[s * sumsStride + i] = Expected(exactly: Int32(totals[s * rows + i]))
    }
  }
  GuardedMemory.with(memorySide) { memory in
    // As much as may be read behind each, and no more.
    let (x, steps, masks) = (memory.copy(x), memory.copy(steps), memory.copy(masks))
    let values = memory.copy(values + [Int8](repeating: 127, count: 64))
    let places = memory.copy(places + [UInt8](repeating: 255, count: 64))
    row.conform(
      to: expected, from: sums, memorySide,
      "\(rows) rows, \(windows) windows, \(sides) sides, seed \(seed)"
    ) { kernel, output in
      var arguments = lcn_byte_window_args(
        x: x, xStride: Int64(xStride), sides: Int32(sides), steps: steps, masks: masks,
        values: values, places: places, rows: Int64(rows), windows: Int64(windows), sums: output,
        sumsStride: Int64(sumsStride))
      kernel.call(&arguments)
    }
  }
}
