// bfloat16: the upper half of an f32, 8 bits of exponent and 7 of fraction.

/// A number of the range of `Float` with eight significant bits.
///
///     f32    s eeeeeeee fffffff ffffffffffffffff
///     bf16   s eeeeeeee fffffff
///
/// A type to store, not to compute with: it widens to `Float` by a shift. Subnormals and the payloads of NaN
/// are kept.
public struct BFloat16: NarrowScalar {
  /// The upper 16 bits of the `Float` of the same value.
  public let bitPattern: UInt16

  /// The number of these bits.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest number, ties to even; NaN becomes a quiet NaN with the upper bits of its payload.
  public init(_ value: Float) {
    let bits = value.bitPattern
    bitPattern =
      value.isNaN
      ? UInt16(truncatingIfNeeded: bits >> 16) | 0x40
      : UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }

  /// As `init(_:)`.
  public init(nearest value: Float) { self.init(value) }

  /// +0.
  public static var zero: BFloat16 { BFloat16(bitPattern: 0) }

  /// The uppermost bit of the fraction.
  public static var quietBit: UInt16 { 0x40 }

  /// bf16.
  public static var numberType: NumberType { .bf16 }

  /// ``SparseTensor/Storage/bf16(_:)``
  public static func storage(of matrix: StoredMatrix<BFloat16>) -> SparseTensor.Storage {
    .bf16(matrix)
  }

  /// The same number in single precision.
  public var widened: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

  /// As floating-point numbers compare: zeros are equal, NaN is equal to nothing.
  public static func == (a: BFloat16, b: BFloat16) -> Bool { a.widened == b.widened }
}

extension BFloat16: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, CustomStringConvertible
{
  /// The number nearest to the literal.
  public init(floatLiteral value: Float) { self.init(value) }

  /// The number nearest to the literal.
  public init(integerLiteral value: Int) { self.init(nearest: Double(value)) }

  /// The value as a `Float` prints it.
  public var description: String { "\(widened)" }
}

extension Float {
  /// The value, exactly.
  public init(_ value: BFloat16) { self = value.widened }
}
