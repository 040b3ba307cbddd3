// What can be wrong with an operation's operands, options or environment.

import LacunaFormats

/// Why an operation was refused: each case carries the numbers that disagree.
public enum OperationError: Error, Equatable, Sendable {
  /// An operand's dimension is not what the other operands ask for.
  case shapeMismatch(operand: String, dimension: String, expected: Int, actual: Int)
  /// A count, width or stride is outside its range.
  case outOfRange(name: String, value: Int, minimum: Int, maximum: Int)
  /// Elements of another type than the plan's.
  case elementType(operand: String, expected: NumberType, actual: NumberType)
  /// The bias has another length than the weights have rows.
  case biasCount(expected: Int, actual: Int)
  /// A clamp whose lower bound is above its upper one, or is not a number.
  case invalidClamp(lower: Double, upper: Double)
  /// `LACUNA_ISA` holds a word that names no instruction set.
  case unknownISA(name: String, allowed: [String])
  /// `LACUNA_ISA` names an instruction set that this processor or this build lacks.
  case unavailableISA(name: String, available: [String])
  /// A kernel was asked for by a name that the table does not have for this operation.
  case unknownKernel(name: String, available: [String])
  /// A kernel was asked for by name, and these weights do not fit its format.
  case unsuitableKernel(name: String, rows: Int, columns: Int)
  /// A saved plan choice cannot be read, or belongs to other weights.
  case invalidDecision(reason: String)
  /// New values for a plan that was made without ``PlanOptions/updatable``.
  case notUpdatable
  /// Scales, zero points or sums of an 8-bit product.
  case quantization(QuantizedPlanError)
  /// The memory that the operation needs cannot be had.
  case outOfMemory(bytes: Int)
  /// The shape of a convolution cannot be.
  case convolution(ConvolutionError)
  /// A recurrent network, or the lengths of its sequences, cannot be.
  case recurrent(RecurrentError)
  /// The operand is malformed in itself.
  case format(FormatError)
}

extension OperationError: CustomStringConvertible {
  /// One line: what disagrees, with the numbers.
  public var description: String {
    switch self {
    case .shapeMismatch(let operand, let dimension, let expected, let actual):
      "\(operand) has \(actual) \(dimension), expected \(expected)"
    case .outOfRange(let name, let value, let minimum, let maximum):
      maximum == .max
        ? "\(name) is \(value), must be at least \(minimum)"
        : "\(name) is \(value), must be in \(minimum)...\(maximum)"
    case .elementType(let operand, let expected, let actual):
      "\(operand) are \(actual), expected \(expected)"
    case .biasCount(let expected, let actual):
      "the bias has \(actual) values, expected one for each of \(expected) output rows"
    case .invalidClamp(let lower, let upper): "clamp bounds \(lower)...\(upper) are not an interval"
    case .unknownISA(let name, let allowed):
      "\(ISA.environmentVariable)=\(name): no such instruction set, allowed are "
        + allowed.joined(separator: ", ")
    case .unavailableISA(let name, let available):
      "\(ISA.environmentVariable)=\(name): this processor does not have it, available are "
        + available.joined(separator: ", ")
    case .unknownKernel(let name, let available):
      "no kernel is named \(name) for this operation, available are "
        + available.joined(separator: ", ")
    case .unsuitableKernel(let name, let rows, let columns):
      "the \(rows)×\(columns) weights do not fit the format of kernel \(name)"
    case .invalidDecision(let reason): "the saved plan choice cannot be used: \(reason)"
    case .notUpdatable: "the plan was made to keep its values: make it updatable"
    case .quantization(let error): error.description
    case .outOfMemory(let bytes): "\(bytes) bytes of memory cannot be allocated"
    case .convolution(let error): error.description
    case .recurrent(let error): error.description
    case .format(let error): error.description
    }
  }
}

/// Throws ``OperationError/shapeMismatch(operand:dimension:expected:actual:)`` unless both are equal.
func expect(
  _ operand: String, _ dimension: String, _ expected: Int, _ actual: Int
) throws(OperationError) {
  if expected != actual {
    throw .shapeMismatch(
      operand: operand, dimension: dimension, expected: expected, actual: actual)
  }
}
