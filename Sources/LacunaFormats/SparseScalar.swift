// The element types a matrix can hold: f32 and f64.

/// An element type of Lacuna's matrices: `Float` or `Double`, and nothing else.
///
/// The generic types are for people; kernels are concrete. Front ends switch on ``dtype`` once per
/// call and pass raw pointers down.
public protocol SparseScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable, BitwiseCopyable {
  /// The tag that tells files and kernel tables which type this is.
  static var dtype: DType { get }
}

/// The stored type of an element.
public enum DType: String, Sendable, Codable, CaseIterable {
  /// IEEE 754 single and double precision.
  case f32, f64

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .f32: 4
    case .f64: 8
    }
  }
}

extension Float: SparseScalar {
  /// Single precision.
  public static var dtype: DType { .f32 }
}

extension Double: SparseScalar {
  /// Double precision.
  public static var dtype: DType { .f64 }
}
