// The types that numbers are stored in: of matrices, of operands, of sums.

/// The type of a stored number.
///
/// Those that matrices hold are the types of ``StoredScalar``; ``DType`` names the two of them that have
/// arithmetic of their own.
public enum NumberType: String, Hashable, Sendable, Codable, CaseIterable {
  /// IEEE 754 single and double precision.
  case f32, f64
  /// The upper half of an f32, and IEEE 754 half precision: stored, and widened to f32 where they multiply.
  case bf16, f16
  /// Signed 32-bit, signed and unsigned 8-bit integers.
  case i32, i8, u8

  /// The type of the same name.
  public init(_ dtype: DType) {
    switch dtype {
    case .f32: self = .f32
    case .f64: self = .f64
    }
  }

  /// Bytes per number.
  public var size: Int {
    switch self {
    case .f64: 8
    case .f32, .i32: 4
    case .bf16, .f16: 2
    case .i8, .u8: 1
    }
  }
}
