// Masks from dense matrices, patterns and blocks; patterns from masks; the transposed mask.

extension BitMask {
  /// Ones at the nonzeros of a dense matrix. NaN is a nonzero; -0 is not.
  ///
  /// - Complexity: O(rows · columns)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  @specialized(where Scalar == BFloat16)
  @specialized(where Scalar == Float16)
  public init<Scalar: StoredScalar>(nonzerosOf dense: DenseMatrix<Scalar>) {
    let (rows, columns) = (dense.rows, dense.columns)
    let perRow = (columns + 63) / 64
    let words: [UInt64] = uninitialized(rows * perRow) { words in
      dense.withUnsafeElements { elements in
        for i in 0..<rows {
          let row = elements.baseAddress! + i * dense.rowStride
          for w in 0..<perRow {
            var bits: UInt64 = 0
            let start = row + w * 64
            for j in 0..<min(64, columns - w * 64) {
              bits |= (start[j] != .zero ? 1 : 0) &<< UInt64(truncatingIfNeeded: j)
            }
            words[i * perRow + w] = bits
          }
        }
      }
    }
    self.init(unchecked: rows, columns, words: words)
  }

  /// Ones at the entries of a pattern.
  ///
  /// - Complexity: O(rows · columns / 64 + nnz)
  public init(_ pattern: CSRPattern) {
    self.init(unchecked: pattern.rows, pattern.columns, words: [])
    switch pattern.columnIndices {
    case .u16(let c): words = Self.words(pattern, c)
    case .u32(let c): words = Self.words(pattern, c)
    }
  }

  private static func words<Index: NarrowIndex>(
    _ pattern: CSRPattern, _ indices: [Index]
  ) -> [UInt64] {
    let perRow = (pattern.columns + 63) / 64
    var words = [UInt64](repeating: 0, count: pattern.rows * perRow)
    words.withUnsafeMutableBufferPointer { words in
      indices.withUnsafeBufferPointer { c in
        for i in 0..<pattern.rows {
          for p in pattern.rowOffsets[i]..<pattern.rowOffsets[i + 1] {
            words[i * perRow + Int(c[p]) >> 6] |= 1 << UInt64(c[p] & 63)
          }
        }
      }
    }
    return words
  }

  /// Ones at every cell of the stored blocks, zeros inside them included.
  ///
  /// - Complexity: O(rows · columns / 64 + stored cells)
  public init<Scalar: StoredScalar>(_ matrix: BSRMatrix<Scalar>) {
    // The grid is that of the matrix, so this cannot fail.
    self = try! BitMask(matrix.blockPattern).expanded(
      matrix.block, rows: matrix.rows, columns: matrix.columns)
  }

  /// The mask of the transposed matrix, in squares of 64×64 bits.
  ///
  /// - Complexity: O(rows · columns / 10)
  public func transposed() -> BitMask {
    let (perRow, perColumn) = (wordsPerRow, (rows + 63) / 64)
    let moved: [UInt64] = uninitialized(columns * perColumn) { target in
      var square = InlineArray<64, UInt64>(repeating: 0)
      for i0 in stride(from: 0, to: rows, by: 64) {
        let height = min(64, rows - i0)
        for w in 0..<perRow {
          for i in 0..<64 { square[i] = i < height ? words[(i0 + i) * perRow + w] : 0 }
          transpose(&square)
          for j in 0..<min(64, columns - w * 64) {
            target[(w * 64 + j) * perColumn + i0 / 64] = square[j]
          }
        }
      }
    }
    return BitMask(unchecked: columns, rows, words: moved)
  }
}

/// Transposes a square of bits in place: bit `j` of word `i` trades places with bit `i` of word `j`.
/// Six rounds swap off-diagonal quarters of 32, 16, …, 1 bits (Warren, Hacker's Delight, 7-3).
private func transpose(_ square: inout InlineArray<64, UInt64>) {
  var half = 32
  var low: UInt64 = 0xFFFF_FFFF
  while half > 0 {
    var i = 0
    while i < 64 {
      let difference = (square[i] >> UInt64(half) ^ square[i + half]) & low
      square[i] ^= difference << UInt64(half)
      square[i + half] ^= difference
      i = (i + half + 1) & ~half
    }
    half >>= 1
    low ^= low << UInt64(half)
  }
}

extension CSRPattern {
  /// The ones of a mask.
  ///
  /// - Complexity: O(rows · columns / 64 + ones)
  public init(_ mask: BitMask) {
    self =
      IndexVector.fitsIn16Bits(limit: mask.columns)
      ? Self.listed(mask, UInt16.self) : Self.listed(mask, UInt32.self)
  }

  private static func listed<Index: NarrowIndex>(_ mask: BitMask, _: Index.Type) -> CSRPattern {
    var offsets = [Int](repeating: 0, count: mask.rows + 1)
    for i in 0..<mask.rows { offsets[i + 1] = offsets[i] + mask.keptCount(row: i) }
    let indices: [Index] = uninitialized(offsets[mask.rows]) { indices in
      var position = 0
      mask.forEachOne { _, j in
        indices[position] = Index(truncatingIfNeeded: j)
        position += 1
      }
    }
    return CSRPattern(unchecked: mask.rows, mask.columns, offsets, Index.vector(indices))
  }
}
