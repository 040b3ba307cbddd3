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
  /// Number of stored entries in each row.
  public var rowCounts: [Int] { (0..<rows).map { rowOffsets[$0 + 1] - rowOffsets[$0] } }
  /// Bytes of the offsets and the column indices.
  public var byteCount: Int {
    rowOffsets.count * MemoryLayout<Int>.stride + columnIndices.byteCount
  }
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

  /// Checks every invariant of indices that are narrow already, and keeps them in the width that
  /// `columns` asks for.
  ///
  /// - Throws: ``FormatError`` naming the first rule that is broken and where.
  /// - Complexity: O(rows + nnz)
  public init(
    rows: Int, columns: Int, rowOffsets: [Int], columnIndices: IndexVector
  ) throws(FormatError) {
    switch columnIndices {
    case .u16(let v):
      try Self.validate(rows: rows, columns: columns, rowOffsets: rowOffsets, columnIndices: v)
    case .u32(let v):
      try Self.validate(rows: rows, columns: columns, rowOffsets: rowOffsets, columnIndices: v)
    }
    self.init(unchecked: rows, columns, rowOffsets, columnIndices.narrowed(limit: columns))
  }

  /// Trusts the caller. Not checked: every invariant of the type.
  package init(
    unchecked rows: Int, _ columns: Int, _ rowOffsets: [Int], _ columnIndices: IndexVector
  ) {
    (self.rows, self.columns) = (rows, columns)
    (self.rowOffsets, self.columnIndices) = (rowOffsets, columnIndices)
  }
}
