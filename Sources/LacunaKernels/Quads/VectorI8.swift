// One register of 32-bit sums of bytes, and sum + Σ four products of bytes on it.

import CSIMD

/// A register of the strip kernels for bytes: lanes are 32-bit sums. What multiplies them are quads, four
/// unsigned bytes of X by four signed weights; what comes out are floats in the same lanes.
struct VectorI8: StripVector {
  #if LACUNA_V4
    typealias Lanes = SIMD16<Int32>
    typealias Floats = SIMD16<Float>
  #elseif LACUNA_V3
    typealias Lanes = SIMD8<Int32>
    typealias Floats = SIMD8<Float>
  #else
    typealias Lanes = SIMD4<Int32>
    typealias Floats = SIMD4<Float>
  #endif
  var lanes: Lanes

  /// What finishing needs, read once.
  struct Finish {
    var lower: Floats, upper: Floats
    var bias: UnsafePointer<Float>
    var scales: UnsafeRawPointer, zeros: UnsafeRawPointer
    var rowScales: UnsafePointer<Float>, rowSums: UnsafePointer<Int32>
  }

  @inline(__always) init(_ lanes: Lanes) { self.lanes = lanes }
  @inline(__always) init(repeating value: Int32) { lanes = Lanes(repeating: value) }
  @inline(__always) static var count: Int { Lanes.scalarCount }
  @inline(__always) static var zero: Self { Self(repeating: 0) }
  @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> Self {
    Self((p + index &* MemoryLayout<Lanes>.size).loadUnaligned(as: Lanes.self))
  }
  @inline(__always) func store(_ p: UnsafeMutableRawPointer, _ index: Int) {
    (p + index &* MemoryLayout<Lanes>.size).storeBytes(of: lanes, as: Lanes.self)
  }
  @inline(__always) func storeFirst(_ count: Int, _ p: UnsafeMutableRawPointer) {
    lcn_store_first_f32(p, unsafeBitCast(lanes, to: Floats.self), Int64(count))
  }
  /// self + the products of a quad of weights and one of bytes.
  @inline(__always) func adding(_ weights: Self, times x: Self) -> Self {
    Self(lcn_dot4(lanes, x.lanes, weights.lanes))
  }

  /// Sums of products start from nothing: the bias is a float.
  @inline(__always) static func start(_ a: lcn_spmm_args, row: Int) -> Self { zero }

  @inline(__always) static func finish(_ a: lcn_spmm_args) -> Finish {
    Finish(
      lower: Floats(repeating: Float(a.lower)), upper: Floats(repeating: Float(a.upper)),
      bias: a.bias.assumingMemoryBound(to: Float.self),
      scales: UnsafeRawPointer(a.quads.scales!), zeros: UnsafeRawPointer(a.quads.zeros!),
      rowScales: a.quads.rowScales!, rowSums: a.quads.rowSums!)
  }

  /// y ← bound((sum − rowSum·zero)·(rowScale·scale) + bias). Each operation rounds on its own, on every
  /// instruction set alike.
  ///
  /// Sums of one row are finished where they are. Those of several rows come back from memory: that is too long to
  /// unroll, and what a loop indexes would have to lie in memory while the sums are made (on a Xeon with AVX-512, blocks
  /// of four rows at 90 % were 1.4 times as slow so; one row by way of memory, 1.3 times).
  @inline(__always)
  static func finish<let R: Int, let T: Int, let RT: Int>(
    _ sums: inout InlineArray<RT, Self>, _ shape: InlineArray<R, Void>.Type,
    _ columns: InlineArray<T, Self>, row: Int, partial: UnsafeMutableRawPointer, partialStride: Int,
    y: UnsafeMutableRawPointer, yStride: Int, tail: Int, _ f: Finish
  ) {
    if R == 1 {
      let scale = RowFinish(f, row)
      for t in 0..<T { sums[t] = sums[t].finished(scale, f, t) }
      for t in 0..<(T &- 1) { sums[t].store(y, t) }
      sums[T &- 1].storeLast(tail, y, T &- 1)
      return
    }
    storeStrip(sums, shape, columns, at: partial, stride: partialStride)
    for r in 0..<R {
      let scale = RowFinish(f, row &+ r)
      let (from, to) = (partial + r &* partialStride, y + r &* yStride)
      for t in 0..<(T &- 1) { load(from, t).finished(scale, f, t).store(to, t) }
      load(from, T &- 1).finished(scale, f, T &- 1).storeLast(tail, to, T &- 1)
    }
  }

  /// What finishing a row needs.
  private struct RowFinish {
    let sum: Lanes, scale: Floats, bias: Floats

    @inline(__always) init(_ f: Finish, _ row: Int) {
      sum = Lanes(repeating: f.rowSums[row])
      scale = Floats(repeating: f.rowScales[row])
      bias = Floats(repeating: f.bias[row])
    }
  }

  /// Register number `t` of a row.
  @inline(__always)
  private func finished(_ row: RowFinish, _ f: Finish, _ t: Int) -> Self {
    let offset = t &* MemoryLayout<Lanes>.size
    let zero = (f.zeros + offset).loadUnaligned(as: Lanes.self)
    let scale = (f.scales + offset).loadUnaligned(as: Floats.self)
    let sum = lcn_floats(lanes &- row.sum &* zero)
    let value = lcn_bound_f32(sum * (row.scale * scale) + row.bias, f.lower, f.upper)
    return Self(unsafeBitCast(value, to: Lanes.self))
  }
}
