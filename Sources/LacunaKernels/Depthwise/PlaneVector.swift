// A register of a plane's results, and how one is brought to a band.

import CSIMD

/// A register of results: what a block needs of it.
protocol PlaneVector {
  associatedtype Scalar
  static var count: Int { get }
  init(repeating value: Scalar)
  init(repeatingBound value: Double)
  static func load(_ p: UnsafeRawPointer, _ index: Int) -> Self
  func store(_ p: UnsafeMutableRawPointer, _ index: Int)
  func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer)
  func adding(_ a: Self, times b: Self) -> Self
  func bounded(_ lower: Self, _ upper: Self) -> Self
}

/// A register that is also split by parity on its way into the band.
protocol BandVector: PlaneVector, KernelVector {
  func split(even: UnsafeMutableRawPointer, odd: UnsafeMutableRawPointer)
  /// The same for two registers at once.
  func split(
    with next: Self, even: UnsafeMutableRawPointer, odd: UnsafeMutableRawPointer)
}

extension VectorF32: BandVector {
  @inline(__always)
  func split(even: UnsafeMutableRawPointer, odd: UnsafeMutableRawPointer) {
    lcn_split_f32(even, odd, lanes)
  }
  @inline(__always)
  func split(
    with next: Self, even: UnsafeMutableRawPointer, odd: UnsafeMutableRawPointer
  ) {
    Self(lcn_even_f32(lanes, next.lanes)).store(even, 0)
    Self(lcn_odd_f32(lanes, next.lanes)).store(odd, 0)
  }
}

extension VectorF64: BandVector {
  @inline(__always)
  func split(even: UnsafeMutableRawPointer, odd: UnsafeMutableRawPointer) {
    lcn_split_f64(even, odd, lanes)
  }
  @inline(__always)
  func split(
    with next: Self, even: UnsafeMutableRawPointer, odd: UnsafeMutableRawPointer
  ) {
    Self(lcn_even_f64(lanes, next.lanes)).store(even, 0)
    Self(lcn_odd_f64(lanes, next.lanes)).store(odd, 0)
  }
}

#if LACUNA_V4
  /// Half a register of AVX-512.
  struct HalfF32: PlaneVector {
    var lanes: SIMD8<Float>

    @inline(__always) init(_ lanes: SIMD8<Float>) { self.lanes = lanes }
    @inline(__always) init(repeating value: Float) { lanes = SIMD8(repeating: value) }
    @inline(__always) init(repeatingBound value: Double) { lanes = SIMD8(repeating: Float(value)) }
    @inline(__always) static var count: Int { 8 }
    @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> Self {
      Self((p + index &* 32).loadUnaligned(as: SIMD8<Float>.self))
    }
    @inline(__always) func store(_ p: UnsafeMutableRawPointer, _ index: Int) {
      (p + index &* 32).storeBytes(of: lanes, as: SIMD8<Float>.self)
    }
    @inline(__always) func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer) {
      lcn_store_first_half_f32(p, lanes, Int64(count))
    }
    @inline(__always) func adding(_ a: Self, times b: Self) -> Self {
      Self(lanes.addingProduct(a.lanes, b.lanes))
    }
    @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
      let raised = lanes.replacing(with: lower.lanes, where: lower.lanes .> lanes)
      return Self(raised.replacing(with: upper.lanes, where: upper.lanes .< raised))
    }
  }
#endif
