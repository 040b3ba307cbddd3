// One bit per weight: 1 keeps it, 0 makes it zero.

/// A matrix of bits. Row `i` starts at word `i · wordsPerRow`; bit `j & 63` of word `j >> 6` is column
/// `j`. Bits past the last column are 0.
public struct BitMask: Equatable, Sendable {
  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// 64-bit words per row.
  public var wordsPerRow: Int { (columns + 63) / 64 }
  /// `rows · wordsPerRow` words.
  public package(set) var words: [UInt64]

  /// A mask of all ones or all zeros.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative or the size overflows.
  public init(rows: Int, columns: Int, filled: Bool = false) throws(FormatError) {
    _ = try checkedProduct(rows, columns)
    (self.rows, self.columns) = (rows, columns)
    words = Array(repeating: 0, count: rows * ((columns + 63) / 64))
    if filled {
      for i in 0..<rows {
        for w in 0..<wordsPerRow {
          words[i * wordsPerRow + w] =
            columns - w * 64 >= 64 ? .max : (1 << UInt64(columns - w * 64)) - 1
        }
      }
    }
  }

  /// Whether `(row, column)` is kept. Traps when it is outside.
  public subscript(row: Int, column: Int) -> Bool {
    @inlinable get {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns,
        "(\(row), \(column)) is outside \(rows)×\(columns)")
      return words[row * wordsPerRow + (column >> 6)] >> UInt64(column & 63) & 1 == 1
    }
    set {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns,
        "(\(row), \(column)) is outside \(rows)×\(columns)")
      let bit = UInt64(1) << UInt64(column & 63)
      if newValue {
        words[row * wordsPerRow + (column >> 6)] |= bit
      } else {
        words[row * wordsPerRow + (column >> 6)] &= ~bit
      }
    }
  }

  /// Number of ones.
  ///
  /// - Complexity: O(rows · columns / 64)
  public var keptCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
  /// Zeros over all entries, 0 for an empty mask.
  public var sparsity: Double {
    let count = rows * columns
    return count == 0 ? 0 : 1 - Double(keptCount) / Double(count)
  }
}
