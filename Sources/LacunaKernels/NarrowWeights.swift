// Weights of 16 bits: how each is widened to f32 in a register, for strips, blocks, windows and CSR.
//
// What multiplies and adds is the kernel for f32, so results are, bit for bit, those of the widened weights. A
// shift or a conversion goes with every load of weights: next to the multiply-adds of several right-hand sides
// that is little, and with one, where bytes decide, weights take half as many.

import CSIMD

/// bf16, the upper half of an f32.
enum WeightBF16: StripWeight {
  @inline(__always) static func spread(_ p: UnsafePointer<UInt16>) -> VectorF32 {
    VectorF32(lcn_spread_bf16(p))
  }
  @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> VectorF32 {
    VectorF32(lcn_widen_bf16(p + index &* VectorF32.count &* 2))
  }
  @inline(__always)
  static func ordered(_ p: UnsafeRawPointer, after sum: VectorF32) -> UnsafeRawPointer {
    lcn_after_f32(p, sum.lanes)
  }
}

/// IEEE half precision.
enum WeightF16: StripWeight {
  @inline(__always) static func spread(_ p: UnsafePointer<UInt16>) -> VectorF32 {
    VectorF32(lcn_spread_f16(p))
  }
  @inline(__always) static func load(_ p: UnsafeRawPointer, _ index: Int) -> VectorF32 {
    VectorF32(lcn_widen_f16(p + index &* VectorF32.count &* 2))
  }
  @inline(__always)
  static func ordered(_ p: UnsafeRawPointer, after sum: VectorF32) -> UnsafeRawPointer {
    lcn_after_f32(p, sum.lanes)
  }
}

/// A weight that is multiplied by itself, on no register.
protocol SingleWeight {
  associatedtype Stored
  associatedtype Value
  static func value(_ stored: Stored) -> Value
}

/// f32 and f64 as they are.
enum SingleF32: SingleWeight {
  @inline(__always) static func value(_ stored: Float) -> Float { stored }
}
enum SingleF64: SingleWeight {
  @inline(__always) static func value(_ stored: Double) -> Double { stored }
}
extension WeightBF16: SingleWeight {
  @inline(__always) static func value(_ stored: UInt16) -> Float { lcn_float_bf16(stored) }
}
extension WeightF16: SingleWeight {
  @inline(__always) static func value(_ stored: UInt16) -> Float { lcn_float_f16(stored) }
}

#if LACUNA_V4
  /// The same for the lanes of a window.
  enum LaneBF16: CompressedWeight {
    @inline(__always) static var bytes: Int { 2 }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> WindowF32x16 {
      WindowF32x16(lcn_load16_bf16(p))
    }
    @inline(__always) static func expand(_ p: UnsafeRawPointer, _ mask: UInt32) -> __m512 {
      lcn_expand16_bf16(p, mask)
    }
  }
  enum LaneF16: CompressedWeight {
    @inline(__always) static var bytes: Int { 2 }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> WindowF32x16 {
      WindowF32x16(lcn_load16_f16(p))
    }
    @inline(__always) static func expand(_ p: UnsafeRawPointer, _ mask: UInt32) -> __m512 {
      lcn_expand16_f16(p, mask)
    }
  }
  /// And of a window of one block.
  enum LaneBF16Narrow: LaneWeight {
    @inline(__always) static var bytes: Int { 2 }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> WindowF32x16Narrow {
      WindowF32x16Narrow(lcn_load16_bf16(p))
    }
  }
  enum LaneF16Narrow: LaneWeight {
    @inline(__always) static var bytes: Int { 2 }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> WindowF32x16Narrow {
      WindowF32x16Narrow(lcn_load16_f16(p))
    }
  }
#elseif LACUNA_V3
  /// The same for the lanes of a window.
  enum LaneBF16: LaneWeight {
    @inline(__always) static var bytes: Int { 2 }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> WindowF32x8 {
      WindowF32x8(lcn_load8_bf16(p))
    }
  }
  enum LaneF16: LaneWeight {
    @inline(__always) static var bytes: Int { 2 }
    @inline(__always) static func load(_ p: UnsafeRawPointer) -> WindowF32x8 {
      WindowF32x8(lcn_load8_f16(p))
    }
  }
#endif
