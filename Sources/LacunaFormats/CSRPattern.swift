// Which entries of a matrix are stored: row i holds columnIndices[rowOffsets[i]..<rowOffsets[i+1]].

/// The structure of a CSR matrix: validated once, immutable, shared by any number of value sets.
///
///     · a · b        rowOffsets     0 2 2 3
///     · · · ·        columnIndices  1 3 0
///     c · · ·
///
/// Copies share memory. If you hold one, it is valid: offsets rise from 0 to ``nnz``, and columns
/// strictly increase inside each row and stay below ``columns``.
public struct CSRPattern: Equatable, Sendable {
  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// `rows + 1` positions where each row starts, and where the last one ends.
  public let rowOffsets: [Int]
  /// The column of each stored entry.
  public let columnIndices: IndexVector

  /// Number of stored entries.
  public var nnz: Int { columnIndices.count }
  /// Stored entries over all entries, 0 for an empty matrix.
  public var density: Double {
    rows == 0 || columns == 0 ? 0 : Double(nnz) / (Double(rows) * Double(columns))
  }

  /// Checks every invariant.
  ///
  /// - Throws: ``FormatError`` naming the first rule that is broken and where.
  /// - Complexity: O(rows + nnz)
  public init(
    rows: Int, columns: Int, rowOffsets: [Int], columnIndices: [Int]
  ) throws(FormatError) {
    try Self.validate(
      rows: rows, columns: columns, rowOffsets: rowOffsets, columnIndices: columnIndices)
    self.init(
      unchecked: rows, columns, rowOffsets,
      IndexVector(packing: columnIndices, limit: columns))
  }

  /// Trusts the caller. Not checked: every invariant of the type.
  package init(
    unchecked rows: Int, _ columns: Int, _ rowOffsets: [Int], _ columnIndices: IndexVector
  ) {
    (self.rows, self.columns) = (rows, columns)
    (self.rowOffsets, self.columnIndices) = (rowOffsets, columnIndices)
  }
}
