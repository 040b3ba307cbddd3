// One register of f32 sums of products of bf16, two to each lane.

import CSIMD

/// A register of the strip kernels for pairs of bf16: lanes of sums are f32, what multiplies them are two bf16 of X
/// by two weights.
struct VectorPairs: BoundedVector {
  typealias Finish = (
    lower: VectorPairs, upper: VectorPairs, bounds: Bool, residual: UnsafeRawPointer?, streams: Bool
  )
  var lanes: VectorF32.Lanes

  @inline(__always) init(_ lanes: VectorF32.Lanes) { self.lanes = lanes }
  /// A pair in every lane, or an f32 by its bits.
  @inline(__always) init(repeating value: Int32) {
    lanes = VectorF32(repeating: Float(bitPattern: UInt32(bitPattern: value))).lanes
  }
  @inline(__always) init(repeatingBound value: Double) {
    lanes = VectorF32(repeatingBound: value).lanes
  }
  @inline(__always) static var count: Int { VectorF32.count }
  @inline(__always) static var zero: Self { Self(VectorF32.zero.lanes) }
  @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> Self {
    Self(VectorF32.load(p, index).lanes)
  }
  @inline(__always) func store(_ p: UnsafeMutableRawPointer, _ index: Int) {
    VectorF32(lanes).store(p, index)
  }
  @inline(__always) func stream(_ p: UnsafeMutableRawPointer, _ index: Int) {
    VectorF32(lanes).stream(p, index)
  }
  @inline(__always) func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer) {
    VectorF32(lanes).storeFirst(count, p)
  }
  @inline(__always) static func loadFirst(_ count: Int, _ p: UnsafeRawPointer) -> Self {
    Self(lcn_load_first_f32(p, Int64(count)))
  }
  @inline(__always) func adding(_ other: Self) -> Self { Self(lanes + other.lanes) }
  @inline(__always) func adding(_ weights: Self, times x: Self) -> Self {
    Self(lcn_dot2(lanes, x.lanes, weights.lanes))
  }
  @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
    Self(VectorF32(lanes).bounded(VectorF32(lower.lanes), VectorF32(upper.lanes)).lanes)
  }
}
