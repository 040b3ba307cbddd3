// sum[l] + w[l] · x[place[l]] for one register of output rows l and a window x of adjacent inputs.

import CSIMD

/// How a window kernel reads weights: as they are, or widened to the elements of its register.
///
/// Every ``WindowVector`` is one, whose weights are stored as they multiply. See `NarrowWeights.swift` for others.
protocol LaneWeight {
  associatedtype Lanes: WindowVector
  /// Bytes of one weight.
  static var bytes: Int { get }
  /// One weight for each lane.
  static func load(_ p: UnsafeRawPointer) -> Lanes
}

#if LACUNA_V4
  /// One whose weights are read by the compressed kernel as well.
  protocol CompressedWeight: LaneWeight where Lanes == WindowF32x16 {
    /// The next weights in the lanes of the mask, zeros elsewhere.
    static func expand(_ p: UnsafeRawPointer, _ mask: UInt32) -> __m512
  }

  extension WindowF32x16: CompressedWeight {
    @inline(__always) static func expand(_ p: UnsafeRawPointer, _ mask: UInt32) -> __m512 {
      lcn_expand16(p, mask)
    }
  }
#endif

/// A register of output rows and the instructions that pick each lane's input out of a window.
///
/// The protocol and its types are this module's own, without stdlib constraints: see ``KernelVector``.
protocol WindowVector: LaneWeight where Lanes == Self {
  /// Output rows per register.
  static var lanes: Int { get }
  /// Steps whose places share one 32-bit word per lane.
  static var stepsPerBundle: Int { get }
  /// Registers per sum that take turns, because a multiply-add waits four cycles for the one before
  /// it. The same for any number of columns, so that results do not depend on it.
  static var turns: Int { get }
  /// Columns per call, so that the sums fit the registers.
  static var mostColumns: Int { get }
  /// Bytes of a block of `lanes` inputs.
  static var blockBytes: Int { get }
  /// Bytes of a bundle's places.
  static var placesBytes: Int { get }
  /// Bytes of an element.
  static var scalarBytes: Int { get }
  associatedtype Places
  static var zero: Self { get }
  init(repeating value: Double)
  static func loadPlaces(_ p: UnsafeRawPointer) -> Places
  static func next(_ places: Places) -> Places
  /// The input at each lane's place in the window of block `low` and block `high`.
  static func pick(
    _ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ places: Places
  ) -> Self
  func adding(_ a: Self, times b: Self) -> Self
  func adding(_ a: Self) -> Self
  /// As ``KernelVector/bounded(_:_:)``.
  func bounded(_ lower: Self, _ upper: Self) -> Self
  func store(_ p: UnsafeMutableRawPointer)
  /// y[rows[l]] ← bound(sums[l] + bias[rows[l]] + beta · y[rows[l]]), one element at a time.
  static func scatter(_ a: lcn_window_args, rows: UnsafePointer<UInt32>, column: Int)
}

extension WindowVector {
  @inline(__always) static var bytes: Int { scalarBytes }
}

/// The scalar end of a product for f32: rows that are not adjacent in Y.
@inline(__always)
func scatterF32(_ a: lcn_window_args, rows: UnsafePointer<UInt32>, lanes: Int, column: Int) {
  let sums = a.scratch.assumingMemoryBound(to: Float.self)
  let y = a.y.assumingMemoryBound(to: Float.self) + column &* Int(a.yColumn)
  let bias = a.bias.assumingMemoryBound(to: Float.self)
  let (lower, upper, beta) = (Float(a.lower), Float(a.upper), Float(a.beta))
  for l in 0..<lanes where rows[l] != UInt32.max {
    let target = y + Int(rows[l]) &* Int(a.yRow)
    var v = sums[l] + bias[Int(rows[l])]
    if beta != 0 { v += beta * target.pointee }
    target.pointee = bounded(v, lower, upper)
  }
}

/// The scalar end of a product for f64.
@inline(__always)
func scatterF64(_ a: lcn_window_args, rows: UnsafePointer<UInt32>, lanes: Int, column: Int) {
  let sums = a.scratch.assumingMemoryBound(to: Double.self)
  let y = a.y.assumingMemoryBound(to: Double.self) + column &* Int(a.yColumn)
  let bias = a.bias.assumingMemoryBound(to: Double.self)
  for l in 0..<lanes where rows[l] != UInt32.max {
    let target = y + Int(rows[l]) &* Int(a.yRow)
    var v = sums[l] + bias[Int(rows[l])]
    if a.beta != 0 { v += a.beta * target.pointee }
    target.pointee = bounded(v, a.lower, a.upper)
  }
}

#if LACUNA_V4
  /// 16 f32 rows by windows of two blocks of 16 inputs; the window's last place is zero.
  struct WindowF32x16: WindowVector {
    var v: __m512
    @inline(__always) init(_ v: __m512) { self.v = v }
    @inline(__always) init(repeating value: Double) { v = lcn_fill16(Float(value)) }
    @inline(__always) static var lanes: Int { 16 }
    @inline(__always) static var stepsPerBundle: Int { 6 }
    @inline(__always) static var turns: Int { 3 }
    @inline(__always) static var mostColumns: Int { 8 }
    @inline(__always) static var blockBytes: Int { 64 }
    @inline(__always) static var placesBytes: Int { 64 }
    @inline(__always) static var scalarBytes: Int { 4 }
    @inline(__always) static var zero: Self { Self(lcn_zero16()) }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> Self { Self(lcn_load16(p)) }
    @inline(__always) static func loadPlaces(_ p: UnsafeRawPointer) -> __m512i {
      lcn_load_places16(p)
    }
    @inline(__always) static func next(_ places: __m512i) -> __m512i { lcn_next_places5(places) }
    @inline(__always) static func pick(
      _ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ places: __m512i
    ) -> Self { Self(lcn_pick32(lcn_load16(low), places, lcn_load16_last_zero(high))) }
    @inline(__always) func adding(_ a: Self, times b: Self) -> Self { Self(lcn_fma16(a.v, b.v, v)) }
    @inline(__always) func adding(_ a: Self) -> Self { Self(lcn_add16(v, a.v)) }
    @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
      Self(lcn_bound16(v, lower.v, upper.v))
    }
    @inline(__always) func store(_ p: UnsafeMutableRawPointer) { lcn_store16(p, v) }
    @inline(__always) static func scatter(
      _ a: lcn_window_args, rows: UnsafePointer<UInt32>, column: Int
    ) { scatterF32(a, rows: rows, lanes: 16, column: column) }
  }

  /// 16 f32 rows by one block of 16 inputs, every place of it usable: for patterns in which each row
  /// keeps equally many inputs of a block.
  struct WindowF32x16Narrow: WindowVector {
    var v: __m512
    @inline(__always) init(_ v: __m512) { self.v = v }
    @inline(__always) init(repeating value: Double) { v = lcn_fill16(Float(value)) }
    @inline(__always) static var lanes: Int { 16 }
    @inline(__always) static var stepsPerBundle: Int { 8 }
    @inline(__always) static var turns: Int { 4 }
    @inline(__always) static var mostColumns: Int { 6 }
    @inline(__always) static var blockBytes: Int { 64 }
    @inline(__always) static var placesBytes: Int { 64 }
    @inline(__always) static var scalarBytes: Int { 4 }
    @inline(__always) static var zero: Self { Self(lcn_zero16()) }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> Self { Self(lcn_load16(p)) }
    @inline(__always) static func loadPlaces(_ p: UnsafeRawPointer) -> __m512i {
      lcn_load_places16(p)
    }
    @inline(__always) static func next(_ places: __m512i) -> __m512i { lcn_next_places4(places) }
    @inline(__always) static func pick(
      _ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ places: __m512i
    ) -> Self { Self(lcn_pick16(lcn_load16(low), places)) }
    @inline(__always) func adding(_ a: Self, times b: Self) -> Self { Self(lcn_fma16(a.v, b.v, v)) }
    @inline(__always) func adding(_ a: Self) -> Self { Self(lcn_add16(v, a.v)) }
    @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
      Self(lcn_bound16(v, lower.v, upper.v))
    }
    @inline(__always) func store(_ p: UnsafeMutableRawPointer) { lcn_store16(p, v) }
    @inline(__always) static func scatter(
      _ a: lcn_window_args, rows: UnsafePointer<UInt32>, column: Int
    ) { scatterF32(a, rows: rows, lanes: 16, column: column) }
  }

  /// 8 f64 rows by windows of two blocks of 8 inputs; the window's last place is zero.
  struct WindowF64x8: WindowVector {
    var v: __m512d
    @inline(__always) init(_ v: __m512d) { self.v = v }
    @inline(__always) init(repeating value: Double) { v = lcn_fill8d(value) }
    @inline(__always) static var lanes: Int { 8 }
    @inline(__always) static var stepsPerBundle: Int { 8 }
    @inline(__always) static var turns: Int { 2 }
    @inline(__always) static var mostColumns: Int { 8 }
    @inline(__always) static var blockBytes: Int { 64 }
    @inline(__always) static var placesBytes: Int { 32 }
    @inline(__always) static var scalarBytes: Int { 8 }
    @inline(__always) static var zero: Self { Self(lcn_zero8d()) }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> Self { Self(lcn_load8d(p)) }
    @inline(__always) static func loadPlaces(_ p: UnsafeRawPointer) -> __m512i {
      lcn_load_places8d(p)
    }
    @inline(__always) static func next(_ places: __m512i) -> __m512i { lcn_next_places8d(places) }
    @inline(__always) static func pick(
      _ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ places: __m512i
    ) -> Self { Self(lcn_pick16d(lcn_load8d(low), places, lcn_load8d_last_zero(high))) }
    @inline(__always) func adding(_ a: Self, times b: Self) -> Self { Self(lcn_fma8d(a.v, b.v, v)) }
    @inline(__always) func adding(_ a: Self) -> Self { Self(lcn_add8d(v, a.v)) }
    @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
      Self(lcn_bound8d(v, lower.v, upper.v))
    }
    @inline(__always) func store(_ p: UnsafeMutableRawPointer) { lcn_store8d(p, v) }
    @inline(__always) static func scatter(
      _ a: lcn_window_args, rows: UnsafePointer<UInt32>, column: Int
    ) { scatterF64(a, rows: rows, lanes: 8, column: column) }
  }
#elseif LACUNA_V3
  /// 8 f32 rows by windows of two blocks of 8 inputs; the window's last place is zero.
  struct WindowF32x8: WindowVector {
    var v: __m256
    @inline(__always) init(_ v: __m256) { self.v = v }
    @inline(__always) init(repeating value: Double) { v = lcn_fill8(Float(value)) }
    @inline(__always) static var lanes: Int { 8 }
    @inline(__always) static var stepsPerBundle: Int { 8 }
    @inline(__always) static var turns: Int { 2 }
    @inline(__always) static var mostColumns: Int { 4 }
    @inline(__always) static var blockBytes: Int { 32 }
    @inline(__always) static var placesBytes: Int { 32 }
    @inline(__always) static var scalarBytes: Int { 4 }
    @inline(__always) static var zero: Self { Self(lcn_zero8()) }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> Self { Self(lcn_load8(p)) }
    @inline(__always) static func loadPlaces(_ p: UnsafeRawPointer) -> __m256i {
      lcn_load_places8(p)
    }
    @inline(__always) static func next(_ places: __m256i) -> __m256i { lcn_next_places8(places) }
    @inline(__always) static func pick(
      _ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ places: __m256i
    ) -> Self { Self(lcn_pick16_avx2(lcn_load8(low), places, lcn_load8_last_zero(high))) }
    @inline(__always) func adding(_ a: Self, times b: Self) -> Self { Self(lcn_fma8(a.v, b.v, v)) }
    @inline(__always) func adding(_ a: Self) -> Self { Self(lcn_add8(v, a.v)) }
    @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
      Self(lcn_bound8(v, lower.v, upper.v))
    }
    @inline(__always) func store(_ p: UnsafeMutableRawPointer) { lcn_store8(p, v) }
    @inline(__always) static func scatter(
      _ a: lcn_window_args, rows: UnsafePointer<UInt32>, column: Int
    ) { scatterF32(a, rows: rows, lanes: 8, column: column) }
  }
#endif
