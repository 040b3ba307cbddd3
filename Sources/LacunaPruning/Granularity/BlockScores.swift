// score[I, J] = pool of |w[i, j]| over the cells of block (I, J)
//
// Each column of a block is summed down its rows first, then the column sums from left to right. That
// order vectorises along a row, and it is the one by which averages agree bit for bit with the
// reference toolkit's.

import LacunaFormats

/// One score per block of a row-major `rows`×`columns` buffer, in row-major block order.
///
/// - Complexity: O(rows · columns)
func blockScores(
  _ values: UnsafePointer<Float>, rows: Int, columns: Int, block: BlockSize, pooling: Pooling
) -> [Float] {
  switch pooling {
  case .average:
    pooled(values, rows, columns, block, { $0 + $1.magnitude }, +, { $0 / Float($1) })
  case .max:
    pooled(values, rows, columns, block, { max($0, $1.magnitude) }, { max($0, $1) }, { s, _ in s })
  case .l1: pooled(values, rows, columns, block, { $0 + $1.magnitude }, +, { s, _ in s })
  // In double: the square of a tiny float32 would vanish and that of a huge one overflow.
  case .l2:
    pooled(
      values, rows, columns, block, { $0 + Double($1) * Double($1) }, +,
      { s, _ in Float(s.squareRoot()) })
  }
}

/// Folds each block's columns with `add`, those with `join`, and finishes with the number of cells.
@inline(__always)
private func pooled<Sum: BinaryFloatingPoint>(
  _ values: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ block: BlockSize,
  _ add: (Sum, Float) -> Sum, _ join: (Sum, Sum) -> Sum, _ finish: (Sum, Int) -> Float
) -> [Float] {
  let grid = block.grid(rows: rows, columns: columns)
  var scores = [Float](repeating: 0, count: grid.rows * grid.columns)
  var columnSums = [Sum](repeating: 0, count: columns)
  scores.withUnsafeMutableBufferPointer { scores in
    columnSums.withUnsafeMutableBufferPointer { column in
      for blockRow in 0..<grid.rows {
        let first = blockRow * block.rows
        let height = min(block.rows, rows - first)
        column.update(repeating: 0)
        for i in first..<first + height {
          let row = values + i * columns
          for j in 0..<columns { column[j] = add(column[j], row[j]) }
        }
        for blockColumn in 0..<grid.columns {
          let start = blockColumn * block.columns
          let width = min(block.columns, columns - start)
          var sum = column[start]
          for j in start + 1..<start + width { sum = join(sum, column[j]) }
          scores[blockRow * grid.columns + blockColumn] = finish(sum, height * width)
        }
      }
    }
  }
  return scores
}

extension BitMask {
  /// The `rows`×`columns` mask in which each bit of this one stands for a block.
  func expanded(by block: BlockSize, rows: Int, columns: Int) throws(FormatError) -> BitMask {
    var result = try BitMask(rows: rows, columns: columns)
    for blockRow in 0..<self.rows {
      let first = blockRow * block.rows
      for blockColumn in 0..<self.columns where self[blockRow, blockColumn] {
        result.setBits(
          row: first,
          columns: blockColumn * block.columns..<min((blockColumn + 1) * block.columns, columns))
      }
      for i in first + 1..<max(first + 1, min(first + block.rows, rows)) {
        for w in 0..<result.wordsPerRow {
          result.words[i * result.wordsPerRow + w] = result.words[first * result.wordsPerRow + w]
        }
      }
    }
    return result
  }

  /// Sets `columns` of `row`.
  mutating func setBits(row: Int, columns: Range<Int>) {
    var j = columns.lowerBound
    while j < columns.upperBound {
      let word = j >> 6
      let end = min((word + 1) << 6, columns.upperBound)
      let bits = end - j == 64 ? UInt64.max : (1 << UInt64(end - j)) - 1
      words[row * wordsPerRow + word] |= bits << UInt64(j & 63)
      j = end
    }
  }
}
