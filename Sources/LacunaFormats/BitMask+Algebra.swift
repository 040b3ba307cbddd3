// Masks combined word by word, counted by row, joined over blocks, and applied to dense buffers.

extension BitMask {
  /// Ones where both masks are 1.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  public func intersection(_ other: BitMask) throws(FormatError) -> BitMask {
    try combined(other, &)
  }

  /// Ones where either mask is 1.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  public func union(_ other: BitMask) throws(FormatError) -> BitMask { try combined(other, |) }

  /// Ones where this mask is 1 and the other is 0.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)``
  public func subtracting(_ other: BitMask) throws(FormatError) -> BitMask {
    try combined(other) { $0 & ~$1 }
  }

  @inline(__always)
  private func combined(
    _ other: BitMask, _ operation: (UInt64, UInt64) -> UInt64
  ) throws(FormatError) -> BitMask {
    if other.rows != rows || other.columns != columns {
      throw .shapeMismatch(
        expectedRows: rows, expectedColumns: columns, rows: other.rows, columns: other.columns)
    }
    let joined: [UInt64] = uninitialized(words.count) { target in
      for w in 0..<words.count { target[w] = operation(words[w], other.words[w]) }
    }
    return BitMask(unchecked: rows, columns, words: joined)
  }

  /// Ones where this mask is 0.
  public var inverted: BitMask {
    var result = BitMask(unchecked: rows, columns, words: words.map { ~$0 })
    if columns % 64 != 0 {
      for i in 0..<rows { result.words[(i + 1) * wordsPerRow - 1] &= lastWordBits }
    }
    return result
  }

  /// Number of ones in a row. Traps when the row is outside.
  public func keptCount(row: Int) -> Int {
    precondition(row >= 0 && row < rows, "row \(row) is outside \(rows)×\(columns)")
    var count = 0
    for w in row * wordsPerRow..<(row + 1) * wordsPerRow { count += words[w].nonzeroBitCount }
    return count
  }

  /// Number of ones in each row.
  public var keptCounts: [Int] { (0..<rows).map { keptCount(row: $0) } }

  /// A mask over the grid of blocks: 1 where a block holds at least one 1.
  ///
  /// - Complexity: O(rows · columns / 64 + ones)
  public func blockUnion(_ block: BlockSize) -> BitMask {
    let grid = block.grid(rows: rows, columns: columns)
    if block.columns == 1 {
      // Whole words: a block row is the union of its rows.
      var result = BitMask(unchecked: grid.rows, columns, words: [])
      result.words = [UInt64](repeating: 0, count: grid.rows * wordsPerRow)
      for i in 0..<rows {
        for w in 0..<wordsPerRow {
          result.words[i / block.rows * wordsPerRow + w] |= words[i * wordsPerRow + w]
        }
      }
      return result
    }
    // The union of a block row's words first, then one step for each block that a word touches.
    let target = (grid.columns + 63) / 64
    let union: [UInt64] = uninitialized(grid.rows * target) { union in
      union.update(repeating: 0, count: grid.rows * target)
      words.withUnsafeBufferPointer { words in
        for blockRow in 0..<grid.rows {
          let row = union + blockRow * target
          let lines = (blockRow * block.rows)..<min((blockRow + 1) * block.rows, rows)
          for w in 0..<wordsPerRow {
            var left: UInt64 = 0
            for i in lines { left |= words[i &* wordsPerRow &+ w] }
            while left != 0 {
              let column = (w &* 64 &+ left.trailingZeroBitCount) / block.columns
              row[column >> 6] |= 1 << UInt64(column & 63)
              // The block's other columns say nothing new. A shift by 64 or more gives 0.
              left &= ~0 << ((column + 1) * block.columns - w * 64)
            }
          }
        }
      }
    }
    return BitMask(unchecked: grid.rows, grid.columns, words: union)
  }

  /// A mask over the elements from one over the grid of blocks: the inverse of ``blockUnion(_:)``
  /// for masks made of whole blocks.
  ///
  /// - Throws: ``FormatError/shapeMismatch(expectedRows:expectedColumns:rows:columns:)`` when this
  ///   mask is not the shape of the grid that covers `rows`×`columns`.
  /// - Complexity: O(rows · columns / 64 + ones · block area)
  public func expanded(
    _ block: BlockSize, rows: Int, columns: Int
  ) throws(FormatError) -> BitMask {
    var result = try BitMask(rows: rows, columns: columns)
    let grid = block.grid(rows: rows, columns: columns)
    if self.rows != grid.rows || self.columns != grid.columns {
      throw .shapeMismatch(
        expectedRows: grid.rows, expectedColumns: grid.columns,
        rows: self.rows, columns: self.columns)
    }
    let target = result.wordsPerRow
    forEachOne { i, j in
      // The first row of the block; the others are copies of it.
      let row = i * block.rows
      for column in j * block.columns..<min((j + 1) * block.columns, columns) {
        result.words[row * target + column >> 6] |= 1 << UInt64(column & 63)
      }
    }
    for row in 0..<rows where row % block.rows != 0 {
      for w in 0..<target {
        result.words[row * target + w] = result.words[row / block.rows * block.rows * target + w]
      }
    }
    return result
  }

  /// Calls `body(row, column)` for every 1, in row-major order.
  @inline(__always)
  func forEachOne(_ body: (Int, Int) -> Void) {
    words.withUnsafeBufferPointer { words in
      for i in 0..<rows {
        for w in 0..<wordsPerRow {
          var bits = words[i * wordsPerRow + w]
          while bits != 0 {
            body(i, w * 64 + bits.trailingZeroBitCount)
            bits &= bits &- 1
          }
        }
      }
    }
  }
}
