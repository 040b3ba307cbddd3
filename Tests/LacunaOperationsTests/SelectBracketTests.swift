// The pass over magnitudes, by every instruction set, against a plain loop.

import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

struct SelectBracketTests {
  @Test(
    "counts, and the magnitudes inside in order", arguments: ISA.available,
    [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 1000])
  func bracket(_ isa: ISA, _ count: Int) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      try check(isa, count, seed, Float.self, UInt32.self) { $0.bitPattern }
      try check(isa, count, seed, Double.self, UInt64.self) { $0.bitPattern }
    }
  }

  private func check<Scalar: SparseScalar, Bits: FixedWidthInteger & UnsignedInteger>(
    _ isa: ISA, _ count: Int, _ seed: UInt64, _: Scalar.Type, _: Bits.Type,
    _ bits: (Scalar) -> Bits
  ) throws {
    let kernel = try #require(KernelTable(isa).kernel(.selectBracket, dtype: Scalar.dtype))
    #expect(kernel.isa == isa)
    var generator = SeededGenerator(seed: seed)
    // Few distinct magnitudes, so that many tie with an edge of the bracket.
    let x = (0..<count).map { _ in Scalar(Int.random(in: -8...8, using: &generator)) }
    let (low, high): (Scalar, Scalar) = seed == 3 ? (4, 4) : (2, 6)
    var out = [Bits](repeating: 77, count: count + 16)
    var state = lcn_select_state()
    let appended = out.withUnsafeMutableBytes { out in
      x.withUnsafeBytes { x in
        withUnsafeMutablePointer(to: &state) { state in
          // An empty array has no address; the kernel does not look at it.
          let start = x.baseAddress ?? UnsafeRawPointer(out.baseAddress!)
          var arguments = lcn_select_args(
            x: start, count: Int64(count), low: UInt64(bits(low)), high: UInt64(bits(high)),
            end: out.baseAddress!, state: state)
          withUnsafeMutablePointer(to: &arguments) { kernel.call($0) }
          return (arguments.end - out.baseAddress!) / MemoryLayout<Bits>.size
        }
      }
    }
    let magnitudes = x.map(\.magnitude)
    let inside = magnitudes.filter { $0 > low && $0 < high }
    let comment: Comment = "\(isa) \(Scalar.dtype) count \(count) seed \(seed)"
    #expect(Array(out[..<appended]) == inside.map(bits), comment)
    #expect(Int(state.inside) == inside.count, comment)
    #expect(Int(state.above) == magnitudes.filter { $0 > high }.count, comment)
    #expect(Int(state.equal_high) == magnitudes.filter { $0 == high }.count, comment)
    #expect(Int(state.equal_low) == magnitudes.filter { $0 == low }.count, comment)
    #expect(state.maximum == magnitudes.max().map { UInt64(bits($0)) } ?? 0, comment)
  }
}
