// threshold = the k-th largest of |w₀|, |w₁|, …; above = #|w| > threshold; equal = #|w| = threshold.

import CSIMD
import LacunaFormats

/// Exact selection by magnitude in linear time.
///
/// The bits of `|w|`, read as an unsigned number, order as `|w|` does. A sample of the weights brackets
/// the k-th magnitude; one pass counts what lies above the bracket and collects what lies inside, and
/// the answer is selected among those few. When the sample misleads (heavy ties, sorted or
/// adversarial data) a radix histogram of at most 11 bits a pass decides: also exact, also linear.
/// The result never depends on the sample.
public enum Selection {
  /// A magnitude and its rank.
  public struct Result<Scalar: SparseScalar>: Equatable, Sendable {
    /// The k-th largest magnitude: an element of the input, sign removed.
    public var threshold: Scalar
    /// Number of magnitudes strictly larger; less than `k`.
    public var above: Int
    /// Number of magnitudes equal to the threshold; `above + equal >= k`.
    public var equal: Int

    /// Joins the three. Not checked: that they belong to some input.
    public init(threshold: Scalar, above: Int, equal: Int) {
      (self.threshold, self.above, self.equal) = (threshold, above, equal)
    }
  }

  /// The k-th largest magnitude of `weights`, `k` counted from 1.
  ///
  /// - Throws: ``SelectionError`` when `k` is not in `1...weights.count`, or a weight is NaN (its first
  ///   index).
  /// - Complexity: O(weights.count), about one read of the weights.
  public static func kthLargestMagnitude<Scalar: SparseScalar>(
    _ weights: UnsafeBufferPointer<Scalar>, k: Int
  ) throws(SelectionError) -> Result<Scalar> {
    try kthLargestMagnitude([weights], k: k)
  }

  /// The k-th largest magnitude over several tensors, which are read where they lie.
  ///
  /// - Throws: ``SelectionError`` when `k` is not in `1...total`, or a weight is NaN.
  /// - Complexity: O(total number of weights)
  public static func kthLargestMagnitude<Scalar: SparseScalar>(
    _ tensors: [UnsafeBufferPointer<Scalar>], k: Int
  ) throws(SelectionError) -> Result<Scalar> {
    var count = 0
    for t in tensors { count += t.count }
    if k < 1 || k > count { throw .rankOutOfRange(k: k, count: count) }
    switch Scalar.dtype {
    case .f32:
      let found = try select(F32Magnitudes.self, bits(of: tensors), k: k, count: count)
      return Result(
        threshold: unsafeBitCast(Float(bitPattern: found.bits), to: Scalar.self),
        above: found.above, equal: found.equal)
    case .f64:
      let found = try select(F64Magnitudes.self, bits(of: tensors), k: k, count: count)
      return Result(
        threshold: unsafeBitCast(Double(bitPattern: found.bits), to: Scalar.self),
        above: found.above, equal: found.equal)
    }
  }

  /// The tensors' elements as unsigned numbers of the same size.
  private static func bits<Scalar: SparseScalar, Bits>(
    of tensors: [UnsafeBufferPointer<Scalar>]
  ) -> [UnsafeBufferPointer<Bits>] {
    tensors.compactMap { t in
      t.baseAddress.map {
        UnsafeBufferPointer(
          start: UnsafeRawPointer($0).assumingMemoryBound(to: Bits.self), count: t.count)
      } ?? UnsafeBufferPointer(start: nil, count: 0)
    }
  }
}
