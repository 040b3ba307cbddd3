// CSR from a dense matrix: its nonzeros, or its values at the ones of a mask or pattern; and back.

extension CSRMatrix {
  /// The nonzeros of a dense matrix. NaN is a nonzero; -0 is a zero and is not stored.
  ///
  /// - Complexity: O(rows · columns)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public init(dense: DenseMatrix<Scalar>) {
    // A bit per element first: it costs one pass without a branch, its popcounts are the row
    // offsets, and walking the ones costs O(nnz). Twice as fast as a branchless copy of every element.
    let pattern = CSRPattern(BitMask(nonzerosOf: dense))
    self.init(uncheckedPattern: pattern, values: Self.gathered(dense, pattern))
  }

  /// The values of a dense matrix at the entries of a pattern, zeros included.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  /// - Complexity: O(rows + nnz)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public init(dense: DenseMatrix<Scalar>, pattern: CSRPattern) throws(FormatError) {
    if dense.rows != pattern.rows || dense.columns != pattern.columns {
      throw .shapeMismatch(
        expectedRows: pattern.rows, expectedColumns: pattern.columns,
        rows: dense.rows, columns: dense.columns)
    }
    self.init(uncheckedPattern: pattern, values: Self.gathered(dense, pattern))
  }

  private static func gathered(
    _ dense: DenseMatrix<Scalar>, _ pattern: CSRPattern
  ) -> [Scalar] {
    dense.withUnsafeElements { elements in
      let start = elements.baseAddress!
      switch pattern.columnIndices {
      case .u16(let c): return gathered(start, dense.rowStride, pattern.rowOffsets, c)
      case .u32(let c): return gathered(start, dense.rowStride, pattern.rowOffsets, c)
      }
    }
  }

  private static func gathered<Index: NarrowIndex>(
    _ dense: UnsafePointer<Scalar>, _ stride: Int, _ offsets: [Int], _ indices: [Index]
  ) -> [Scalar] {
    uninitialized(indices.count) { values in
      indices.withUnsafeBufferPointer { c in
        for i in 0..<offsets.count - 1 {
          let row = dense + i * stride
          for p in offsets[i]..<offsets[i + 1] { values[p] = row[Int(c[p])] }
        }
      }
    }
  }

  /// The values of a dense matrix where a mask is 1, zeros included.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  /// - Complexity: O(rows · columns / 64 + nnz)
  public init(dense: DenseMatrix<Scalar>, mask: BitMask) throws(FormatError) {
    try self.init(dense: dense, pattern: CSRPattern(mask))
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
      let start = elements.baseAddress!
      switch pattern.columnIndices {
      case .u16(let c): scatter(c, to: start)
      case .u32(let c): scatter(c, to: start)
      }
    }
    return result
  }

  private func scatter<Index: NarrowIndex>(
    _ indices: [Index], to dense: UnsafeMutablePointer<Scalar>
  ) {
    values.withUnsafeBufferPointer { v in
      indices.withUnsafeBufferPointer { c in
        for i in 0..<rows {
          let row = dense + i * columns
          for p in pattern.rowOffsets[i]..<pattern.rowOffsets[i + 1] { row[Int(c[p])] = v[p] }
        }
      }
    }
  }
}
