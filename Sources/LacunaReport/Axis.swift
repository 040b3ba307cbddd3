// Data values ↔ pixels: linear and logarithmic axes with round tick values.

/// How the values along an axis are spelled.
public enum AxisFormat: Sendable {
  /// With as many decimals as tell neighbouring ticks apart.
  case number
  /// Whole numbers in groups of three: 3 274 762.
  case grouped
  /// Fractions as percentages: 0.9 is 90 %.
  case percent
  /// Byte counts in decimal units: 1.63 MB.
  case bytes
  /// Seconds in the unit that suits: 1.35 ms.
  case duration
  /// Ratios: 4.3×.
  case times

  func text(_ value: Double, step: Double) -> String {
    // As many decimals as tell neighbouring ticks apart.
    func digits(_ scale: Double) -> Int {
      var unit = step * scale
      var count = 0
      while count < 6, (unit - unit.rounded()).magnitude > 1e-9 * max(1, unit) {
        unit *= 10
        count += 1
      }
      return count
    }
    switch self {
    case .number: return Numeral.fixed(value, digits: digits(1))
    case .grouped:
      return value.magnitude < 1e15 && value.rounded() == value
        ? Numeral.grouped(Int(value)) : Numeral.trimmed(value)
    case .percent: return "\(Numeral.fixed(value * 100, digits: digits(100))) %"
    case .bytes: return value.magnitude < 1e15 ? Numeral.bytes(Int(value.rounded())) : "\(value)"
    case .duration: return value == 0 ? "0" : Numeral.duration(seconds: value)
    case .times: return "\(Numeral.trimmed(value, digits: 2))×"
    }
  }
}

/// One axis of a chart: what it measures, its range and its scale.
public struct Axis: Sendable {
  /// How distances along the axis relate to values.
  public enum Scale: Sendable {
    /// Equal differences are equally far apart.
    case linear
    /// Equal ratios are equally far apart; values above 0 only.
    case logarithmic
  }

  /// What is measured, with its unit.
  public var label: String
  /// How values are spelled.
  public var format: AxisFormat
  /// How distances relate to values.
  public var scale: Scale
  /// The values at the two ends; nil takes them from the data and rounds them outwards.
  public var range: ClosedRange<Double>?

  /// Creates an axis. A logarithmic one shows values above 0 only.
  public init(
    _ label: String, format: AxisFormat = .number, scale: Scale = .linear,
    range: ClosedRange<Double>? = nil
  ) {
    self.label = label
    self.format = format
    self.scale = scale
    self.range = range
  }

  /// The axis fitted to `values` and laid over `pixels` (from, to).
  func fitted(to values: [Double], from start: Double, to end: Double) -> FittedAxis {
    let usable = values.filter { $0.isFinite && (scale == .linear || $0 > 0) }
    var low = range?.lowerBound ?? usable.min() ?? (scale == .linear ? 0 : 1)
    var high = range?.upperBound ?? usable.max() ?? (scale == .linear ? 1 : 10)
    let ticks: [Double]
    let step: Double
    switch scale {
    case .linear:
      if high - low < 1e-12 * max(low.magnitude, high.magnitude, 1e-12) {
        // All values equal: room on both sides, so that the line is not on the frame.
        let room = max(low.magnitude, 1) / 2
        (low, high) = (low - room, high + room)
      }
      step = Self.niceStep((high - low) / 5)
      if range == nil {
        low = (low / step).rounded(.down) * step
        high = (high / step).rounded(.up) * step
      }
      let first = Int((low / step - 1e-9).rounded(.up))
      let last = Int((high / step + 1e-9).rounded(.down))
      ticks = first <= last ? (first...last).map { Double($0) * step } : [low, high]
    case .logarithmic:
      let powers = Self.powers(from: low, to: high, roundOutwards: range == nil)
      low = range?.lowerBound ?? powers.first!
      high = range?.upperBound ?? powers.last!
      ticks = powers.filter { $0 >= low * 0.999 && $0 <= high * 1.001 }
      step = low
    }
    return FittedAxis(
      axis: self, low: low, high: high, start: start, end: end, ticks: ticks, step: step)
  }

  /// The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `rough`.
  private static func niceStep(_ rough: Double) -> Double {
    var power = 1.0
    while power * 10 <= rough { power *= 10 }
    while power > rough { power /= 10 }
    let factor = [1.0, 2, 2.5, 5, 10].first { $0 * power >= rough * (1 - 1e-9) } ?? 10
    return factor * power
  }

  /// 1, 2, 5 times powers of ten around the range; powers of ten alone when the range is wide.
  private static func powers(from low: Double, to high: Double, roundOutwards: Bool) -> [Double] {
    var decade = 1.0
    while decade > low { decade /= 10 }
    while decade * 10 <= low { decade *= 10 }
    let factors: [Double] = high / low > 300 ? [1] : [1, 2, 5]
    var all: [Double] = []
    while all.last ?? 0 < high {  // up to the first value at or beyond the high end
      all += factors.map { $0 * decade }
      decade *= 10
    }
    guard roundOutwards else { return all }
    let first = all.lastIndex { $0 <= low * 1.001 } ?? 0
    let last = all.firstIndex { $0 >= high * 0.999 && $0 > all[first] } ?? all.count - 1
    return Array(all[first...last])
  }
}

/// An axis whose range, ticks and pixels are fixed.
struct FittedAxis {
  let axis: Axis
  let low: Double, high: Double
  let start: Double, end: Double
  let ticks: [Double]
  let step: Double

  /// The pixel of `value`, held within the axis.
  func position(_ value: Double) -> Double {
    let fraction: Double
    switch axis.scale {
    case .linear: fraction = (value - low) / (high - low)
    case .logarithmic:
      fraction = value > 0 ? logarithm(value / low) / logarithm(high / low) : 0
    }
    return start + (end - start) * min(max(fraction.isFinite ? fraction : 0, 0), 1)
  }

  func text(_ tick: Double) -> String {
    // Neighbouring ticks of a logarithmic axis are as far apart as the lower one is large.
    axis.format.text(tick, step: axis.scale == .linear ? step : tick)
  }
}

/// log₂ by bisection of the mantissa, to about 40 bits: no Foundation, and a pixel needs ten.
func logarithm(_ value: Double) -> Double {
  guard value > 0, value.isFinite else { return 0 }
  var result = Double(value.exponent)
  var mantissa = value.significand
  var bit = 0.5
  for _ in 0..<40 {
    mantissa *= mantissa
    if mantissa >= 2 {
      mantissa /= 2
      result += bit
    }
    bit /= 2
  }
  return result
}
