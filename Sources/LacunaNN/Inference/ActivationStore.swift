// What activations between two layers are in memory: floats, or bytes with one scale.

import LacunaOperations

/// How the activations that a step reads are stored.
enum ActivationStore: Equatable {
  case f32
  /// Unsigned bytes: ``OutputScale``.
  case u8(OutputScale)

  /// Bytes of one activation.
  var size: Int {
    switch self {
    case .f32: 4
    case .u8: 1
    }
  }

  /// Each byte of what stands for zero: what borders hold.
  var zero: UInt8 {
    switch self {
    case .f32: 0
    case .u8(let scale): UInt8(clamping: scale.zeroPoint)
    }
  }

  var isBytes: Bool { self != .f32 }
}

/// y[i] ← the byte of x[i], as plans make it: zero point + round(x · (1 / scale)), to even in the middle, bounded; NaN
/// becomes 0.
struct ByteRounding {
  private let inverse: Float, lower: Float, upper: Float
  private let zero: Int32

  init(_ scale: OutputScale) {
    inverse = 1 / scale.scale
    zero = Int32(scale.zeroPoint)
    (lower, upper) = (Float(-zero), Float(255 - zero))
  }

  @inline(__always)
  func callAsFunction(_ x: Float) -> UInt8 {
    let scaled = x * inverse
    let raised = scaled > lower ? scaled : lower
    let bounded = raised < upper ? raised : upper
    // The sum with 1.5 · 2²³ has the nearest integer in its low bits.
    let bits = (bounded + 12_582_912).bitPattern
    return UInt8(truncatingIfNeeded: Int32(truncatingIfNeeded: bits & 0x3f_ffff) &+ zero)
  }
}
