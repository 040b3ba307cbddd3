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
    /// Whether all columns of the panel have those of its first.
    var isUniform: Bool, firstScale: Float, firstZero: Int32
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
      isUniform: a.quads.uniform != 0, firstScale: a.quads.scales![0], firstZero: a.quads.zeros![0],
      rowScales: a.quads.rowScales!, rowSums: a.quads.rowSums!)
  }

  /// y ← bound((sum − rowSum·zero)·(rowScale·scale) + bias). Each operation rounds on its own, on every
  /// instruction set alike.
  ///
  /// A call for each row: a loop over rows is too long to unroll, and what it indexes would have to lie in memory
  /// while the sums are made.
  @inline(__always)
  static func finish<let R: Int, let T: Int, let RT: Int>(
    _ sums: inout InlineArray<RT, Self>, _ shape: InlineArray<R, Void>.Type,
    _ columns: InlineArray<T, Self>, row: Int, partial: UnsafeMutableRawPointer, partialStride: Int,
    y: UnsafeMutableRawPointer, yStride: Int, tail: Int, _ f: Finish
  ) {
    finishRow(0, sums, columns, row: row, y: y, tail: tail, f)
    if R == 1 { return }
    finishRow(1, sums, columns, row: row &+ 1, y: y + yStride, tail: tail, f)
    if R == 2 { return }
    finishRow(2, sums, columns, row: row &+ 2, y: y + 2 &* yStride, tail: tail, f)
    finishRow(3, sums, columns, row: row &+ 3, y: y + 3 &* yStride, tail: tail, f)
  }

  /// Row number `r` of the strip, which is `row` of the matrix.
  @inline(__always)
  private static func finishRow<let T: Int, let RT: Int>(
    _ r: Int, _ sums: InlineArray<RT, Self>, _ columns: InlineArray<T, Self>, row: Int,
    y: UnsafeMutableRawPointer, tail: Int, _ f: Finish
  ) {
    let (rowSum, rowScale) = (f.rowSums[row], f.rowScales[row])
    let bias = Floats(repeating: f.bias[row])
    if f.isUniform {
      let zeros = Lanes(repeating: rowSum &* f.firstZero)
      let scale = Floats(repeating: rowScale * f.firstScale)
      for t in 0..<(T &- 1) { sums[r &* T &+ t].finished(zeros, scale, bias, f).store(y, t) }
      sums[r &* T &+ T &- 1].finished(zeros, scale, bias, f).storeLast(tail, y, T &- 1)
    } else {
      let (sum, scale) = (Lanes(repeating: rowSum), Floats(repeating: rowScale))
      for t in 0..<T {
        let offset = t &* MemoryLayout<Lanes>.size
        let zeros = sum &* (f.zeros + offset).loadUnaligned(as: Lanes.self)
        let scales = scale * (f.scales + offset).loadUnaligned(as: Floats.self)
        let finished = sums[r &* T &+ t].finished(zeros, scales, bias, f)
        if t < T &- 1 { finished.store(y, t) } else { finished.storeLast(tail, y, t) }
      }
    }
  }

  /// The results in one register of sums.
  @inline(__always)
  private func finished(_ zeros: Lanes, _ scale: Floats, _ bias: Floats, _ f: Finish) -> Self {
    let value = lcn_bound_f32(lcn_floats(lanes &- zeros) * scale + bias, f.lower, f.upper)
    return Self(unsafeBitCast(value, to: Lanes.self))
  }
}
