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
    _ = try checkedShape(rows, columns)
    self.init(unchecked: rows, columns, words: [])
    words = Array(repeating: filled ? .max : 0, count: rows * wordsPerRow)
    if filled && columns % 64 != 0 {
      for i in 0..<rows { words[(i + 1) * wordsPerRow - 1] = lastWordBits }
    }
  }

  /// A mask from its words.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative, the size overflows, the number of words
  ///   is not `rows · ⌈columns / 64⌉`, or a bit past the last column is set.
  /// - Complexity: O(rows)
  public init(rows: Int, columns: Int, words: [UInt64]) throws(FormatError) {
    _ = try checkedShape(rows, columns)
    self.init(unchecked: rows, columns, words: words)
    let count = rows * wordsPerRow
    if words.count != count {
      throw .wrongCount(name: "words", expected: count, actual: words.count)
    }
    if columns % 64 == 0 { return }
    for i in 0..<rows {
      let extra = words[(i + 1) * wordsPerRow - 1] & ~lastWordBits
      if extra != 0 {
        throw .bitPastLastColumn(
          row: i, column: (wordsPerRow - 1) * 64 + extra.trailingZeroBitCount, columns: columns)
      }
    }
  }

  /// Trusts the caller. Not checked: the number of words, and that bits past the last column are 0.
  package init(unchecked rows: Int, _ columns: Int, words: [UInt64]) {
    (self.rows, self.columns, self.words) = (rows, columns, words)
  }

  /// The bits of a row's last word that are columns.
  var lastWordBits: UInt64 { columns % 64 == 0 ? .max : 1 << UInt64(columns % 64) - 1 }

  /// Bytes of the words.
  public var byteCount: Int { words.count * 8 }

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
