// BSR from a dense or a CSR matrix, and back. A block is stored when it holds at least one entry.

extension BSRMatrix {
  /// The blocks of a dense matrix that hold a nonzero.
  ///
  /// - Complexity: O(rows · columns)
  public init(dense: DenseMatrix<Scalar>, block: BlockSize) {
    let mask = BitMask(nonzerosOf: dense).blockUnion(block)
    self.init(dense: dense, block: block, storing: CSRPattern(mask))
  }

  /// The values of a dense matrix in the blocks of a pattern, zeros included.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)`` when the
  ///   pattern is not the shape of the block grid.
  /// - Complexity: O(blocks · block area)
  public init(
    dense: DenseMatrix<Scalar>, block: BlockSize, blockPattern: CSRPattern
  ) throws(FormatError) {
    let grid = block.grid(rows: dense.rows, columns: dense.columns)
    if blockPattern.rows != grid.rows || blockPattern.columns != grid.columns {
      throw .shapeMismatch(
        expectedRows: grid.rows, expectedColumns: grid.columns,
        rows: blockPattern.rows, columns: blockPattern.columns)
    }
    self.init(dense: dense, block: block, storing: blockPattern)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  private init(dense: DenseMatrix<Scalar>, block: BlockSize, storing pattern: CSRPattern) {
    let (r, c) = (block.rows, block.columns)
    let values: [Scalar] = uninitialized(pattern.nnz * block.area) { values in
      dense.withUnsafeElements { elements in
        let start = elements.baseAddress!
        for blockRow in 0..<pattern.rows {
          let height = min(r, dense.rows - blockRow * r)
          for b in pattern.rowOffsets[blockRow]..<pattern.rowOffsets[blockRow + 1] {
            let column = pattern.columnIndices[b] * c
            let width = min(c, dense.columns - column)
            let target = values + b * r * c
            if height < r || width < c { target.update(repeating: .zero, count: r * c) }
            for i in 0..<height {
              let source = start + (blockRow * r + i) * dense.rowStride + column
              if width == 4 {
                // Of constant length: two instructions.
                UnsafeMutableRawPointer(target + i * c).copyMemory(
                  from: source, byteCount: 4 &* MemoryLayout<Scalar>.size)
              } else {
                for j in 0..<width { target[i * c + j] = source[j] }
              }
            }
          }
        }
      }
    }
    self.init(
      unchecked: dense.rows, dense.columns, block: block, blockPattern: pattern, values: values)
  }

  /// The blocks that hold a stored entry of a CSR matrix.
  ///
  /// - Complexity: O(blocks · block rows + nnz)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public init(_ matrix: CSRMatrix<Scalar>, block: BlockSize) {
    switch matrix.pattern.columnIndices {
    case .u16(let c): self = Self.merged(matrix, c, block)
    case .u32(let c): self = Self.merged(matrix, c, block)
    }
  }

  /// Merges the rows of each block row by block column: every row keeps a cursor, and each step
  /// takes from all of them what lies in the leftmost block column any cursor stands in.
  private static func merged<Index: NarrowIndex>(
    _ matrix: CSRMatrix<Scalar>, _ indices: [Index], _ block: BlockSize
  ) -> BSRMatrix {
    let (r, c) = (block.rows, block.columns)
    let grid = block.grid(rows: matrix.rows, columns: matrix.columns)
    let offsets = matrix.pattern.rowOffsets
    var blockOffsets = [0]
    blockOffsets.reserveCapacity(grid.rows + 1)
    var blockColumns: [UInt32] = []
    var values: [Scalar] = []
    values.reserveCapacity(matrix.nnz)
    var cursors = [Int](repeating: 0, count: r)
    for blockRow in 0..<grid.rows {
      let firstRow = blockRow * r
      let height = min(r, matrix.rows - firstRow)
      for i in 0..<height { cursors[i] = offsets[firstRow + i] }
      while true {
        var leftmost = Int.max
        for i in 0..<height where cursors[i] < offsets[firstRow + i + 1] {
          leftmost = min(leftmost, Int(indices[cursors[i]]) / c)
        }
        if leftmost == .max { break }
        let start = values.count
        values.append(contentsOf: repeatElement(.zero, count: r * c))
        blockColumns.append(UInt32(leftmost))
        for i in 0..<height {
          let end = offsets[firstRow + i + 1]
          var p = cursors[i]
          while p < end {
            let j = Int(indices[p]) - leftmost * c
            if j >= c { break }
            values[start + i * c + j] = matrix.values[p]
            p += 1
          }
          cursors[i] = p
        }
      }
      blockOffsets.append(blockColumns.count)
    }
    let pattern = CSRPattern(
      unchecked: grid.rows, grid.columns, blockOffsets,
      IndexVector.u32(blockColumns).narrowed(limit: grid.columns))
    return BSRMatrix(
      unchecked: matrix.rows, matrix.columns, block: block, blockPattern: pattern, values: values)
  }

  /// The same matrix, dense, without row padding.
  ///
  /// - Complexity: O(rows · columns)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public func dense() -> DenseMatrix<Scalar> {
    var result = DenseMatrix<Scalar>(unchecked: rows, columns)
    result.withUnsafeMutableElements { elements in
      forEachStoredRow { i, column, width, cells in
        (elements.baseAddress! + i * columns + column).update(from: cells, count: width)
      }
    }
    return result
  }

  /// Calls `body(row, column, width, cells)` for every row of every stored block, clipped to the
  /// matrix: `cells` points to `width` values that stand at `(row, column)` and to its right. Rows
  /// come in order, and so do the columns of one row.
  @inline(__always)
  func forEachStoredRow(_ body: (Int, Int, Int, UnsafePointer<Scalar>) -> Void) {
    let (r, c) = (block.rows, block.columns)
    values.withUnsafeBufferPointer { values in
      for i in 0..<rows {
        let blockRow = i / r
        for b in blockPattern.rowOffsets[blockRow]..<blockPattern.rowOffsets[blockRow + 1] {
          let column = blockPattern.columnIndices[b] * c
          body(
            i, column, min(c, columns - column),
            values.baseAddress! + (b * r + i - blockRow * r) * c)
        }
      }
    }
  }
}

extension CSRMatrix {
  /// The nonzeros of a block-sparse matrix; zeros inside its blocks are not stored.
  ///
  /// - Complexity: O(rows + stored cells)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public init(_ matrix: BSRMatrix<Scalar>) {
    var offsets = [Int](repeating: 0, count: matrix.rows + 1)
    matrix.forEachStoredRow { i, _, width, cells in
      for j in 0..<width { offsets[i + 1] &+= cells[j] != .zero ? 1 : 0 }
    }
    for i in 0..<matrix.rows { offsets[i + 1] &+= offsets[i] }
    let nnz = offsets[matrix.rows]
    var indices: [UInt32] = []
    let values: [Scalar] = uninitialized(nnz) { values in
      indices = uninitialized(nnz) { indices in
        var position = 0
        matrix.forEachStoredRow { _, column, width, cells in
          for j in 0..<width where cells[j] != .zero {
            values[position] = cells[j]
            indices[position] = UInt32(truncatingIfNeeded: column + j)
            position += 1
          }
        }
      }
    }
    let pattern = CSRPattern(
      unchecked: matrix.rows, matrix.columns, offsets,
      IndexVector.u32(indices).narrowed(limit: matrix.columns))
    self.init(uncheckedPattern: pattern, values: values)
  }
}

extension BSRMatrix {
  /// The transpose, in blocks of C×R.
  ///
  /// - Complexity: O(block rows + block columns + blocks · block area)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public func transposed() -> BSRMatrix {
    let (r, c) = (block.rows, block.columns)
    let (pattern, sources) = blockPattern.transposedWithSources()
    let moved: [Scalar] = uninitialized(values.count) { target in
      values.withUnsafeBufferPointer { values in
        for b in 0..<sources.count {
          let source = values.baseAddress! + sources[b] * r * c
          for i in 0..<r {
            for j in 0..<c { target[b * r * c + j * r + i] = source[i * c + j] }
          }
        }
      }
    }
    return BSRMatrix(
      unchecked: columns, rows, block: block.transposed, blockPattern: pattern, values: moved)
  }
}
