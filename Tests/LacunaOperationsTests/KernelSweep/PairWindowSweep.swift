// Windows of bf16: every number of rows in the last group, of windows, of steps and of right-hand sides, and a NaN that no
// weight reads.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

func sweepPairWindows(_ row: KernelRow) {
  var seed: UInt64 = 2300
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
  func narrow(_ count: Int) -> [BFloat16] {
    generator.values(count, Float.self).map { BFloat16(nearest: $0 as Float) }
  }
  let bounds = Bounds.all[Int(seed) % Bounds.all.count]
  let (xStride, yStride) = (64 * windows + 64, rows + 3)
  var x = narrow(max((sides - 1) * xStride + 64 * windows, 0))
  // The first input of every window, which idle slots look up, and one that some weight may read.
  let unread = seed % 2 == 0 ? 1 : 0
  if unread == 1 {
    for s in 0..<sides {
      for w in 0..<windows { x[s * xStride + 64 * w] = BFloat16(nearest: Float.nan) }
    }
  }
  let bias: [Float] = generator.values(rows)
  let old: [Float] = [Float](repeating: 99, count: max((sides - 1) * yStride + rows, 0))
  var sums = [ExactSum<Float>](repeating: ExactSum(), count: sides * rows)
  for s in 0..<sides { for i in 0..<rows { sums[s * rows + i].add(bias[i]) } }
  var (steps, masks): ([UInt8], [UInt32]) = ([], [])
  var (values, places): ([BFloat16], [UInt8]) = ([], [])
  for group in 0..<(rows + 15) / 16 {
    for window in 0..<windows {
      // None, one, and as many as a window of full rows has.
      let count = [0, 1, 2, 5, 32].randomElement(using: &generator)!
      steps.append(UInt8(count))
      for _ in 0..<count {
        // Lanes behind the last row hold nothing.
        let lanes = min(16, rows - 16 * group)
        let mask =
          UInt32.random(in: 0...(.max), using: &generator)
          & (lanes == 16 ? .max : 1 << UInt32(2 * lanes) - 1)
        masks.append(mask)
        for bit in 0..<32 where mask >> UInt32(bit) & 1 != 0 {
          let weight = narrow(1)[0]
          let place = UInt8.random(in: UInt8(unread)..<64, using: &generator)
          values.append(weight)
          places.append(place)
          for s in 0..<sides {
            sums[s * rows + 16 * group + bit / 2].add(
              weight.widened, times: x[s * xStride + 64 * window + Int(place)].widened)
          }
        }
      }
    }
  }
  var expected = old.map { Expected(exactly: $0) }
  for s in 0..<sides {
    for i in 0..<rows { expected[s * yStride + i] = sums[s * rows + i].expected(bounds) }
  }
  GuardedMemory.with(memorySide) { memory in
    // As much as may be read behind each, and no more.
    let (x, steps, masks) = (memory.copy(x), memory.copy(steps), memory.copy(masks))
    let values = memory.copy(
      values + [BFloat16](repeating: BFloat16(nearest: Float.nan), count: 32))
    let places = memory.copy(places + [UInt8](repeating: 255, count: 32))
    let bias = memory.copy(bias)
    row.conform(
      to: expected, from: old, memorySide,
      "\(rows) rows, \(windows) windows, \(sides) sides, \(bounds), seed \(seed)"
    ) { kernel, output in
      var arguments = lcn_pair_window_args(
        x: UnsafeRawPointer(x).assumingMemoryBound(to: UInt16.self), xStride: Int64(xStride),
        sides: Int32(sides), steps: steps, masks: masks,
        values: UnsafeRawPointer(values).assumingMemoryBound(to: UInt16.self), places: places,
        rows: Int64(rows), windows: Int64(windows), bias: bias, lower: Float(bounds.lower),
        upper: Float(bounds.upper), y: output, yStride: Int64(yStride))
      kernel.call(&arguments)
    }
  }
}

/// Every bit of a line: rounding is to the nearest, ties to even, and zeros follow.
func sweepPairLines(_ row: KernelRow) {
  var generator = SeededGenerator(seed: 2301)
  for columns in [0, 1, 15, 16, 17, 31, 32, 33, 67, 128] {
    let padded = (columns + 63) / 64 * 64
    var source: [Float] = generator.values(columns)
    for (i, value) in [1.00390625, 1.01171875, Float.infinity, -1e38, 3.4e38].enumerated()
    where columns > 10 * (i + 1) {
      source[7 * i + 3] = value
    }
    let expected = (0..<padded).map {
      Expected(
        exactly: HalfWord($0 < columns ? BFloat16(nearest: source[$0]).bitPattern : 0))
    }
    for side in GuardedMemory.Side.allCases {
      GuardedMemory.with(side) { memory in
        let from = memory.copy(source)
        row.conform(
          to: expected, from: [HalfWord](repeating: HalfWord(0xDEAD), count: padded), side,
          "\(columns) inputs"
        ) { kernel, output in
          var arguments = lcn_pack_args(
            source: from, sourceStride: 0, target: output, targetStride: 0, rows: 1,
            columns: Int64(columns), paddedColumns: Int64(padded))
          kernel.call(&arguments)
        }
      }
    }
  }
}

/// The bits of a bf16, compared exactly.
private struct HalfWord: BitwiseCopyable, ComparedNumber {
  let bits: UInt16
  init(_ bits: UInt16) { self.bits = bits }
  var double: Double { Double(bits) }
}
