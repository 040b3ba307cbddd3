// Entries (row, column, value) in any order, made into CSR by a counting sort over the rows.

/// A matrix under construction: a list of coordinates and values in any order.
///
/// Each entry is checked against the shape when it is added. What happens to two entries at the same
/// place is decided when the builder is made.
public struct COOBuilder<Scalar: SparseScalar>: Sendable {
  /// What two entries at the same place mean.
  public enum Duplicates: Sendable {
    /// Their values add up, in the order in which they were added.
    case add
    /// They are a ``FormatError/columnsNotIncreasing(row:column:previous:)`` when the matrix is made.
    case reject
  }

  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// What two entries at the same place mean.
  public let duplicates: Duplicates
  /// The row of each entry, in the order added.
  public private(set) var rowIndices: [UInt32] = []
  /// The column of each entry, in the order added.
  public private(set) var columnIndices: [UInt32] = []
  /// The value of each entry, in the order added.
  public private(set) var values: [Scalar] = []

  /// An empty builder.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative or the size overflows.
  public init(rows: Int, columns: Int, duplicates: Duplicates = .add) throws(FormatError) {
    _ = try checkedShape(rows, columns)
    (self.rows, self.columns, self.duplicates) = (rows, columns, duplicates)
  }

  /// Entries from arrays of one length. Not checked: their lengths, and that indices lie in the matrix.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative or the size overflows.
  package init(
    unchecked rows: Int, _ columns: Int, rowIndices: [UInt32], columnIndices: [UInt32],
    values: [Scalar]
  ) throws(FormatError) {
    try self.init(rows: rows, columns: columns)
    (self.rowIndices, self.columnIndices, self.values) = (rowIndices, columnIndices, values)
  }

  /// The stored entries of a CSR matrix, in its order.
  ///
  /// - Complexity: O(rows + nnz)
  public init(_ matrix: CSRMatrix<Scalar>, duplicates: Duplicates = .add) {
    (rows, columns, self.duplicates) = (matrix.rows, matrix.columns, duplicates)
    let offsets = matrix.pattern.rowOffsets
    rowIndices = uninitialized(matrix.nnz) { target in
      for i in 0..<matrix.rows {
        for p in offsets[i]..<offsets[i + 1] { target[p] = UInt32(i) }
      }
    }
    switch matrix.pattern.columnIndices {
    case .u16(let v): columnIndices = v.map { UInt32($0) }
    case .u32(let v): columnIndices = v
    }
    values = matrix.values
  }

  /// Number of entries, duplicates counted each.
  public var count: Int { values.count }
  /// Bytes of the coordinates and the values.
  public var byteCount: Int { count * (8 + Scalar.dtype.size) }

  /// Makes room for `count` entries in all.
  public mutating func reserveCapacity(_ count: Int) {
    rowIndices.reserveCapacity(count)
    columnIndices.reserveCapacity(count)
    values.reserveCapacity(count)
  }

  /// Adds one entry; a zero is stored like any other value.
  ///
  /// - Throws: ``FormatError/indexOutOfRange(name:position:value:limit:)`` where `position` is the
  ///   number of entries before this one. Nothing is added then.
  public mutating func append(
    _ value: Scalar, row: Int, column: Int
  ) throws(FormatError) {
    if row < 0 || row >= rows {
      throw .indexOutOfRange(name: "row", position: count, value: row, limit: rows)
    }
    if column < 0 || column >= columns {
      throw .indexOutOfRange(name: "column", position: count, value: column, limit: columns)
    }
    rowIndices.append(UInt32(truncatingIfNeeded: row))
    columnIndices.append(UInt32(truncatingIfNeeded: column))
    values.append(value)
  }

  /// Adds entries from three arrays of one length.
  ///
  /// - Throws: ``FormatError``; the entries before the malformed one have been added then.
  public mutating func append(
    contentsOf values: [Scalar], rows: [Int], columns: [Int]
  ) throws(FormatError) {
    if rows.count != values.count {
      throw .wrongCount(name: "rows", expected: values.count, actual: rows.count)
    }
    if columns.count != values.count {
      throw .wrongCount(name: "columns", expected: values.count, actual: columns.count)
    }
    for p in 0..<values.count { try append(values[p], row: rows[p], column: columns[p]) }
  }

  /// The transpose: every entry with its coordinates swapped.
  ///
  /// - Complexity: O(count)
  public func transposed() -> COOBuilder {
    var result = try! COOBuilder(rows: columns, columns: rows, duplicates: duplicates)
    (result.rowIndices, result.columnIndices) = (columnIndices, rowIndices)
    result.values = values
    return result
  }

  /// The CSR matrix of the entries.
  ///
  /// - Throws: ``FormatError/columnsNotIncreasing(row:column:previous:)`` when two entries share a
  ///   place and the builder rejects that.
  /// - Complexity: O(rows + count), and a sort of each row whose columns were not added in order.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func csr() throws(FormatError) -> CSRMatrix<Scalar> {
    // offsets[i]: where row i starts among the sorted entries and, once they are placed, where it ends. One
    // array for all: a matrix may have many more rows than entries.
    var offsets = [Int](repeating: 0, count: rows + 1)
    for row in rowIndices { offsets[Int(row) + 1] &+= 1 }
    for i in 0..<rows { offsets[i + 1] &+= offsets[i] }
    if isRowMajor {
      let pattern = CSRPattern(
        unchecked: rows, columns, offsets,
        IndexVector.u32(columnIndices).narrowed(limit: columns))
      return CSRMatrix(uncheckedPattern: pattern, values: values)
    }
    // order: the entries of row 0, of row 1, …, each in the order added.
    var order = [Int](repeating: 0, count: count)
    for p in 0..<count {
      let row = Int(rowIndices[p])
      order[offsets[row]] = p
      offsets[row] &+= 1
    }
    var sortedColumns: [UInt32] = []
    var sortedValues: [Scalar] = []
    sortedColumns.reserveCapacity(count)
    sortedValues.reserveCapacity(count)
    var start = 0
    for i in 0..<rows {
      let range = start..<offsets[i]
      start = offsets[i]
      offsets[i] = sortedColumns.count
      if range.isEmpty { continue }
      sortByColumn(&order, range)
      let rowStart = sortedColumns.count
      for p in order[range] {
        let column = columnIndices[p]
        if sortedColumns.count > rowStart, sortedColumns.last == column {
          if duplicates == .reject {
            throw .columnsNotIncreasing(row: i, column: Int(column), previous: Int(column))
          }
          sortedValues[sortedValues.count - 1] += values[p]
        } else {
          sortedColumns.append(column)
          sortedValues.append(values[p])
        }
      }
    }
    offsets[rows] = sortedColumns.count
    let pattern = CSRPattern(
      unchecked: rows, columns, offsets, IndexVector.u32(sortedColumns).narrowed(limit: columns))
    return CSRMatrix(uncheckedPattern: pattern, values: sortedValues)
  }

  /// Whether each entry lies behind the one before it, row by row.
  private var isRowMajor: Bool {
    rowIndices.withUnsafeBufferPointer { rows in
      columnIndices.withUnsafeBufferPointer { columns in
        var isAhead = true
        for p in rows.indices.dropFirst() {
          let (before, here) = (
            UInt64(rows[p - 1]) << 32 | UInt64(columns[p - 1]),
            UInt64(rows[p]) << 32 | UInt64(columns[p])
          )
          isAhead = isAhead && before < here
        }
        return isAhead
      }
    }
  }

  /// Sorts entries of one row by column; equal columns keep the order in which they were added.
  private func sortByColumn(_ order: inout [Int], _ range: Range<Int>) {
    var sorted = true
    for q in range.dropFirst() where columnIndices[order[q - 1]] > columnIndices[order[q]] {
      sorted = false
      break
    }
    if !sorted {
      order[range].sort { (columnIndices[$0], $0) < (columnIndices[$1], $1) }
    }
  }

  /// The dense matrix of the entries.
  ///
  /// - Throws: as ``csr()``.
  public func dense() throws(FormatError) -> DenseMatrix<Scalar> { try csr().dense() }

  /// The block-sparse matrix of the entries.
  ///
  /// - Throws: as ``csr()``.
  public func bsr(block: BlockSize) throws(FormatError) -> BSRMatrix<Scalar> {
    try BSRMatrix(csr(), block: block)
  }
}

extension COOBuilder {
  /// The nonzeros of a dense matrix in row-major order.
  public init(dense: DenseMatrix<Scalar>, duplicates: Duplicates = .add) {
    self.init(CSRMatrix(dense: dense), duplicates: duplicates)
  }

  /// The nonzeros of a block-sparse matrix in row-major order.
  public init(_ matrix: BSRMatrix<Scalar>, duplicates: Duplicates = .add) {
    self.init(CSRMatrix(matrix), duplicates: duplicates)
  }
}
