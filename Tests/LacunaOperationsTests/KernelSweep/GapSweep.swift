// Rows of gaps by bytes: exactly, at every number of slots around a chunk of eight.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

func sweepGaps(_ row: KernelRow) {
  var seed: UInt64 = 1000
  for bits in 1...5 {
    for counts in [[], [0], [1, 0, 7], [8], [9, 15, 16], [17, 24, 25, 0, 33, 1, 8, 40]] {
      for side in GuardedMemory.Side.allCases {
        seed += 1
        check(row, bits, counts, side, seed)
      }
    }
  }
}

private func check(
  _ row: KernelRow, _ bits: Int, _ counts: [Int], _ side: GuardedMemory.Side, _ seed: UInt64
) {
  var generator = SeededGenerator(seed: seed)
  // The longest gaps and largest products, or any others.
  let extreme = seed % 3 == 0
  let inputs = (counts.max() ?? 0) << bits
  let x = (0..<inputs).map { _ in extreme ? 255 : UInt8.random(in: 0...255, using: &generator) }
  var (values, gaps): ([Int8], [UInt8]) = ([], [])
  var expected: [Expected] = []
  for count in counts {
    var (place, sum) = (-1, 0)
    var chunks = [UInt64](repeating: 0, count: (count + 7) / 8)
    for slot in 0..<count {
      let gap = extreme ? 1 << bits - 1 : Int.random(in: 0..<1 << bits, using: &generator)
      let weight = extreme ? -128 : Int8.random(in: -128...127, using: &generator)
      chunks[slot / 8] |= UInt64(gap) << (slot % 8 * bits)
      place += gap + 1
      sum += Int(weight) * Int(x[place])
      values.append(weight)
    }
    for chunk in chunks {
      for byte in 0..<bits { gaps.append(UInt8(truncatingIfNeeded: chunk >> (8 * byte))) }
    }
    expected.append(Expected(exactly: Int32(sum)))
  }
  let sums = [Int32](repeating: 99, count: counts.count)
  GuardedMemory.with(side) { memory in
    // As much as may be read behind each, and no more.
    let x = memory.copy(x + [UInt8](repeating: 255, count: 8))
    let values = memory.copy(values + [Int8](repeating: 127, count: 8))
    let gaps = memory.copy(gaps + [UInt8](repeating: 255, count: 8))
    let slots = memory.copy(counts.map { UInt16($0) })
    row.conform(to: expected, from: sums, side, "\(bits) bits, slots \(counts), seed \(seed)") {
      kernel, output in
      var arguments = lcn_gap_args(
        x: x, values: values, gaps: gaps, counts: slots, rows: Int64(counts.count),
        bits: Int32(bits), sums: output)
      kernel.call(&arguments)
    }
  }
}
