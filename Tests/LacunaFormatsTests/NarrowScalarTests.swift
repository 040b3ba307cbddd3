// bf16 and f16: every bit pattern survives, every rounding is to the nearest, ties to even.

import LacunaFormats
import TestSupport
import Testing

struct NarrowScalarTests {
  @Test("every pattern of 16 bits widens and comes back, NaN payloads and subnormals too")
  func everyPatternComesBack() {
    func check<Scalar: NarrowScalar>(_: Scalar.Type, quiet: UInt16, exponent: UInt16) {
      var wrong: [UInt16] = []
      for bits in 0...UInt16.max {
        let value = Scalar(bitPattern: bits)
        let isNaN = bits & exponent == exponent && bits & ~(exponent | 0x8000) != 0
        // Rounding makes a signaling NaN quiet; storing and widening do not.
        let back = isNaN ? bits | quiet : bits
        let isKept =
          value.bitPattern == bits && value.widened.isNaN == isNaN
          && Scalar(nearest: value.widened).bitPattern == back
          && (isNaN || Scalar(nearest: Double(value.widened)).bitPattern == bits && value == value)
        if !isKept { wrong.append(bits) }
      }
      #expect(wrong.isEmpty, "\(Scalar.numberType)")
      #expect(Scalar(bitPattern: 0x8000) == .zero && Scalar.zero.bitPattern == 0)
      #expect(Scalar(bitPattern: exponent | 1) != Scalar(bitPattern: exponent | 1))
    }
    check(BFloat16.self, quiet: 0x40, exponent: 0x7F80)
    check(Float16.self, quiet: 0x200, exponent: 0x7C00)
  }

  @Test("the standard library's half agrees")
  func halvesOfTheStandardLibrary() {
    let patterns = (0...UInt16.max).map { Float16(bitPattern: $0) }.filter { !$0.isNaN }
    #expect(patterns.allSatisfy { $0.widened == Float($0) })
    var generator = SeededGenerator(seed: 41)
    for _ in 0..<20_000 {
      let value = Float(bitPattern: .random(in: 0...UInt32.max, using: &generator))
      if value.isNaN { continue }
      #expect(Float16(nearest: value).bitPattern == Float16(value).bitPattern, "\(value)")
      let double = Double(bitPattern: .random(in: 0...UInt64.max, using: &generator) >> 1)
      for number in [double, Double(value) * (1 + 0x1p-40)] where !number.isNaN {
        #expect(Float16(nearest: number).bitPattern == Float16(number).bitPattern, "\(number)")
      }
    }
  }

  /// Between two neighbours lies a tie: above it and below it the nearer one, on it the even one.
  @Test func rounding() {
    func check<Scalar: NarrowScalar>(_: Scalar.Type, infinity: UInt16, ulp: Double) {
      var wrong: [UInt16] = []
      for bits in stride(from: UInt16(0), to: infinity - 1, by: 1) {
        let (low, high) = (Scalar(bitPattern: bits), Scalar(bitPattern: bits + 1))
        let middle = (Double(low.widened) + Double(high.widened)) / 2
        let even = bits & 1 == 0 ? bits : bits + 1
        let isRounded =
          Scalar(nearest: Float(middle)).bitPattern == even
          && Scalar(nearest: -middle).bitPattern == even | 0x8000
          && Scalar(nearest: Float(middle).nextDown).bitPattern == bits
          && Scalar(nearest: Float(middle).nextUp).bitPattern == bits + 1
          // Rounded to f32 first, these would lie on the tie.
          && Scalar(nearest: middle.nextDown).bitPattern == bits
          && Scalar(nearest: middle.nextUp).bitPattern == bits + 1
        if !isRounded { wrong.append(bits) }
      }
      #expect(wrong.isEmpty, "\(Scalar.numberType)")
      let largest = Double(Scalar(bitPattern: infinity - 1).widened)
      #expect(Scalar(nearest: largest + ulp / 2).bitPattern == infinity)
      #expect(Scalar(nearest: (largest + ulp / 2).nextDown).bitPattern == infinity - 1)
      #expect(Scalar(nearest: Double.infinity).bitPattern == infinity)
      #expect(Scalar(nearest: -Double.greatestFiniteMagnitude).bitPattern == infinity | 0x8000)
      #expect(Scalar(nearest: -Double.leastNonzeroMagnitude).bitPattern == 0x8000)
      #expect(Scalar(nearest: Double.nan).widened.isNaN)
    }
    check(BFloat16.self, infinity: 0x7F80, ulp: 0x1p120)
    check(Float16.self, infinity: 0x7C00, ulp: 32)
  }

  @Test("matrices of 16 bits convert as those of f32 do")
  func matricesConvert() throws {
    func check<Scalar: NarrowScalar>(_: Scalar.Type, seed: UInt64) throws {
      for (rows, columns) in [(1, 1), (3, 7), (64, 65), (19, 130)] {
        let floats = randomDense(
          Float.self, rows: rows, columns: columns, density: 0.3, seed: seed)
        let dense = floats.converted(to: Scalar.self)
        let csr = CSRMatrix(dense: dense)
        #expect(csr.dense() == dense)
        #expect(csr.transposed().transposed() == csr)
        #expect(csr.byteCount == csr.pattern.byteCount + 2 * csr.nnz)
        #expect(dense.byteCount == 2 * rows * columns)
        #expect(BitMask(nonzerosOf: dense) == BitMask(csr.pattern))
        let wide = csr.converted(to: Float.self)
        #expect(wide.dense() == dense.converted(to: Float.self))
        #expect(wide.converted(to: Scalar.self) == csr)
        #expect(csr.converted(to: Double.self).converted(to: Scalar.self) == csr)
        for block in [try BlockSize(4, 4), try BlockSize(2, 3), try BlockSize(1, 8)] {
          let bsr = BSRMatrix(dense: dense, block: block)
          #expect(bsr.dense() == dense)
          #expect(BSRMatrix(csr, block: block) == bsr)
          #expect(CSRMatrix(bsr) == csr)
          #expect(bsr.transposed().transposed() == bsr)
          #expect(bsr.converted(to: Float.self) == BSRMatrix(wide, block: block))
        }
        var kept = dense
        try BitMask(rows: rows, columns: columns).apply(to: &kept)
        #expect(kept.values.allSatisfy { $0.bitPattern == 0 })
      }
    }
    try check(BFloat16.self, seed: 51)
    try check(Float16.self, seed: 52)
  }

  @Test func descriptionsNameTheType() throws {
    let dense = try DenseMatrix<BFloat16>(rows: 2, columns: 3, values: [1, 0, 0, 0, 2, 0])
    #expect("\(dense)" == "DenseMatrix 2×3 bf16")
    #expect("\(CSRMatrix(dense: dense.converted(to: Float16.self)))".hasPrefix("CSRMatrix 2×3 f16"))
    #expect("\(BFloat16(0.5))" == "0.5" && Float(BFloat16(bitPattern: 0x3F80)) == 1)
  }
}
