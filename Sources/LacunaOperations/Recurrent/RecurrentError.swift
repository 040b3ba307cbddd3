// What can be wrong with a recurrent network besides shapes and ranges.

/// Why a recurrent network was refused before anything was packed.
public enum RecurrentError: Error, Equatable, Sendable {
  /// Weights, sequences or states have more elements than can be addressed.
  case tooManyElements(name: String, factors: [Int])
  /// A sequence is shorter than 0 or longer than the run's steps.
  case length(sequence: Int, length: Int, steps: Int)
  /// New values were to be possible later: only plans of products take them.
  case updatable
}

extension RecurrentError: CustomStringConvertible {
  /// One line: what does not fit, with the numbers.
  public var description: String {
    switch self {
    case .tooManyElements(let name, let factors):
      "\(name): " + factors.map { "\($0)" }.joined(separator: "·")
        + " elements are too many to address"
    case .length(let sequence, let length, let steps):
      "sequence \(sequence) has a length of \(length), must be in 0...\(steps)"
    case .updatable:
      "recurrent networks keep their values: only a plan of a product can be updatable"
    }
  }
}
