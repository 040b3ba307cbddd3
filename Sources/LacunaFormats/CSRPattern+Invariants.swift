// 0 = offsets[0] ≤ … ≤ offsets[rows] = nnz, and columns strictly increase inside each row.

extension CSRPattern {
  /// The one place where CSR structure from outside is checked.
  static func validate<Index: BinaryInteger>(
    rows: Int, columns: Int, rowOffsets: [Int], columnIndices: [Index]
  ) throws(FormatError) {
    _ = try checkedShape(rows, columns)
    if rowOffsets.count != rows + 1 {
      throw .wrongCount(name: "rowOffsets", expected: rows + 1, actual: rowOffsets.count)
    }
    if rowOffsets[0] != 0 { throw .offsetsStart(actual: rowOffsets[0]) }
    for row in 0..<rows where rowOffsets[row + 1] < rowOffsets[row] {
      throw .offsetsNotMonotone(row: row, offset: rowOffsets[row], next: rowOffsets[row + 1])
    }
    if rowOffsets[rows] != columnIndices.count {
      throw .offsetsEnd(expected: columnIndices.count, actual: rowOffsets[rows])
    }
    for row in 0..<rows {
      var previous = -1
      for position in rowOffsets[row]..<rowOffsets[row + 1] {
        let column = Int(columnIndices[position])
        if column < 0 || column >= columns {
          throw .indexOutOfRange(
            name: "columnIndices", position: position, value: column, limit: columns)
        }
        if column <= previous {
          throw .columnsNotIncreasing(row: row, column: column, previous: previous)
        }
        previous = column
      }
    }
  }
}
