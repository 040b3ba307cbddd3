// Block sparse rows: a CSR pattern over the grid of blocks, and R·C values for each stored block.

/// A block-sparse matrix for any block R×C, with ragged edges.
///
/// `blockPattern` is the CSR structure of the block grid. Block number `b` keeps its `R·C` values at
/// `values[b·R·C ..< (b+1)·R·C]`, row-major inside the block. Cells of an edge block that lie outside
/// the matrix are stored as zeros.
public struct BSRMatrix<Scalar: StoredScalar>: Equatable, Sendable {
  /// Number of rows of the matrix (not of blocks).
  public let rows: Int
  /// Number of columns of the matrix.
  public let columns: Int
  /// The block's shape.
  public let block: BlockSize
  /// Which blocks are stored.
  public let blockPattern: CSRPattern
  /// `blockPattern.nnz · block.area` values.
  public private(set) var values: [Scalar]

  /// Number of stored blocks.
  public var blocks: Int { blockPattern.nnz }
  /// Number of stored cells that lie inside the matrix, zeros included.
  ///
  /// - Complexity: O(block rows)
  public var nnz: Int {
    var count = 0
    for blockRow in 0..<blockPattern.rows {
      let range = blockPattern.rowOffsets[blockRow]..<blockPattern.rowOffsets[blockRow + 1]
      if range.isEmpty { continue }
      // Columns rise inside a row, so only its last block can be cut by the right edge.
      let last = blockPattern.columnIndices[range.upperBound - 1]
      let width =
        (range.count - 1) * block.columns + min(block.columns, columns - last * block.columns)
      count += min(block.rows, rows - blockRow * block.rows) * width
    }
    return count
  }
  /// Bytes of the block pattern and the values.
  public var byteCount: Int { blockPattern.byteCount + values.count * Scalar.numberType.size }

  /// Checks the counts, the grid, and that cells outside the matrix are zero.
  ///
  /// - Throws: ``FormatError`` naming the numbers that disagree.
  /// - Complexity: O(blocks)
  public init(
    rows: Int, columns: Int, block: BlockSize, blockPattern: CSRPattern, values: [Scalar]
  ) throws(FormatError) {
    _ = try checkedShape(rows, columns)
    let grid = block.grid(rows: rows, columns: columns)
    if blockPattern.rows != grid.rows || blockPattern.columns != grid.columns {
      throw .shapeMismatch(
        expectedRows: grid.rows, expectedColumns: grid.columns,
        rows: blockPattern.rows, columns: blockPattern.columns)
    }
    let count = try checkedProduct(blockPattern.nnz, try checkedProduct(block.rows, block.columns))
    if values.count != count {
      throw .wrongCount(name: "values", expected: count, actual: values.count)
    }
    self.init(
      unchecked: rows, columns, block: block, blockPattern: blockPattern, values: values)
    clearPadding()
  }

  /// Trusts the caller. Not checked: every invariant of the type.
  package init(
    unchecked rows: Int, _ columns: Int, block: BlockSize, blockPattern: CSRPattern,
    values: [Scalar]
  ) {
    (self.rows, self.columns, self.block) = (rows, columns, block)
    (self.blockPattern, self.values) = (blockPattern, values)
  }

  /// Calls `body` with the values, for writing in place; cells outside the matrix are zeroed again
  /// afterwards.
  public mutating func withUnsafeMutableValues<R, E: Error>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws(E) -> R
  ) throws(E) -> R {
    defer { clearPadding() }
    return try values.withUnsafeMutableBufferPointer { (buffer) throws(E) -> R in
      try body(buffer)
    }
  }

  /// Writes zeros to the cells of edge blocks that lie outside the matrix.
  private mutating func clearPadding() {
    let (r, c) = (block.rows, block.columns)
    if rows % r != 0, let lastRow = blockPattern.rowOffsets.dropLast().last {
      for b in lastRow..<blocks {
        for cell in rows % r * c..<r * c { values[b * r * c + cell] = .zero }
      }
    }
    if columns % c != 0 {
      for blockRow in 0..<blockPattern.rows {
        // Columns rise inside a row, so only its last block can be cut by the right edge.
        let end = blockPattern.rowOffsets[blockRow + 1]
        if end == blockPattern.rowOffsets[blockRow] { continue }
        if blockPattern.columnIndices[end - 1] != blockPattern.columns - 1 { continue }
        for i in 0..<r {
          for j in columns % c..<c { values[((end - 1) * r + i) * c + j] = .zero }
        }
      }
    }
  }
}
