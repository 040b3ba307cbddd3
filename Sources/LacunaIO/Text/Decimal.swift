// w · 10ᵉ as the nearest binary number, by one multiplication or division of 128 by 64 bits.
//
// For e in −27...27, w · 10ᵉ is w · 5ᵉ · 2ᵉ, and 5²⁷ < 2⁶⁴: a product of two 64-bit numbers, or the
// quotient of w, moved up to fill 127 bits, by 5⁻ᵉ. At least 63 bits of it and whether something is left
// over are all that rounding needs, so the result is exact for every width: f32 is rounded from the
// decimal number, not from its f64. Numbers as programs print them, 17 digits and exponents down to
// −10, all take this path; the others go to the C library.

import LacunaFormats

/// A decimal number of at most 19 digits.
struct Decimal {
  private let digits: UInt64
  private let exponent: Int
  private let isNegative: Bool

  /// The number at `start`, and where it ends; nil for one of more digits, and for what is no number.
  @inline(__always)
  static func scan(
    from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>
  ) -> (decimal: Decimal, end: UnsafePointer<UInt8>)? {
    var at = start
    let isNegative = at < end && at.pointee == 0x2D
    if isNegative || (at < end && at.pointee == 0x2B) { at += 1 }
    var digits: UInt64 = 0
    // Digits from the first that is not zero; and digits at all, of which there has to be one.
    var (significant, all, exponent) = (0, 0, 0)
    while at < end, at.pointee &- 0x30 < 10 {
      digits = digits &* 10 &+ UInt64(at.pointee &- 0x30)
      significant &+= digits == 0 ? 0 : 1
      all &+= 1
      at += 1
    }
    if at < end && at.pointee == 0x2E {
      at += 1
      while at < end, at.pointee &- 0x30 < 10 {
        digits = digits &* 10 &+ UInt64(at.pointee &- 0x30)
        significant &+= digits == 0 ? 0 : 1
        all &+= 1
        exponent &-= 1
        at += 1
      }
    }
    if all == 0 || significant > 19 { return nil }
    if at < end && at.pointee | 0x20 == 0x65 {
      at += 1
      let isBelowOne = at < end && at.pointee == 0x2D
      if isBelowOne || (at < end && at.pointee == 0x2B) { at += 1 }
      var (power, count) = (0, 0)
      while at < end, at.pointee &- 0x30 < 10, count < 5 {
        power = power &* 10 &+ Int(at.pointee &- 0x30)
        count &+= 1
        at += 1
      }
      if count == 0 || count == 5 { return nil }
      exponent &+= isBelowOne ? -power : power
    }
    return (Decimal(digits: digits, exponent: exponent, isNegative: isNegative), at)
  }

  /// The nearest number, ties to even; nil where this way does not lead.
  @inline(__always)
  func nearest<Scalar: SparseScalar>(as scalar: Scalar.Type = Scalar.self) -> Scalar? {
    let value: Scalar
    switch Scalar.dtype {
    case .f32:
      guard let bits = bits(precision: 24, bias: 127) else { return nil }
      value = Scalar(Float(bitPattern: UInt32(bits)))
    case .f64:
      guard let bits = bits(precision: 53, bias: 1023) else { return nil }
      value = Scalar(Double(bitPattern: bits))
    }
    return isNegative ? -value : value
  }

  /// The bits of the magnitude, rounded to `precision`; nil near the ends of the exponents' range.
  @inline(__always)
  private func bits(precision: Int, bias: Int) -> UInt64? {
    if digits == 0 { return 0 }
    if exponent < -27 || exponent > 27 { return nil }
    // digits · 10ᵉ = significand · 2^power, and a bit more when `isInexact`; the top bit is set.
    var (significand, power, isInexact): (UInt64, Int, Bool)
    let five = powersOfFive[Int(exponent.magnitude)]
    if exponent >= 0 {
      let (high, low) = digits.multipliedFullWidth(by: five)
      if high == 0 {
        (significand, power, isInexact) = (low, exponent, false)
      } else {
        let shift = high.leadingZeroBitCount
        significand = high << UInt64(shift) | (low >> 1) >> UInt64(63 - shift)
        (power, isInexact) = (exponent + 64 - shift, low << UInt64(shift) != 0)
      }
    } else {
      let (numberShift, fiveShift) = (digits.leadingZeroBitCount, five.leadingZeroBitCount)
      let number = digits << UInt64(numberShift)
      let (quotient, remainder) = (five << UInt64(fiveShift))
        .dividingFullWidth((number >> 1, number << 63))
      (significand, isInexact) = (quotient, remainder != 0)
      power = exponent - 63 + fiveShift - numberShift
    }
    let shift = significand.leadingZeroBitCount
    significand <<= UInt64(shift)
    power -= shift
    let biased = power + 63 + bias
    if biased < 1 || biased >= 2 * bias { return nil }
    let surplus = UInt64(64 - precision)
    var rounded = significand >> surplus
    let (rest, half) = (significand & (1 << surplus - 1), UInt64(1) << (surplus - 1))
    if rest > half || rest == half && (isInexact || rounded & 1 == 1) { rounded += 1 }
    // The top bit of `rounded` adds 1 to the exponent; a carry out of the fraction one more.
    return UInt64(biased - 1) << UInt64(precision - 1) + rounded
  }
}

/// 5⁰ … 5²⁷.
private let powersOfFive: [UInt64] = [
  1, 5, 25, 125, 625, 3_125, 15_625, 78_125, 390_625, 1_953_125, 9_765_625, 48_828_125,
  244_140_625, 1_220_703_125, 6_103_515_625, 30_517_578_125, 152_587_890_625, 762_939_453_125,
  3_814_697_265_625, 19_073_486_328_125, 95_367_431_640_625, 476_837_158_203_125,
  2_384_185_791_015_625, 11_920_928_955_078_125, 59_604_644_775_390_625, 298_023_223_876_953_125,
  1_490_116_119_384_765_625, 7_450_580_596_923_828_125,
]
