// Magnitudes counted against a bracket, by digits, and the loop of multiply-adds: exactly what a
// plain loop gives.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport

/// Values that tie with the edges of brackets, and every kind of number.
private func magnitudes<Scalar: SweepScalar>(
  _ count: Int, _ generator: inout SeededGenerator
) -> [Scalar] {
  let special: [Scalar] = [
    0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.greatestFiniteMagnitude,
  ]
  return (0..<count).map { _ in
    generator.chance(0.1)
      ? special.randomElement(using: &generator)!
      : Scalar(Int.random(in: -8...8, using: &generator))
  }
}

private let counts = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 1000]

extension UInt32: ComparedNumber { var double: Double { Double(self) } }
extension Int64: ComparedNumber { var double: Double { Double(self) } }
/// Two magnitudes of 64 bits may be one number in double precision: sweeps compare their halves.
private func halves<Bits: FixedWidthInteger & UnsignedInteger>(_ bits: [Bits]) -> [UInt32] {
  bits.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: UInt64($0) >> 32)] }
}

func sweepBracket<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  typealias Bits = Scalar.Bits
  let edges: [(low: Scalar, high: Scalar)] = [
    (2, 6), (4, 4), (0, .infinity), (.infinity, .infinity), (0, 0), (1, .greatestFiniteMagnitude),
  ]
  var generator = SeededGenerator(seed: 700)
  for count in counts {
    for (low, high) in edges {
      let x: [Scalar] = magnitudes(count, &generator)
      let (low, high) = (low.magnitudeBits, high.magnitudeBits)
      let bits = x.map(\.magnitudeBits)
      let inside = bits.filter { $0 > low && $0 < high }
      // Counts are added to, and the maximum only rises.
      let before = lcn_select_state(above: 3, equal_high: 5, inside: 7, equal_low: 11, maximum: 1)
      let after: [Int64] = [
        3 + Int64(bits.count { $0 > high }), 5 + Int64(bits.count { $0 == high }),
        7 + Int64(inside.count), 11 + Int64(bits.count { $0 == low }), Int64(inside.count),
      ]
      let maximum = max(1, bits.map(UInt64.init).max() ?? 0)
      for side in GuardedMemory.Side.allCases {
        GuardedMemory.with(side) { memory in
          let from = memory.copy(x)
          // Counters, the largest magnitude and the magnitudes inside, all as numbers of 32 bits.
          let expected =
            halves(after.map { UInt64($0) }) + halves([maximum]) + halves(inside)
          row.conform(
            to: expected.map { Expected(exactly: $0) },
            from: [UInt32](repeating: 0, count: expected.count), side,
            "count \(count), \(low)…\(high)"
          ) { kernel, output in
            // Room for 16 more than there are.
            let out = memory.copy([Bits](repeating: 77, count: count + 16))
            var state = before
            let appended = withUnsafeMutablePointer(to: &state) { state in
              var arguments = lcn_select_args(
                x: from, count: Int64(count), low: UInt64(low), high: UInt64(high), end: out,
                state: state)
              withUnsafeMutablePointer(to: &arguments) { kernel.call($0) }
              return arguments.end.assumingMemoryBound(to: Bits.self) - out
            }
            let numbers = [
              state.above, state.equal_high, state.inside, state.equal_low, Int64(appended),
            ]
            let found = UnsafeBufferPointer(start: out, count: min(appended, inside.count))
            let result =
              halves(numbers.map { UInt64($0) }) + halves([state.maximum]) + halves(Array(found))
            for (i, word) in result.enumerated() { output[i] = word }
          }
        }
      }
    }
  }
}

func sweepHistogram<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  let magnitudeBits = Scalar.Bits.bitWidth - 1
  var generator = SeededGenerator(seed: 701)
  for count in counts {
    let x: [Scalar] = magnitudes(count, &generator)
    let bits = x.map { UInt64($0.magnitudeBits) }
    // The first digit, one in the middle below the prefix of some element, the last and narrow one.
    for (prefixShift, width) in [(magnitudeBits, 11), (magnitudeBits - 11, 11), (9, 9), (1, 1)] {
      let shift = prefixShift - width
      let mask = (UInt64(1) << UInt64(width)) - 1
      let prefix = (bits.randomElement(using: &generator) ?? 0) >> UInt64(prefixShift)
      // Added to what is there. Two tables, of which only the sum is promised.
      var expected = [Int64](repeating: 4, count: Int(mask) + 1)
      for b in bits where b >> UInt64(prefixShift) == prefix {
        expected[Int(b >> UInt64(shift) & mask)] += 1
      }
      for side in GuardedMemory.Side.allCases {
        GuardedMemory.with(side) { memory in
          let from = memory.copy(x)
          row.conform(
            to: expected.map { Expected(exactly: $0) }, from: expected.map { _ in Int64(0) }, side,
            "count \(count), digit of \(width) bits at \(shift)"
          ) { kernel, output in
            let bins = memory.copy([Int64](repeating: 2, count: 2 * expected.count))
            var arguments = lcn_histogram_args(
              x: from, count: Int64(count), prefix: prefix, prefixShift: Int64(prefixShift),
              shift: Int64(shift), mask: mask, bins: bins)
            kernel.call(&arguments)
            for d in 0..<expected.count { output[d] = bins[d] + bins[d + expected.count] }
          }
        }
      }
    }
  }
}

func sweepPeak<Scalar: SweepScalar>(_ row: KernelRow, _: Scalar.Type) {
  // Small integers: every sum is exact, fused or not.
  let (a, b, c): (Scalar, Scalar, Scalar) = (3, 2, 5)
  let starts = [a, a + b, a + c, a - b, a - c, b, c, b + c, b - c, c - b, a + a, b + b]
  for rounds in [0, 1, 2, 9] {
    let sum = starts.reduce(0, +) + 12 * Scalar(rounds) * b * c
    let expected = [a, b, c, sum * Scalar(row.lanes)].map { Expected(exactly: $0) }
    for side in GuardedMemory.Side.allCases {
      row.conform(to: expected, from: [a, b, c, .nan], side, "\(rounds) rounds") { kernel, output in
        var arguments = lcn_peak_args(rounds: Int64(rounds), operands: output)
        kernel.call(&arguments)
      }
    }
  }
}
