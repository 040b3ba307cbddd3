// x ≈ scale · (q − zero point): how activations become bytes, and results.

import LacunaFormats

/// Where the scale and the zero point of activations come from.
///
/// A number x stands for the byte q = zero point + round(x · (1 / scale)), to even where x lies in the
/// middle, bounded to the byte's range; so zero is exact. A right-hand side that holds NaN gives NaN in all of
/// its results, and so does what is measured over an infinity: bytes have neither.
public enum ActivationRange: Hashable, Sendable, Codable {
  /// Given: known from calibration, or that of bytes that were made elsewhere.
  case fixed(scale: Float, zeroPoint: Int)
  /// Measured in each call: the least and the greatest number of all X, and 0.
  case perTensor
  /// Measured in each call for each right-hand side: a column of X, or a row in the layout `.rows`.
  case perSide
}

/// How results become bytes: as activations do, y is the byte zero point + round(y · (1 / scale)), to even where
/// it lies in the middle, bounded to the byte's range. A result that is NaN becomes the least byte.
public struct OutputScale: Hashable, Sendable, Codable {
  /// What a step of one byte stands for.
  public var scale: Float
  /// The byte that stands for 0.
  public var zeroPoint: Int

  /// A scale, positive and finite, and the byte of zero.
  public init(scale: Float, zeroPoint: Int) { (self.scale, self.zeroPoint) = (scale, zeroPoint) }

  /// The scale of bytes that reach over a range and 0, whose zero is exact.
  public init(covering range: ClosedRange<Float>) {
    let side = ByteScale(low: min(range.lowerBound, 0), high: max(range.upperBound, 0))
    self.init(scale: side.scale, zeroPoint: Int(side.zero))
  }
}

/// The type of a plan's activations or results: `Float`, `UInt8` or `Int8`, and nothing else.
public protocol ActivationElement: BitwiseCopyable, Sendable {
  /// The tag that kernel keys and decisions tell it by.
  static var numberType: NumberType { get }
}
extension Float: ActivationElement { public static var numberType: NumberType { .f32 } }
extension UInt8: ActivationElement { public static var numberType: NumberType { .u8 } }
extension Int8: ActivationElement { public static var numberType: NumberType { .i8 } }

/// Bytes, which have a scale and a zero point.
public protocol ByteElement: ActivationElement {}
extension UInt8: ByteElement {}
extension Int8: ByteElement {}

/// The activations of an 8-bit product: what they are given as, and their range.
struct QuantizedActivations: Sendable {
  let type: NumberType
  let range: ActivationRange

  /// - Throws: ``QuantizedPlanError``.
  init(type: NumberType, range: ActivationRange) throws(QuantizedPlanError) {
    (self.type, self.range) = (type, range)
    if case .fixed(let scale, let zeroPoint) = range {
      try checkBytes(.activations, type, scale: scale, zeroPoint: zeroPoint)
    } else if type != .f32 {
      throw .measuredBytes(type: type)
    }
  }

  /// What kernels combine each quad with: they know unsigned bytes only, 128 more than signed ones.
  var flip: Int32 { type == .i8 ? Int32(bitPattern: 0x8080_8080) : 0 }
}

/// The results of an 8-bit product that are bytes.
struct QuantizedOutput: Sendable {
  let type: NumberType
  let scale: ByteScale
  /// What unsigned bytes are combined with.
  let flip: UInt8

  /// - Throws: ``QuantizedPlanError``.
  init(type: NumberType, _ output: OutputScale) throws(QuantizedPlanError) {
    try checkBytes(.output, type, scale: output.scale, zeroPoint: output.zeroPoint)
    self.type = type
    scale = ByteScale(scale: output.scale, zeroPoint: output.zeroPoint, of: type)
    flip = type == .i8 ? 0x80 : 0
  }
}

private func checkBytes(
  _ operand: QuantizedPlanError.Operand, _ type: NumberType, scale: Float, zeroPoint: Int
) throws(QuantizedPlanError) {
  if !(scale >= .leastNormalMagnitude && scale < .infinity) {
    throw .scale(operand, value: scale)
  }
  let (minimum, maximum) = type == .i8 ? (-128, 127) : (0, 255)
  if !(minimum...maximum).contains(zeroPoint) {
    throw .zeroPoint(operand, value: zeroPoint, type: type, minimum: minimum, maximum: maximum)
  }
}

/// How the bytes of one right-hand side, or of all results, stand for numbers.
struct ByteScale {
  let scale: Float, inverse: Float
  /// Of unsigned bytes.
  let zero: Int32

  init(scale: Float, zero: Int32) {
    (self.scale, inverse, self.zero) = (scale, 1 / scale, zero)
  }

  /// Signed bytes are unsigned ones that are 128 less.
  init(scale: Float, zeroPoint: Int, of type: NumberType) {
    self.init(scale: scale, zero: Int32(type == .i8 ? zeroPoint + 128 : zeroPoint))
  }

  /// For numbers in `low...high`, which holds 0. NaN when the range is not finite.
  init(low: Float, high: Float) {
    let span = high / 255 - low / 255
    if !span.isFinite {
      self.init(scale: .nan, zero: 0)
      return
    }
    let scale = span == 0 ? 1 : max(span, .leastNormalMagnitude)
    self.init(scale: scale, zero: Int32(min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)))
  }
}
