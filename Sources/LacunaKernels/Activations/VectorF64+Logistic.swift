// 1 / (1 + e⁻ˣ) in double precision, within 3 ulp.
//
// e^y = 2ⁿ·e^r, where y = n·ln 2 + r, |r| ≤ ½ ln 2, and e^r = 1 + 2·p / (q − p) with the polynomials of Cephes' exp. As in
// single precision no operation is fused: the bits are those of every instruction set.

import CSIMD

extension VectorF64 {
  #if LACUNA_V4
    private typealias Bits = SIMD8<UInt64>
  #elseif LACUNA_V3
    private typealias Bits = SIMD4<UInt64>
  #else
    private typealias Bits = SIMD2<UInt64>
  #endif

  @inline(__always) private var bits: Bits { unsafeBitCast(lanes, to: Bits.self) }
  @inline(__always) private init(bits: Bits) { self.init(unsafeBitCast(bits, to: Lanes.self)) }

  /// e^y for |y| ≤ 708. NaN stays NaN.
  @inline(__always)
  private static func exponential(_ y: Lanes) -> Lanes {
    // Adding 1.5·2⁵² leaves the nearest integer in the low bits.
    let shifted = y * 1.442_695_040_888_963_407_4 + 6_755_399_441_055_744
    let n = shifted - 6_755_399_441_055_744
    // ln 2 in two parts, the first of which has so few bits that n times it is exact.
    let r = (y - n * 6.931_457_519_531_25e-1) - n * 1.428_606_820_309_417_232_12e-6
    let square = r * r
    var p = square * 1.261_771_930_748_105_908_78e-4 + 3.029_944_077_074_419_613_00e-2
    p = r * (p * square + 9.999_999_999_999_999_999_10e-1)
    var q = square * 3.001_985_051_386_644_550_42e-6 + 2.524_483_403_496_841_041_92e-3
    q = q * square + 2.272_655_482_081_550_287_66e-1
    q = q * square + 2
    let power = 1 + 2 * (p / (q - p))
    let exponent = (VectorF64(shifted).bits &<< 52) &+ Bits(repeating: 0x3ff0_0000_0000_0000)
    return VectorF64(bits: exponent).lanes * power
  }

  /// 1 / (1 + e⁻ˣ) of each lane: within 3 ulp from x = −708 on, below 0; NaN stays NaN.
  @inline(__always)
  func logistic() -> VectorF64 {
    let size = VectorF64(bits: bits & Bits(repeating: 0x7fff_ffff_ffff_ffff)).lanes
    let isFar = size .> 708
    let e = Self.exponential(-size.replacing(with: 708, where: isFar))
    let upper = 1 / (1 + e)
    let lower = (e * upper).replacing(with: 0, where: isFar)
    return VectorF64(upper.replacing(with: lower, where: lanes .< 0))
  }
}
