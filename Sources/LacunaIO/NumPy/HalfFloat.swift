// Half precision and bfloat16 to f32 and back, by bit patterns: every machine has these.

/// The value of an IEEE half: sign, 5 exponent bits with bias 15, 10 fraction bits.
func float(half bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = Int(bits >> 10 & 0x1F)
  let fraction = UInt32(bits & 0x3FF)
  switch exponent {
  case 0:
    // Subnormal: fraction · 2⁻²⁴, exact in f32.
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | UInt32(exponent + 112) << 23 | fraction << 13)
  }
}

/// The nearest half of `value`, ties to even; NaN stays NaN.
func half(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
  if value.isNaN { return sign | 0x7E00 | UInt16(truncatingIfNeeded: bits >> 13) & 0x1FF }
  let magnitude = value.magnitude
  // From 65520 on the nearest half would be 2¹⁶, which is infinity.
  if magnitude >= 65520 { return sign | 0x7C00 }
  if magnitude < 0x1p-14 {
    return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
  }
  let shifted = magnitude.bitPattern - (112 << 23)
  let rounded = shifted + 0xFFF + (shifted >> 13 & 1)
  return sign | UInt16(truncatingIfNeeded: rounded >> 13)
}

/// The value of a bfloat16: the upper half of an f32.
func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// The nearest bfloat16 of `value`, ties to even; NaN stays NaN.
func bfloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
  return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

extension NumericArray {
  /// The array rounded to half precision.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func rounded16() throws(DataProblem) -> NumericArray {
    try NumericArray(shape: shape, values: .f16(floats().map { half($0) }))
  }

  /// The array rounded to bfloat16.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no numbers.
  public func roundedBFloat16() throws(DataProblem) -> NumericArray {
    try NumericArray(shape: shape, values: .bf16(floats().map { bfloat16($0) }))
  }
}
