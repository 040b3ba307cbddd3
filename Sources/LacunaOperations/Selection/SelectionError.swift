// Why a magnitude of a given rank does not exist.

/// What keeps a selection from having an answer.
public enum SelectionError: Error, Equatable, Sendable {
  /// A weight is not a number: `index` counts inside tensor number `tensor`, and both are the first.
  case notANumber(tensor: Int, index: Int)
  /// `k` is not in `1...count`.
  case rankOutOfRange(k: Int, count: Int)
}

extension SelectionError: CustomStringConvertible {
  /// One line: the weight, or the rank and its range.
  public var description: String {
    switch self {
    case .notANumber(let tensor, let index):
      "weight \(index) of tensor \(tensor) is not a number: magnitudes have no order"
    case .rankOutOfRange(let k, let count): "k is \(k), must be in 1...\(count)"
    }
  }
}
