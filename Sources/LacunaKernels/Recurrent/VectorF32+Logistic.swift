// tanh(x) and 1 / (1 + e⁻ˣ) in single precision, each within 3 ulp of the exact value.
//
// Both come from e^y − 1 = 2ⁿ·p + (2ⁿ − 1), where y = n·ln 2 + r, |r| ≤ ½ ln 2, and p ≈ e^r − 1 is a polynomial of
// degree 7 (the coefficients of Cephes' expf). Written so, small arguments lose nothing: tanh needs no second
// polynomial around 0.
//
// Every operation rounds on its own, with a fused multiply-add nowhere: so the bits are those of every instruction
// set, and the bound, found by trying all 2³² floats, holds on each. Measured worst cases: tanh 2.42 ulp at 0.062,
// the logistic function 2.83 ulp at −1.95; both are within 9e-8 everywhere. Fused, the chain would be six operations
// shorter of about thirty; a step of a recurrent layer spends its time in its product.

import CSIMD

extension VectorF32 {
  #if LACUNA_V4
    typealias Bits = SIMD16<UInt32>
  #elseif LACUNA_V3
    typealias Bits = SIMD8<UInt32>
  #else
    typealias Bits = SIMD4<UInt32>
  #endif

  @inline(__always) private var bits: Bits { unsafeBitCast(lanes, to: Bits.self) }
  @inline(__always) private init(bits: Bits) { self.init(unsafeBitCast(bits, to: Lanes.self)) }

  /// p and 2ⁿ of e^y − 1 = 2ⁿ·p + (2ⁿ − 1), for |y| ≤ 87. NaN makes p NaN.
  @inline(__always)
  private static func exponential(_ y: Lanes) -> (p: Lanes, scale: Lanes) {
    // Adding 1.5·2²³ leaves the nearest integer in the low bits.
    let shifted = y * 1.442_695_04 + 12_582_912
    let n = shifted - 12_582_912
    // ln 2 in two parts, the first of which has so few bits that n times it is exact.
    let r = (y - n * 0.693_359_375) - n * -2.121_944_40e-4
    var p = r * 1.987_569_150_0e-4 + 1.398_199_950_7e-3
    p = p * r + 8.333_451_907_3e-3
    p = p * r + 4.166_579_589_4e-2
    p = p * r + 1.666_666_545_9e-1
    p = p * r + 5.000_000_120_1e-1
    p = p * (r * r) + r
    let exponent = (VectorF32(shifted).bits &<< 23) &+ Bits(repeating: 0x3f80_0000)
    return (p, VectorF32(bits: exponent).lanes)
  }

  /// tanh of each lane: within 3 ulp, odd, ±1 from |x| = 9.02 on; NaN stays NaN and a zero its sign.
  @inline(__always)
  func hyperbolicTangent() -> VectorF32 {
    let sign = bits & Bits(repeating: 0x8000_0000)
    var size = VectorF32(bits: bits ^ sign).lanes
    size = size.replacing(with: 10, where: size .> 10)
    let (p, scale) = Self.exponential(size + size)
    let e = scale * p + (scale - 1)
    let y = e / (e + 2)
    return VectorF32(bits: VectorF32(y).bits | sign)
  }

  /// 1 / (1 + e⁻ˣ) of each lane: within 3 ulp from x = −87 on, below 0; NaN stays NaN.
  @inline(__always)
  func logistic() -> VectorF32 {
    let size = VectorF32(bits: bits & Bits(repeating: 0x7fff_ffff)).lanes
    let isFar = size .> 87
    let (p, scale) = Self.exponential(-size.replacing(with: 87, where: isFar))
    let e = scale * p + scale
    let upper = 1 / (1 + e)
    let lower = (e * upper).replacing(with: 0, where: isFar)
    return VectorF32(upper.replacing(with: lower, where: lanes .< 0))
  }
}

/// The first `count` elements of a register at `p`.
@inline(__always)
func lanes(_ p: UnsafePointer<Float>, _ count: Int) -> VectorF32 {
  count == VectorF32.count ? .load(p, 0) : .loadFirst(count, p)
}

extension VectorF32 {
  /// Writes the first `count` elements to `p`.
  @inline(__always)
  func write(_ p: UnsafeMutablePointer<Float>, _ count: Int) {
    if count == VectorF32.count { store(p, 0) } else { storeFirst(count, p) }
  }
}
