// Numbers as a person reads them: 3 274 762, 1.63 MB, 90.0 %, 412 µs. No locale, no Foundation.

/// Text for numbers in tables, axes and progress lines.
///
/// The decimal sign is a point, thousands are parted by a narrow space, units follow a space.
public enum Numeral {
  /// `value` with exactly `digits` decimals, rounded half away from zero. "nan" and "inf" as such.
  public static func fixed(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded(.toNearestOrAwayFromZero)
    // Beyond 2⁵³ there are no decimals left to round.
    guard scaled < 9_007_199_254_740_992 else { return "\(value)" }
    let units = Int(scaled)
    let sign = value < 0 && units != 0 ? "-" : ""
    guard digits > 0 else { return sign + "\(units)" }
    let text = String(units)
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    return "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
  }

  /// The shortest of up to `digits` decimals that is the same number: 0.5, 12, 0.125.
  public static func trimmed(_ value: Double, digits: Int = 6) -> String {
    var text = fixed(value, digits: digits)
    guard text.contains(".") else { return text }
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  /// Four significant digits, with a power of ten where the number is far from one: 0.1923, 7.432e-5.
  public static func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return fixed(value, digits: 0) }
    var (mantissa, exponent) = (value.magnitude, 0)
    while mantissa >= 9.9995 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.99995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    if (-4..<6).contains(exponent) { return trimmed(value, digits: max(0, 3 - exponent)) }
    return (value < 0 ? "-" : "") + trimmed(mantissa, digits: 3) + "e\(exponent)"
  }

  /// An integer in groups of three: 3 274 762.
  public static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append("\u{202F}") }
      text.append(digit)
    }
    return value < 0 ? "-\(text)" : text
  }

  /// A byte count in decimal units: 512 B, 12.4 kB, 1.63 MB.
  public static func bytes(_ count: Int) -> String {
    let value = Double(count)
    switch count.magnitude {
    case ..<1000: return "\(count) B"
    case ..<100_000: return "\(fixed(value / 1e3, digits: 1)) kB"
    case ..<1_000_000: return "\(fixed(value / 1e3, digits: 0)) kB"
    case ..<1_000_000_000: return "\(fixed(value / 1e6, digits: 2)) MB"
    default: return "\(fixed(value / 1e9, digits: 2)) GB"
    }
  }

  /// A fraction as a percentage: 0.9 with one digit is "90.0 %".
  public static func percent(_ fraction: Double, digits: Int = 1) -> String {
    "\(fixed(fraction * 100, digits: digits)) %"
  }

  /// A duration with three significant digits and the unit that suits: 412 µs, 1.35 ms, 12.0 s.
  public static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "–" }
    switch seconds {
    case ..<1e-6: return "\(significant(seconds * 1e9)) ns"
    case ..<1e-3: return "\(significant(seconds * 1e6)) µs"
    case ..<1: return "\(significant(seconds * 1e3)) ms"
    default: return "\(significant(seconds)) s"
    }
  }

  /// Minutes and seconds: 1:05; hours in front when there are any.
  public static func clock(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    let whole = Int(seconds.rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let minutes = whole / 60 % 60
    guard whole >= 3600 else { return "\(minutes):\(two(whole % 60))" }
    return "\(whole / 3600):\(two(minutes)):\(two(whole % 60))"
  }

  /// A ratio such as a speed-up: 4.3×.
  public static func times(_ ratio: Double) -> String {
    "\(fixed(ratio, digits: ratio < 9.95 ? 1 : 0))×"
  }

  private static func significant(_ value: Double) -> String {
    fixed(value, digits: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
  }
}
