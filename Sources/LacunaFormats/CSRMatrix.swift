// A CSR matrix: a pattern, and one value for each entry of it.

/// A sparse matrix in compressed sparse row form.
///
/// The structure is shared and immutable; the values may change under it.
public struct CSRMatrix<Scalar: StoredScalar>: Equatable, Sendable {
  /// Which entries are stored.
  public let pattern: CSRPattern
  /// `pattern.nnz` values in the pattern's order. A stored zero is allowed.
  public private(set) var values: [Scalar]

  /// Joins a pattern with its values.
  ///
  /// - Throws: ``FormatError/wrongCount(name:expected:actual:)`` when their numbers differ.
  public init(pattern: CSRPattern, values: [Scalar]) throws(FormatError) {
    if values.count != pattern.nnz {
      throw .wrongCount(name: "values", expected: pattern.nnz, actual: values.count)
    }
    (self.pattern, self.values) = (pattern, values)
  }

  /// Trusts the caller. Not checked: `values.count == pattern.nnz`.
  package init(uncheckedPattern pattern: CSRPattern, values: [Scalar]) {
    (self.pattern, self.values) = (pattern, values)
  }

  /// Number of rows.
  public var rows: Int { pattern.rows }
  /// Number of columns.
  public var columns: Int { pattern.columns }
  /// Number of stored entries.
  public var nnz: Int { pattern.nnz }
  /// Bytes of the pattern and the values.
  public var byteCount: Int { pattern.byteCount + values.count * Scalar.numberType.size }

  /// Calls `body` with the values, for writing in place.
  public mutating func withUnsafeMutableValues<R, E: Error>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws(E) -> R
  ) throws(E) -> R {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(E) -> R in try body(buffer) }
  }
}
