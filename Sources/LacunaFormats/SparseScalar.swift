// The element types that operations compute with: f32 and f64.

/// An element type with arithmetic of its own: `Float` or `Double`, and nothing else.
///
/// Matrices also store ``NarrowScalar``s, which widen to `Float` where they multiply. The generic types are for people; kernels are concrete. Front ends switch on ``dtype`` once per
/// call and pass raw pointers down.
public protocol SparseScalar: StoredScalar, BinaryFloatingPoint, SIMDScalar, Codable {
  /// The tag that tells files and kernel tables which type this is.
  static var dtype: DType { get }
}

/// The type of an element that operations compute with; ``NumberType`` names those that are stored as well.
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
