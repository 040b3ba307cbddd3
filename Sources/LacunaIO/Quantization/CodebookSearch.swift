// The levels of several tensors, such that a bit buys as much error in each of them.

import LacunaFormats

/// Few values for the weights of several tensors, chosen by rate–distortion.
///
/// The error of a tensor is `Σ (w − ŵ)² / Σ w²`, that of all their mean: to what comes out of a network the errors of its
/// layers add up, those of a small one as much as those of a large one. Every tensor is fitted with the same worth of a
/// bit, so that bits go to where they lower the error most: a small kernel may end up with fifty values and a large one
/// with four. Small weights become zero where that costs less than storing them.
public struct CodebookSearch: Sendable {
  /// What a search found.
  public struct Result: Sendable {
    /// One for each tensor.
    public let matrices: [CodebookCSR]
    /// Of all tensors.
    public let error: Double
    /// What a bit is worth, as an error of one tensor.
    public let slope: Double
  }

  /// Why there is no result.
  public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// A value cannot be quantised.
    case value(QuantizationError)
    /// Even where bits cost nothing the error is larger than what was asked for.
    case errorTooSmall(asked: Double, least: Double)

    /// One line: what cannot be had, with the numbers.
    public var description: String {
      switch self {
      case .value(let error): error.description
      case .errorTooSmall(let asked, let least):
        "an error of \(asked) takes more values than there may be: with these it is \(least)"
      }
    }
  }

  /// The worths of a bit that are tried: a billion of them for a thousandth of the error, or ten for all of it.
  private static let slopes = (1e-12, 0.1)
  /// Halvings of that range on a logarithmic scale.
  private static let steps = 14

  /// Finds the shortest codes whose error is at most `error`.
  ///
  /// - Parameter most: Values for each tensor besides zero, 2...255.
  /// - Throws: ``Failure``
  /// - Complexity: O(nonzeros + tensors · most)
  public static func found(
    _ tensors: [CSRMatrix<Float>], most: [Int], error: Double
  ) throws(Failure) -> Result {
    precondition(tensors.count == most.count, "\(most.count) limits for \(tensors.count) tensors")
    precondition(
      most.allSatisfy { (2...CodebookCSR.mostCodes).contains($0) }, "\(most), must be in 2...255")
    var values: [ValueHistogram] = []
    for tensor in tensors {
      do throws(QuantizationError) { values.append(try ValueHistogram(tensor)) } catch {
        throw .value(error)
      }
    }
    func fits(_ slope: Double) -> (fits: [CodebookFit], error: Double) {
      let fits = zip(values, most).map { CodebookFit.best($0, most: $1, slope: slope) }
      let errors = zip(fits, values).filter { $0.1.count > 0 }.map(\.0.error)
      return (fits, errors.reduce(0, +) / Double(max(errors.count, 1)))
    }
    var (low, high) = Self.slopes
    var best = (slope: low, found: fits(low))
    if best.found.error > error {
      throw .errorTooSmall(asked: error, least: best.found.error)
    }
    for _ in 0..<steps {
      let middle = (low * high).squareRoot()
      let found = fits(middle)
      if found.error <= error { (low, best) = (middle, (middle, found)) } else { high = middle }
    }
    return Result(
      matrices: zip(best.found.fits, tensors).map { $0.codes($1) }, error: best.found.error,
      slope: best.slope)
  }
}
