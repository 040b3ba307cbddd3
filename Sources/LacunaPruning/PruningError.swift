// What can be wrong with a pruning request. Every case carries the numbers.

import LacunaFormats

/// A refused pruning request: each case names the parameter, its value and what is allowed.
public enum PruningError: Error, Equatable, Sendable {
  /// A parameter is outside its range.
  case invalidParameter(name: String, value: String, allowed: String)
  /// A schedule has no update step among the steps that training will run.
  case scheduleCannotFire(schedule: String, plannedSteps: Int, reason: String)
  /// A schedule of a type that has no serial form.
  case notSerialisable(schedule: String)
  /// A weight or saliency is not a number, at `index` of the tensor's row-major order.
  case notANumber(tensor: String, index: Int)
  /// A weight or saliency is infinite, at `index` of the tensor's row-major order.
  case infinite(tensor: String, index: Int)
  /// The norm of a block, row, column or channel is beyond the largest number of the tensor's type.
  case normOverflow(tensor: String, cell: Int)
  /// A saliency takes f32 tensors only.
  case needsFloat(tensor: String, saliency: String)
  /// A buffer has another length than the tensor's shape asks for.
  case wrongCount(tensor: String, name: String, expected: Int, actual: Int)
  /// A tensor disagrees in shape with the mask that the pruner keeps for its name.
  case shapeMismatch(
    tensor: String, expectedRows: Int, expectedColumns: Int, rows: Int, columns: Int)
  /// Two tensors of one call have the same name.
  case duplicateTensor(name: String)
  /// A rule names a tensor or pattern that matches nothing.
  case unmatchedPattern(pattern: String, tensors: [String])
  /// A saliency needs gradients and the tensor carries none.
  case missingGradients(tensor: String, saliency: String)
  /// A saved state cannot be read.
  case malformedState(reason: String)
  /// A mask could not be made because the shape itself is impossible.
  case format(FormatError)
}

extension PruningError: CustomStringConvertible {
  /// One line: the parameter or the tensor, what it is, and what is allowed.
  public var description: String {
    switch self {
    case .invalidParameter(let name, let value, let allowed):
      "\(name) is \(value), must be \(allowed)"
    case .scheduleCannotFire(let schedule, let plannedSteps, let reason):
      "\(schedule) never updates a mask in steps 1...\(plannedSteps): \(reason)"
    case .notSerialisable(let schedule):
      "a schedule of type \(schedule) has no serial form; tabulate it with PiecewiseSparsity"
    case .notANumber(let tensor, let index): "\(tensor)[\(index)] is not a number"
    case .infinite(let tensor, let index): "\(tensor)[\(index)] is infinite"
    case .normOverflow(let tensor, let cell):
      "the norm of piece \(cell) of \(tensor) is beyond the largest number of its type: pool by max or "
        + "average"
    case .needsFloat(let tensor, let saliency):
      "\(saliency) takes f32 weights, and \(tensor) is f64: only plain magnitude ranks f64"
    case .wrongCount(let tensor, let name, let expected, let actual):
      "\(name) of \(tensor) has \(actual) elements, expected \(expected)"
    case .shapeMismatch(let tensor, let expectedRows, let expectedColumns, let rows, let columns):
      "\(tensor) is \(rows)×\(columns), but its mask is \(expectedRows)×\(expectedColumns)"
    case .duplicateTensor(let name): "two tensors are named \(name)"
    case .unmatchedPattern(let pattern, let tensors):
      "no tensor matches \"\(pattern)\"; the tensors are \(tensors.joined(separator: ", "))"
    case .missingGradients(let tensor, let saliency):
      "\(saliency) saliency needs the gradients of \(tensor), and none were given"
    case .malformedState(let reason): "pruner state cannot be read: \(reason)"
    case .format(let error): error.description
    }
  }
}
