// The peak loop does the multiply-adds that it is counted for.

import CSIMD
import LacunaFormats
import LacunaOperations
import Testing

struct MultiplyAddPeakTests {
  @Test("twelve chains of one register, by every instruction set", arguments: ISA.available)
  func sums(_ isa: ISA) throws {
    try check(isa, Float.self)
    try check(isa, Double.self)
  }

  private func check<Scalar: SparseScalar>(_ isa: ISA, _: Scalar.Type) throws {
    let kernel = try #require(KernelTable(isa).kernel(.multiplyAddPeak, dtype: Scalar.dtype))
    #expect(kernel.isa == isa)
    let lanes = kernel.vectorBytes / Scalar.dtype.size
    for rounds in [0, 1, 2, 9] {
      // Small integers: every sum is exact, fused or not.
      let (a, b, c) = (3.0, 2.0, 5.0)
      var operands = [Scalar(a), Scalar(b), Scalar(c), 0]
      operands.withUnsafeMutableBytes { bytes in
        var arguments = lcn_peak_args(rounds: Int64(rounds), operands: bytes.baseAddress!)
        withUnsafePointer(to: &arguments) { kernel.call($0) }
      }
      let starts = [a, a + b, a + c, a - b, a - c, b, c, b + c, b - c, c - b, a + a, b + b]
      let chain = starts.reduce(0, +) + 12 * Double(rounds) * b * c
      #expect(
        Double(operands[3]) == chain * Double(lanes), "\(isa) \(Scalar.dtype) \(rounds) rounds")
      #expect(
        MultiplyAddPeak.run(Scalar.dtype, isa: isa, rounds: rounds) == rounds * 24 * lanes,
        "\(isa) \(Scalar.dtype) \(rounds) rounds")
    }
  }
}
