// Some of the rows of a matrix, in the same format where its blocks allow it.

extension StoredMatrix {
  /// The rows of `range`. Blocks that its ends cut through are taken apart.
  ///
  /// - Complexity: O(stored)
  package func rows(_ range: Range<Int>) -> StoredMatrix {
    switch self {
    case .dense(let w):
      var part = DenseMatrix<Scalar>(unchecked: range.count, w.columns)
      let (stride, columns) = (w.rowStride, w.columns)
      w.withUnsafeElements { from in
        part.withUnsafeMutableElements { into in
          for (i, row) in range.enumerated() {
            for j in 0..<columns { into[i * columns + j] = from[row * stride + j] }
          }
        }
      }
      return .dense(part)
    case .csr(let w):
      let (pattern, entries) = w.pattern.rows(range)
      return .csr(CSRMatrix(uncheckedPattern: pattern, values: Array(w.values[entries])))
    case .bsr(let w):
      guard let blocks = w.block.rows(range, of: w.rows) else {
        return StoredMatrix.csr(CSRMatrix(w)).rows(range)
      }
      let (pattern, entries) = w.blockPattern.rows(blocks)
      return .bsr(
        BSRMatrix(
          unchecked: range.count, w.columns, block: w.block, blockPattern: pattern,
          values: Array(w.values[entries.scaled(w.block.area)])))
    }
  }
}

extension QuantizedMatrix {
  /// The rows of `range` with their scales. Blocks that its ends cut through are taken apart.
  ///
  /// - Complexity: O(stored)
  package func rows(_ range: Range<Int>) -> QuantizedMatrix {
    let scales = Array(scales[range])
    switch self {
    case .csr(let w):
      let (pattern, entries) = w.pattern.rows(range)
      return .csr(
        QuantizedCSR(unchecked: pattern, values: Array(w.values[entries]), scales: scales))
    case .bsr(let w):
      guard let blocks = w.block.rows(range, of: w.rows) else {
        return .csr(elements(rows: range, scales))
      }
      let (pattern, entries) = w.blockPattern.rows(blocks)
      return .bsr(
        QuantizedBSR(
          unchecked: range.count, w.columns, block: w.block, blockPattern: pattern,
          values: Array(w.values[entries.scaled(w.block.area)]), scales: scales))
    }
  }

  /// Some rows without blocks; cells outside the matrix are left out.
  private func elements(rows range: Range<Int>, _ scales: [Float]) -> QuantizedCSR {
    var (offsets, indices, values): ([Int], [Int], [Int8]) = ([0], [], [])
    for row in range {
      forEach(row: row) { column, value in
        indices.append(column)
        values.append(value)
      }
      offsets.append(indices.count)
    }
    let pattern = CSRPattern(
      unchecked: range.count, columns, offsets, IndexVector(packing: indices, limit: columns))
    return QuantizedCSR(unchecked: pattern, values: values, scales: scales)
  }
}

extension Range<Int> {
  fileprivate func scaled(_ factor: Int) -> Range<Int> {
    lowerBound * factor..<upperBound * factor
  }
}

extension BlockSize {
  /// The rows of blocks that are exactly these rows of a matrix, nil when an end cuts through blocks.
  fileprivate func rows(_ range: Range<Int>, of all: Int) -> Range<Int>? {
    if range.lowerBound % rows != 0 { return nil }
    if range.upperBound % rows != 0 && range.upperBound != all { return nil }
    return range.lowerBound / rows..<(range.upperBound + rows - 1) / rows
  }
}

extension CSRPattern {
  /// The pattern of some rows, and which entries are theirs.
  fileprivate func rows(_ range: Range<Int>) -> (pattern: CSRPattern, entries: Range<Int>) {
    let entries = rowOffsets[range.lowerBound]..<rowOffsets[range.upperBound]
    let offsets = rowOffsets[range.lowerBound...range.upperBound].map { $0 - entries.lowerBound }
    let indices: IndexVector =
      switch columnIndices {
      case .u16(let all): .u16(Array(all[entries]))
      case .u32(let all): .u32(Array(all[entries]))
      }
    return (CSRPattern(unchecked: range.count, columns, offsets, indices), entries)
  }
}
