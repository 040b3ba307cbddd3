// exp, the logistic function, tanh and erf of eight numbers at once, in plain arithmetic: the same bits on every processor.

/// Eight lanes: two registers of the baseline, one of AVX.
typealias Vector = SIMD8<Float>

extension Vector {
  /// The lanes of `self` where `mask` is set, else those of `other`.
  @inline(__always)
  func selected(_ mask: SIMDMask<SIMD8<Int32>>, else other: Vector) -> Vector {
    other.replacing(with: self, where: mask)
  }

  @inline(__always)
  init(loading pointer: UnsafePointer<Float>) {
    self = UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
  }

  @inline(__always)
  func store(to pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Vector.self)
  }

  /// |x|
  @inline(__always)
  var magnitudes: Vector {
    Vector(bits: self.bits & SIMD8<UInt32>(repeating: 0x7FFF_FFFF))
  }

  @inline(__always)
  var bits: SIMD8<UInt32> { unsafeBitCast(self, to: SIMD8<UInt32>.self) }

  @inline(__always)
  init(bits: SIMD8<UInt32>) { self = unsafeBitCast(bits, to: Vector.self) }

  /// 2ⁿ for n in −126 … 127.
  @inline(__always)
  init(powerOfTwo n: SIMD8<Int32>) {
    self = unsafeBitCast((n &+ 127) &<< 23, to: Vector.self)
  }
}

/// eˣ within 2 units in the last place; 0 and ∞ where it leaves the range, NaN for NaN.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, a polynomial of Cephes for eʳ, and 2ⁿ in two factors, so that results
/// below the normal range are rounded once.
@inline(__always)
func exponential(_ x: Vector) -> Vector {
  let low = Vector(repeating: -104), high = Vector(repeating: 89)
  let bounded = high.selected(x .> high, else: low.selected(x .< low, else: x))
  // Adding 1.5·2²³ rounds to whole numbers, and leaves n in the lowest bits.
  let magic: Float = 12_582_912
  let shifted = bounded * 1.442_695_04 + magic
  let n =
    unsafeBitCast(shifted, to: SIMD8<Int32>.self)
    &- unsafeBitCast(Vector(repeating: magic), to: SIMD8<Int32>.self)
  let whole = shifted - magic
  let r = bounded - whole * 0.693_359_375 - whole * -2.121_944_4e-4
  var p = r * 1.987_569_15e-4 + 1.398_199_9e-3
  p = p * r + 8.333_452e-3
  p = p * r + 4.166_579_6e-2
  p = p * r + 1.666_666_5e-1
  p = p * r + 0.5
  let power = p * (r * r) + r + 1
  let half = n &>> 1
  return power * Vector(powerOfTwo: half) * Vector(powerOfTwo: n &- half)
}

/// 1 / (1 + e⁻ˣ)
@inline(__always)
func logistic(_ x: Vector) -> Vector { 1 / (1 + exponential(-x)) }

/// tanh x: a polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above.
@inline(__always)
func hyperbolicTangent(_ x: Vector) -> Vector {
  let z = x * x
  var p = z * -5.704_988_7e-3 + 2.063_908_9e-2
  p = p * z - 5.373_971e-2
  p = p * z + 1.333_144_2e-1
  p = p * z - 3.333_328_2e-1
  let small = p * z * x + x
  let a = x.magnitudes
  let large = 1 - 2 / (exponential(a + a) + 1)
  let signed = Vector(bits: large.bits | (x.bits & 0x8000_0000))
  return small.selected(a .< 0.625, else: signed)
}

/// erf x: a polynomial below 1, 1 − erfc x by e^(−x²) above. Cephes.
@inline(__always)
func errorFunction(_ x: Vector) -> Vector {
  let z = x * x
  var p = z * 7.853_861_4e-5 - 8.010_193_6e-4
  p = p * z + 5.188_327_7e-3
  p = p * z - 2.685_381_2e-2
  p = p * z + 1.128_358_5e-1
  p = p * z - 3.761_262_6e-1
  p = p * z + 1.128_379_2
  let small = x * p
  let a = x.magnitudes
  let q = 1 / a
  let y = q * q
  var near = y * 2.326_819_97e-2 - 1.387_039_4e-1
  near = near * y + 3.687_424_7e-1
  near = near * y - 5.824_733e-1
  near = near * y + 6.210_004_6e-1
  near = near * y - 4.944_515_3e-1
  near = near * y + 3.404_879_9e-1
  near = near * y - 2.741_127e-1
  near = near * y + 5.638_259_4e-1
  var far = y * -1.047_766_4e1 + 1.297_719_95e1
  far = far * y - 7.495_518_7
  far = far * y + 2.921_019
  far = far * y - 1.015_265_3
  far = far * y + 4.218_463_4e-1
  far = far * y - 2.820_767_4e-1
  far = far * y + 5.641_895e-1
  let tail = exponential(-z) * q * near.selected(a .< 2, else: far)
  let signed = Vector(bits: (1 - tail).bits | (x.bits & 0x8000_0000))
  // 1/∞ and 0·∞ are no concern: e^(−∞) is 0, and far its constant.
  return small.selected(a .< 1, else: signed)
}
