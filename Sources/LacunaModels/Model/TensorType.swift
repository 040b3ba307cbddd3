// The element types of tensors in model files: what one element is, and how many bits it takes.

/// The type of a tensor's elements.
///
/// Elements lie little-endian and row-major; types of less than a byte are packed from the lowest
/// bits up, the last byte filled with zeros.
public enum TensorType: String, CaseIterable, Sendable, Codable {
  /// A byte that is 0 or 1.
  case bool
  /// Signed and unsigned integers of that many bits.
  case i8, u8, i16, u16, i32, u32, i64, u64
  /// IEEE 754 half precision, the upper half of an f32, IEEE 754 single and double precision.
  case f16, bf16, f32, f64
  /// Signed and unsigned integers of 2 and 4 bits; carried, never decoded.
  case i2, u2, i4, u4
  /// Floating-point numbers of 4 and 8 bits, by the bits of exponent and fraction; carried, never
  /// decoded.
  case f4e2m1, f8e4m3, f8e4m3fnuz, f8e5m2, f8e5m2fnuz, f8e8m0
  /// Complex numbers, a pair of f32 or of f64; carried, never decoded.
  case c64, c128
  /// Text, or whatever else has no fixed size; carried, never decoded.
  case text

  /// Bits of one element; nil for text.
  public var bits: Int? {
    switch self {
    case .i2, .u2: 2
    case .i4, .u4, .f4e2m1: 4
    case .bool, .i8, .u8, .f8e4m3, .f8e4m3fnuz, .f8e5m2, .f8e5m2fnuz, .f8e8m0: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .i64, .u64, .f64, .c64: 64
    case .c128: 128
    case .text: nil
    }
  }

  /// Bytes of `count` elements, which is known to fit; nil for text.
  package func byteCount(of count: Int) -> Int? {
    guard let bits else { return nil }
    return bits < 8 ? (count / (8 / bits)) + (count % (8 / bits) == 0 ? 0 : 1) : count * (bits / 8)
  }

  /// Whether magnitudes of the elements can be compared, with a scale for integers: what can be pruned.
  public var isPrunable: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64, .i8, .u8: true
    default: false
    }
  }

  /// Whether the elements are floating-point numbers that decode to f32 or f64.
  public var isFloatingPoint: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    default: false
    }
  }
}
