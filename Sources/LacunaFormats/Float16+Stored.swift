// Half precision: sign, 5 bits of exponent with bias 15, 10 of fraction. Converted by bits: every machine has these.

extension Float16: NarrowScalar {
  /// The uppermost bit of the fraction.
  public static var quietBit: UInt16 { 0x200 }

  /// f16.
  public static var numberType: NumberType { .f16 }

  /// ``SparseTensor/Storage/f16(_:)``
  public static func storage(of matrix: StoredMatrix<Float16>) -> SparseTensor.Storage {
    .f16(matrix)
  }

  /// The nearest half, ties to even; NaN becomes a quiet NaN with the upper bits of its payload.
  public init(nearest value: Float) {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = value.magnitude
    if value.isNaN {
      self.init(bitPattern: sign | 0x7E00 | UInt16(truncatingIfNeeded: bits >> 13) & 0x1FF)
    } else if magnitude >= 65520 {
      // The nearest half would be 2¹⁶, which is infinity.
      self.init(bitPattern: sign | 0x7C00)
    } else if magnitude < 0x1p-14 {
      self.init(bitPattern: sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)))
    } else {
      let shifted = magnitude.bitPattern - (112 << 23)
      let rounded = shifted + 0xFFF + (shifted >> 13 & 1)
      self.init(bitPattern: sign | UInt16(truncatingIfNeeded: rounded >> 13))
    }
  }

  /// The same number in single precision.
  public var widened: Float {
    let sign = UInt32(bitPattern & 0x8000) << 16
    let exponent = UInt32(bitPattern >> 10 & 0x1F)
    let fraction = UInt32(bitPattern & 0x3FF)
    switch exponent {
    case 0:
      // Subnormal: fraction · 2⁻²⁴, exact in f32.
      return Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
    case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
