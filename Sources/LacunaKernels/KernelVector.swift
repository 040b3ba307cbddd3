// One register of this copy of the kernels, and a + b·c on it: fused where the instruction exists,
// two roundings where it would be a library call.

import CSIMD

/// How a strip kernel reads weights: as they are, or widened to what its sums are made of.
///
/// Every ``StripVector`` is one, whose weights are stored as they multiply. See `NarrowWeights.swift` for others.
protocol StripWeight {
  /// One weight as the streams hold it.
  associatedtype Stored
  associatedtype Sum: StripVector
  /// One weight in every lane.
  static func spread(_ p: UnsafePointer<Stored>) -> Sum
  /// As many adjacent weights as there are lanes: register number `index` at `p`, any alignment.
  static func load(_ p: UnsafeRawPointer, _ index: Int) -> Sum
  /// `p`, which is not read before `sum` is computed, where reading ahead would cost registers.
  static func ordered(_ p: UnsafeRawPointer, after sum: Sum) -> UnsafeRawPointer
}

extension StripWeight {
  @inline(__always)
  static func ordered(_ p: UnsafeRawPointer, after sum: Sum) -> UnsafeRawPointer { p }
}

/// A register of sums of the strip kernels, which are generic over it: ``VectorF32``, ``VectorF64`` and
/// ``VectorI8`` say what a weight is, how a product is added and how a sum becomes a result.
///
/// Own structs and own protocols without stdlib constraints: conformances of stdlib types would put
/// weak symbols into the object, and the linker could keep this copy of them for everyone.
protocol StripVector: StripWeight where Sum == Self, Stored == Scalar {
  /// One weight as it multiplies.
  associatedtype Scalar
  /// What finishing needs of the arguments, read once. No generic struct: its metadata is weak code.
  associatedtype Finish
  static var count: Int { get }
  static var zero: Self { get }
  init(repeating value: Scalar)
  func store(_ p: UnsafeMutableRawPointer, _ index: Int)
  /// Writes the first `count` lanes, and nothing behind them.
  func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer)
  /// self + a·b.
  func adding(_ a: Self, times b: Self) -> Self
  /// What the sums of an output row start from.
  static func start(_ a: lcn_spmm_args, row: Int) -> Self
  static func finish(_ a: lcn_spmm_args) -> Finish
  /// Sums of the R output rows from `row` on, T registers each, become results in R rows from `y` on; of
  /// the last register `tail` lanes. `partial` is where these sums wait between column blocks.
  static func finish<let R: Int, let T: Int, let RT: Int>(
    _ sums: inout InlineArray<RT, Self>, _ shape: InlineArray<R, Void>.Type,
    _ columns: InlineArray<T, Self>, row: Int, partial: UnsafeMutableRawPointer, partialStride: Int,
    y: UnsafeMutableRawPointer, yStride: Int, tail: Int, _ finish: Finish)
}

extension StripVector {
  @inline(__always) static func spread(_ p: UnsafePointer<Scalar>) -> Self {
    Self(repeating: p.pointee)
  }

  /// Register number `index` at `p`, of which `count` lanes exist.
  @inline(__always)
  func storeLast(_ count: Int, _ p: UnsafeMutableRawPointer, _ index: Int) {
    if count == Self.count {
      store(p, index)
    } else {
      storeFirst(count, p + index &* MemoryLayout<Self>.size)
    }
  }

  /// R rows of T registers.
  @inline(__always)
  static func storeStrip<let R: Int, let T: Int, let RT: Int>(
    _ sums: InlineArray<RT, Self>, _ shape: InlineArray<R, Void>.Type,
    _ columns: InlineArray<T, Self>, at p: UnsafeMutableRawPointer, stride: Int
  ) {
    for r in 0..<R {
      for t in 0..<T { sums[r &* T &+ t].store(p + r &* stride, t) }
    }
  }
}

/// A register of sums that start from a bias and are clamped.
protocol BoundedVector: StripVector
where
  Finish == (lower: Self, upper: Self, bounds: Bool, residual: UnsafeRawPointer?, streams: Bool)
{
  init(repeatingBound value: Double)
  /// ``store(_:_:)`` past the caches, to an aligned place.
  func stream(_ p: UnsafeMutableRawPointer, _ index: Int)
  /// The first `count` lanes of `p`, zeros behind them; reads nothing behind them.
  static func loadFirst(_ count: Int, _ p: UnsafeRawPointer) -> Self
  /// self + other.
  func adding(_ other: Self) -> Self
  /// `lower` where self is below it, `upper` where self is above it, else self: NaN passes.
  func bounded(_ lower: Self, _ upper: Self) -> Self
}

/// A register of floats or doubles: ``VectorF32`` and ``VectorF64``.
protocol KernelVector: BoundedVector {
  /// target[j][i] ← source[i][j] for a tile of at most count × count elements; strides in elements.
  static func transposeTile(
    _ source: UnsafePointer<Scalar>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Scalar>,
    _ targetStride: Int, rows: Int, columns: Int, lanes: Int)
  /// The same for a band of up to `LCN_BAND_TILES` tiles, whose target rows are written one after the other.
  static func transposeBand(
    _ source: UnsafePointer<Scalar>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Scalar>,
    _ targetStride: Int, rows: Int, columns: Int, lanes: Int)
  /// Every third element of three registers' worth, from the first, the second and the third on.
  static func separateThirds(
    _ source: UnsafePointer<Scalar>, _ a: UnsafeMutablePointer<Scalar>,
    _ b: UnsafeMutablePointer<Scalar>, _ c: UnsafeMutablePointer<Scalar>)
}

extension BoundedVector {
  @inline(__always) static func start(_ a: lcn_spmm_args, row: Int) -> Self {
    Self(repeating: a.bias.assumingMemoryBound(to: Scalar.self)[row])
  }

  @inline(__always) static func finish(_ a: lcn_spmm_args) -> Finish {
    (
      lower: Self(repeatingBound: a.lower), upper: Self(repeatingBound: a.upper),
      bounds: a.lower > -.infinity || a.upper < .infinity, residual: a.residual,
      streams: a.streams != 0
    )
  }

  @inline(__always)
  static func finish<let R: Int, let T: Int, let RT: Int>(
    _ sums: inout InlineArray<RT, Self>, _ shape: InlineArray<R, Void>.Type,
    _ columns: InlineArray<T, Self>, row: Int, partial: UnsafeMutableRawPointer, partialStride: Int,
    y: UnsafeMutableRawPointer, yStride: Int, tail: Int, _ finish: Finish
  ) {
    if let residual = finish.residual {
      // A call for each row: what a longer loop indexes would lie in memory while the sums are made.
      let from = residual + row &* yStride
      addRow(0, &sums, columns, from, tail: tail)
      if R > 1 { addRow(1, &sums, columns, from + yStride, tail: tail) }
      if R > 2 { addRow(2, &sums, columns, from + 2 &* yStride, tail: tail) }
      if R > 3 { addRow(3, &sums, columns, from + 3 &* yStride, tail: tail) }
    }
    if finish.bounds {
      for i in 0..<RT { sums[i] = sums[i].bounded(finish.lower, finish.upper) }
    }
    if finish.streams {
      for r in 0..<R {
        for t in 0..<T { sums[r &* T &+ t].stream(y + r &* yStride, t) }
      }
      return
    }
    for r in 0..<R {
      let y = y + r &* yStride
      for t in 0..<(T &- 1) { sums[r &* T &+ t].store(y, t) }
      sums[r &* T &+ T &- 1].storeLast(tail, y, T &- 1)
    }
  }
}

extension BoundedVector {
  /// sums of row `r` of a strip += a row of T registers, the last of which has `tail` lanes.
  @inline(__always)
  private static func addRow<let T: Int, let RT: Int>(
    _ r: Int, _ sums: inout InlineArray<RT, Self>, _ columns: InlineArray<T, Self>,
    _ from: UnsafeRawPointer, tail: Int
  ) {
    for t in 0..<(T &- 1) { sums[r &* T &+ t] = sums[r &* T &+ t].adding(load(from, t)) }
    let last = r &* T &+ T &- 1
    let rest =
      tail == count
      ? load(from, T &- 1) : loadFirst(tail, from + (T &- 1) &* MemoryLayout<Self>.size)
    sums[last] = sums[last].adding(rest)
  }
}

struct VectorF32: KernelVector {
  typealias Finish = (
    lower: VectorF32, upper: VectorF32, bounds: Bool, residual: UnsafeRawPointer?, streams: Bool
  )
  #if LACUNA_V4
    typealias Lanes = SIMD16<Float>
  #elseif LACUNA_V3
    typealias Lanes = SIMD8<Float>
  #else
    typealias Lanes = SIMD4<Float>
  #endif
  var lanes: Lanes

  @inline(__always) init(_ lanes: Lanes) { self.lanes = lanes }
  @inline(__always) init(repeating value: Float) { lanes = Lanes(repeating: value) }
  @inline(__always) init(repeatingBound value: Double) { lanes = Lanes(repeating: Float(value)) }
  @inline(__always) static var count: Int { Lanes.scalarCount }
  @inline(__always) static var zero: Self { Self(repeating: 0) }
  @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> Self {
    Self((p + index &* MemoryLayout<Lanes>.size).loadUnaligned(as: Lanes.self))
  }
  @inline(__always) func store(_ p: UnsafeMutableRawPointer, _ index: Int) {
    (p + index &* MemoryLayout<Lanes>.size).storeBytes(of: lanes, as: Lanes.self)
  }
  @inline(__always) func stream(_ p: UnsafeMutableRawPointer, _ index: Int) {
    lcn_stream_f32(p + index &* MemoryLayout<Lanes>.size, lanes)
  }
  @inline(__always) func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer) {
    lcn_store_first_f32(p, lanes, Int64(count))
  }
  @inline(__always) static func loadFirst(_ count: Int, _ p: UnsafeRawPointer) -> Self {
    Self(lcn_load_first_f32(p, Int64(count)))
  }
  @inline(__always)
  static func transposeTile(
    _ source: UnsafePointer<Float>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Float>,
    _ targetStride: Int, rows: Int, columns: Int, lanes: Int
  ) {
    lcn_transpose_tile_f32(
      source, Int64(sourceStride), target, Int64(targetStride), Int64(rows), Int64(columns),
      Int64(lanes))
  }
  @inline(__always)
  static func transposeBand(
    _ source: UnsafePointer<Float>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Float>,
    _ targetStride: Int, rows: Int, columns: Int, lanes: Int
  ) {
    lcn_transpose_band_f32(
      source, Int64(sourceStride), target, Int64(targetStride), Int64(rows), Int64(columns),
      Int64(lanes))
  }
  @inline(__always)
  static func separateThirds(
    _ source: UnsafePointer<Float>, _ a: UnsafeMutablePointer<Float>,
    _ b: UnsafeMutablePointer<Float>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    lcn_thirds_f32(source, a, b, c)
  }
  @inline(__always) func adding(_ other: Self) -> Self { Self(lanes + other.lanes) }
  @inline(__always) func adding(_ a: Self, times b: Self) -> Self {
    #if LACUNA_V3 || LACUNA_V4
      Self(lanes.addingProduct(a.lanes, b.lanes))
    #else
      Self(lanes + a.lanes * b.lanes)
    #endif
  }
  @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
    Self(lcn_bound_f32(lanes, lower.lanes, upper.lanes))
  }
}

struct VectorF64: KernelVector {
  typealias Finish = (
    lower: VectorF64, upper: VectorF64, bounds: Bool, residual: UnsafeRawPointer?, streams: Bool
  )
  #if LACUNA_V4
    typealias Lanes = SIMD8<Double>
  #elseif LACUNA_V3
    typealias Lanes = SIMD4<Double>
  #else
    typealias Lanes = SIMD2<Double>
  #endif
  var lanes: Lanes

  @inline(__always) init(_ lanes: Lanes) { self.lanes = lanes }
  @inline(__always) init(repeating value: Double) { lanes = Lanes(repeating: value) }
  @inline(__always) init(repeatingBound value: Double) { lanes = Lanes(repeating: Double(value)) }
  @inline(__always) static var count: Int { Lanes.scalarCount }
  @inline(__always) static var zero: Self { Self(repeating: 0) }
  @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> Self {
    Self((p + index &* MemoryLayout<Lanes>.size).loadUnaligned(as: Lanes.self))
  }
  @inline(__always) func store(_ p: UnsafeMutableRawPointer, _ index: Int) {
    (p + index &* MemoryLayout<Lanes>.size).storeBytes(of: lanes, as: Lanes.self)
  }
  @inline(__always) func stream(_ p: UnsafeMutableRawPointer, _ index: Int) {
    lcn_stream_f64(p + index &* MemoryLayout<Lanes>.size, lanes)
  }
  @inline(__always) func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer) {
    lcn_store_first_f64(p, lanes, Int64(count))
  }
  @inline(__always) static func loadFirst(_ count: Int, _ p: UnsafeRawPointer) -> Self {
    Self(lcn_load_first_f64(p, Int64(count)))
  }
  @inline(__always)
  static func transposeTile(
    _ source: UnsafePointer<Double>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Double>,
    _ targetStride: Int, rows: Int, columns: Int, lanes: Int
  ) {
    lcn_transpose_tile_f64(
      source, Int64(sourceStride), target, Int64(targetStride), Int64(rows), Int64(columns),
      Int64(lanes))
  }
  @inline(__always)
  static func transposeBand(
    _ source: UnsafePointer<Double>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Double>,
    _ targetStride: Int, rows: Int, columns: Int, lanes: Int
  ) {
    lcn_transpose_band_f64(
      source, Int64(sourceStride), target, Int64(targetStride), Int64(rows), Int64(columns),
      Int64(lanes))
  }
  @inline(__always)
  static func separateThirds(
    _ source: UnsafePointer<Double>, _ a: UnsafeMutablePointer<Double>,
    _ b: UnsafeMutablePointer<Double>,
    _ c: UnsafeMutablePointer<Double>
  ) {
    lcn_thirds_f64(source, a, b, c)
  }
  @inline(__always) func adding(_ other: Self) -> Self { Self(lanes + other.lanes) }
  @inline(__always) func adding(_ a: Self, times b: Self) -> Self {
    #if LACUNA_V3 || LACUNA_V4
      Self(lanes.addingProduct(a.lanes, b.lanes))
    #else
      Self(lanes + a.lanes * b.lanes)
    #endif
  }
  @inline(__always) func bounded(_ lower: Self, _ upper: Self) -> Self {
    Self(lcn_bound_f64(lanes, lower.lanes, upper.lanes))
  }
}

/// The same for one value: `lower` or `upper` where it lies outside, else the value, NaN and −0
/// too.
@inline(__always)
func bounded<Scalar: BinaryFloatingPoint>(
  _ value: Scalar, _ lower: Scalar, _ upper: Scalar
) -> Scalar {
  let raised = lower > value ? lower : value
  return upper < raised ? upper : raised
}
