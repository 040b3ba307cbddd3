// What can be wrong with scales, zero points and sums of an 8-bit product.

import LacunaFormats

/// Why an 8-bit product was refused.
public enum QuantizedPlanError: Error, Equatable, Sendable {
  /// What is made of bytes.
  public enum Operand: String, Sendable { case activations, output }

  /// The scale of a row of weights is zero (and a weight of it is not), negative, NaN or infinite.
  case weightScale(row: Int, value: Float)
  /// A scale of bytes is not positive, not finite, or too small to divide by.
  case scale(Operand, value: Float)
  /// The zero point is no value of the bytes' type.
  case zeroPoint(Operand, value: Int, type: NumberType, minimum: Int, maximum: Int)
  /// Sums of `row` could leave 32 bits: its weights' magnitudes sum to `magnitude`, and activations may lie
  /// 255 from their zero point.
  case sumOverflow(row: Int, magnitude: Int, mostMagnitude: Int)
  /// A range was to be measured of activations that are bytes already.
  case measuredBytes(type: NumberType)
  /// New values were to be possible later: only plans of floats take them.
  case updatable
}

extension QuantizedPlanError: CustomStringConvertible {
  /// One line: which scale, zero point or sum, and what is allowed.
  public var description: String {
    switch self {
    case .weightScale(let row, let value):
      "the scale of weight row \(row) is \(value), must be positive and finite"
    case .scale(let operand, let value):
      "the scale of the \(operand) is \(value), must be at least \(Float.leastNormalMagnitude) "
        + "and finite"
    case .zeroPoint(let operand, let value, let type, let minimum, let maximum):
      "the zero point of the \(operand), \(type.rawValue), is \(value), must be in "
        + "\(minimum)...\(maximum)"
    case .sumOverflow(let row, let magnitude, let mostMagnitude):
      "sums of row \(row) may not fit 32 bits: the magnitudes of its weights sum to \(magnitude), "
        + "at most \(mostMagnitude) times 255 do"
    case .measuredBytes(let type):
      "\(type.rawValue) activations have a scale and a zero point already: only those of f32 can be "
        + "measured"
    case .updatable: "8-bit weights keep their values: only a plan of floats can be updatable"
    }
  }
}
