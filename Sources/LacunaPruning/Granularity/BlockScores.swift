// score[I, J] = pool of |w[i, j]| over the cells of block (I, J)
//
// Each column of a block is summed down its rows first, then the column sums from left to right. That
// order vectorises along a row, and it is the one by which averages agree bit for bit with the
// reference toolkit's.

import LacunaFormats

/// One score per block of a row-major `rows`×`columns` buffer, in row-major block order.
///
/// - Complexity: O(rows · columns)
func blockScores<Scalar: SparseScalar>(
  _ values: UnsafePointer<Scalar>, rows: Int, columns: Int, block: BlockSize, pooling: Pooling
) -> AlignedBuffer<Scalar> {
  switch pooling {
  case .average:
    pooled(values, rows, columns, block, { $0 + $1.magnitude }, +, { $0 / Scalar($1) })
  case .max:
    pooled(
      values, rows, columns, block, { $0 > $1.magnitude ? $0 : $1.magnitude },
      { $0 > $1 ? $0 : $1 }, { score, _ in score })
  case .l1:
    pooled(values, rows, columns, block, { $0 + $1.magnitude }, +, { score, _ in score })
  // In double: the square of a tiny float32 would vanish and that of a huge one overflow.
  case .l2:
    pooled(
      values, rows, columns, block, { $0 + Double($1) * Double($1) }, +,
      { sum, _ in Scalar(sum.squareRoot()) })
  }
}

/// Folds each block's columns with `add`, those with `join`, and finishes with the number of cells.
@inline(__always)
private func pooled<Scalar: SparseScalar, Sum: BinaryFloatingPoint>(
  _ values: UnsafePointer<Scalar>, _ rows: Int, _ columns: Int, _ block: BlockSize,
  _ add: (Sum, Scalar) -> Sum, _ join: (Sum, Sum) -> Sum, _ finish: (Sum, Int) -> Scalar
) -> AlignedBuffer<Scalar> {
  let grid = block.grid(rows: rows, columns: columns)
  let scores = AlignedBuffer<Scalar>(count: grid.rows * grid.columns)
  var columnSums = [Sum](repeating: 0, count: columns)
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
        scores.pointer[blockRow * grid.columns + blockColumn] = finish(sum, height * width)
      }
    }
  }
  return scores
}
