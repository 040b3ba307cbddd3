// The element types that a matrix can store: f32, f64, bf16, f16.

/// An element type that Lacuna's matrices store: `Float`, `Double`, ``BFloat16`` and `Float16`, and nothing else.
///
/// Storing, moving and comparing is all that can be done with it. What computes asks for ``SparseScalar``, or
/// widens the elements.
public protocol StoredScalar: Equatable, Sendable, BitwiseCopyable {
  /// The tag that tells files and plans which type this is.
  static var numberType: NumberType { get }
  /// The element that is not stored.
  static var zero: Self { get }
  /// The nearest element, ties to even. What is too large becomes infinite, NaN stays NaN.
  static func nearest(to value: Float) -> Self
  /// The same, rounded once.
  static func nearest(to value: Double) -> Self
  /// The nearest element of another type: this one where `Target` has it.
  func rounded<Target: StoredScalar>(to: Target.Type) -> Target
  /// How a tensor stores matrices of this type.
  static func storage(of matrix: StoredMatrix<Self>) -> SparseTensor.Storage
}

extension Float: StoredScalar {
  /// Single precision.
  public static var numberType: NumberType { .f32 }
  /// The value.
  public static func nearest(to value: Float) -> Float { value }
  /// The nearest value.
  public static func nearest(to value: Double) -> Float { Float(value) }
  /// ``SparseTensor/Storage/f32(_:)``
  public static func storage(of matrix: StoredMatrix<Float>) -> SparseTensor.Storage {
    .f32(matrix)
  }
  /// The nearest element of another type.
  public func rounded<Target: StoredScalar>(to: Target.Type) -> Target { Target.nearest(to: self) }
}

extension Double: StoredScalar {
  /// Double precision.
  public static var numberType: NumberType { .f64 }
  /// The value, exactly.
  public static func nearest(to value: Float) -> Double { Double(value) }
  /// The value.
  public static func nearest(to value: Double) -> Double { value }
  /// ``SparseTensor/Storage/f64(_:)``
  public static func storage(of matrix: StoredMatrix<Double>) -> SparseTensor.Storage {
    .f64(matrix)
  }
  /// The nearest element of another type.
  public func rounded<Target: StoredScalar>(to: Target.Type) -> Target { Target.nearest(to: self) }
}

/// An element type of 16 bits, which widens to f32 where it multiplies: ``BFloat16`` and `Float16`.
public protocol NarrowScalar: StoredScalar {
  /// The element of these bits.
  init(bitPattern: UInt16)
  /// The nearest element, ties to even.
  init(nearest value: Float)
  /// Its bits.
  var bitPattern: UInt16 { get }
  /// Its value, exactly; a signaling NaN stays one.
  var widened: Float { get }
  /// The bit of the fraction that makes a NaN a quiet one.
  static var quietBit: UInt16 { get }
}

extension NarrowScalar {
  /// The element that widens to exactly this, payloads of NaN included; nil when none does.
  public init?(keeping value: Float) {
    let near = Self(nearest: value)
    // Rounding makes a signaling NaN quiet.
    let signaling = Self(bitPattern: near.bitPattern & ~Self.quietBit)
    if near.widened.bitPattern == value.bitPattern {
      self = near
    } else if signaling.widened.bitPattern == value.bitPattern {
      self = signaling
    } else {
      return nil
    }
  }

  /// The nearest element. Rounding to f32 first would round twice: a value between two of them becomes the one with
  /// an odd last bit, which no number of fewer digits lies on or half-way to.
  public init(nearest value: Double) {
    var near = Float(value)
    if !value.isNaN && Double(near) != value {
      let isBeyond = Double(near.magnitude) > value.magnitude
      near = Float(bitPattern: (near.bitPattern - (isBeyond ? 1 : 0)) | 1)
    }
    self.init(nearest: near)
  }

  /// The nearest element, ties to even.
  public static func nearest(to value: Float) -> Self { Self(nearest: value) }
  /// The same, rounded once.
  public static func nearest(to value: Double) -> Self { Self(nearest: value) }

  /// The nearest element of another type.
  public func rounded<Target: StoredScalar>(to: Target.Type) -> Target {
    Target.nearest(to: widened)
  }
}
