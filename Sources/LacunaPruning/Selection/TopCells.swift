// (t, ties): the threshold that keeps k of a population, and how many equals to it survive

import LacunaFormats
import LacunaOperations

/// Where the line runs between kept and dropped.
struct Place<Scalar: SparseScalar> {
  /// The smallest kept score.
  var threshold: Scalar
  /// How many of the scores equal to it are kept, the first ones in order.
  var ties: Int
  /// How many scores are kept in all.
  var kept: Int
}

/// The line that keeps the `kept` largest magnitudes of all `scores` together.
///
/// - Parameter name: What to call buffer number `n` in an error.
/// - Throws: ``PruningError/notANumber(tensor:index:)``.
/// - Complexity: O(scores)
func topCells<Scalar: SparseScalar>(
  _ scores: [UnsafeBufferPointer<Scalar>], kept: Int, ties policy: TiePolicy,
  name: (Int) -> String
) throws(PruningError) -> Place<Scalar> {
  do throws(SelectionError) {
    let found = try Selection.kthLargestMagnitude(scores, k: kept)
    let ties = policy == .keepTies ? found.equal : kept - found.above
    return Place(threshold: found.threshold, ties: ties, kept: found.above + ties)
  } catch {
    switch error {
    case .notANumber(let tensor, let index): throw .notANumber(tensor: name(tensor), index: index)
    case .rankOutOfRange(let k, let count):
      throw .invalidParameter(name: "kept count", value: "\(k)", allowed: "in 1...\(count)")
    }
  }
}
