// CSR from a dense matrix: its nonzeros, or its values at the ones of a mask or pattern; and back.

extension CSRMatrix {
  /// The nonzeros of a dense matrix. NaN is a nonzero; -0 is a zero and is not stored.
  ///
  /// - Complexity: O(rows · columns)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public init(dense: DenseMatrix<Scalar>) {
    self =
      IndexVector.fitsIn16Bits(limit: dense.columns)
      ? Self.compressed(dense, UInt16.self) : Self.compressed(dense, UInt32.self)
  }

  private static func compressed<Index: NarrowIndex>(
    _ dense: DenseMatrix<Scalar>, _: Index.Type
  ) -> CSRMatrix {
    let (rows, columns) = (dense.rows, dense.columns)
    return dense.withUnsafeElements { elements in
      var offsets = [Int](repeating: 0, count: rows + 1)
      if columns == 0 || rows == 0 {
        let empty = CSRPattern(unchecked: rows, columns, offsets, Index.vector([]))
        return CSRMatrix(uncheckedPattern: empty, values: [])
      }
      let start = elements.baseAddress!
      for i in 0..<rows {
        let row = start + i * dense.rowStride
        var count = 0
        for j in 0..<columns { count &+= row[j] != 0 ? 1 : 0 }
        offsets[i + 1] = offsets[i] &+ count
      }
      let nnz = offsets[rows]
      var indices: [Index] = []
      // Every element is written where the next nonzero belongs and the position moves on if it was
      // one: no branch to mispredict, at the price of one spare slot.
      let values = [Scalar](unsafeUninitializedCapacity: nnz + 1) { valueBuffer, valueCount in
        indices = [Index](unsafeUninitializedCapacity: nnz + 1) { indexBuffer, indexCount in
          let (v, c) = (valueBuffer.baseAddress!, indexBuffer.baseAddress!)
          var position = 0
          for i in 0..<rows {
            let row = start + i * dense.rowStride
            for j in 0..<columns {
              v[position] = row[j]
              c[position] = Index(truncatingIfNeeded: j)
              position &+= row[j] != 0 ? 1 : 0
            }
          }
          indexCount = nnz
        }
        valueCount = nnz
      }
      let pattern = CSRPattern(unchecked: rows, columns, offsets, Index.vector(indices))
      return CSRMatrix(uncheckedPattern: pattern, values: values)
    }
  }

  /// The values of a dense matrix at the entries of a pattern, zeros included.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  /// - Complexity: O(rows + nnz)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public init(dense: DenseMatrix<Scalar>, pattern: CSRPattern) throws(FormatError) {
    if dense.rows != pattern.rows || dense.columns != pattern.columns {
      throw .shapeMismatch(
        expectedRows: pattern.rows, expectedColumns: pattern.columns,
        rows: dense.rows, columns: dense.columns)
    }
    let values: [Scalar] = dense.withUnsafeElements { elements in
      let start = elements.baseAddress!
      switch pattern.columnIndices {
      case .u16(let c): return Self.gathered(start, dense.rowStride, pattern.rowOffsets, c)
      case .u32(let c): return Self.gathered(start, dense.rowStride, pattern.rowOffsets, c)
      }
    }
    self.init(uncheckedPattern: pattern, values: values)
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
