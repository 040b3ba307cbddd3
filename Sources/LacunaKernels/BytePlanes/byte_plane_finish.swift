// y ← bound(Float(sum)·scale + b), each operation rounded on its own; and the byte of y.

import CSIMD

/// How a register of sums becomes results of one filter.
protocol PlaneFinish {
  /// Bytes of a result.
  static var size: Int { get }
  init(_ results: lcn_byte_results, scale: VectorF32, bias: VectorF32)
  func store(_ sums: VectorI8, _ p: UnsafeMutableRawPointer)
  /// Writes the first `count` results, and nothing behind them.
  func storeFirst(_ count: Int, _ sums: VectorI8, _ p: UnsafeMutableRawPointer)
}

struct FloatFinish: PlaneFinish {
  private let scale: VectorF32, bias: VectorF32, lower: VectorF32, upper: VectorF32

  @inline(__always) static var size: Int { 4 }

  @inline(__always) init(_ results: lcn_byte_results, scale: VectorF32, bias: VectorF32) {
    (self.scale, self.bias) = (scale, bias)
    (lower, upper) = (VectorF32(repeating: results.lower), VectorF32(repeating: results.upper))
  }

  @inline(__always) private func results(_ sums: VectorI8) -> VectorF32 {
    VectorF32(lcn_floats(sums.lanes) * scale.lanes + bias.lanes).bounded(lower, upper)
  }
  @inline(__always) func store(_ sums: VectorI8, _ p: UnsafeMutableRawPointer) {
    results(sums).store(p, 0)
  }
  @inline(__always)
  func storeFirst(_ count: Int, _ sums: VectorI8, _ p: UnsafeMutableRawPointer) {
    results(sums).storeFirst(count, p)
  }
}

struct ByteFinish: PlaneFinish {
  private let scale: VectorF32, bias: VectorF32, inverse: VectorF32
  /// Of y·inverse: those of y and those of a byte in one.
  private let lower: VectorF32, upper: VectorF32
  private let zero: VectorI8

  @inline(__always) static var size: Int { 1 }

  @inline(__always) init(_ results: lcn_byte_results, scale: VectorF32, bias: VectorF32) {
    let r = results
    (self.scale, self.bias, inverse) = (scale, bias, VectorF32(repeating: r.inverse))
    let (low, high) = (Float(0 &- r.zero), Float(255 &- r.zero))
    lower = VectorF32(repeating: bounded(r.lower * r.inverse, low, high))
    upper = VectorF32(repeating: bounded(r.upper * r.inverse, low, high))
    // To combine a byte with 0x80 is to add 128 and to drop what it carries.
    zero = VectorI8(repeating: r.zero &+ Int32(r.flip))
  }

  @inline(__always) private func results(_ sums: VectorI8) -> lcn_vu32 {
    lcn_quantize_between(
      lcn_floats(sums.lanes) * scale.lanes + bias.lanes, inverse.lanes, lower.lanes, upper.lanes,
      zero.lanes)
  }
  @inline(__always) func store(_ sums: VectorI8, _ p: UnsafeMutableRawPointer) {
    lcn_store_bytes(p, results(sums))
  }
  @inline(__always)
  func storeFirst(_ count: Int, _ sums: VectorI8, _ p: UnsafeMutableRawPointer) {
    var bytes = VectorI8(repeating: 0)
    withUnsafeMutableBytes(of: &bytes) { memory in
      lcn_store_bytes(memory.baseAddress!, results(sums))
      p.copyMemory(from: memory.baseAddress!, byteCount: count)
    }
  }
}
