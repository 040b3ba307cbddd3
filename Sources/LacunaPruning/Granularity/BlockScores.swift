// score[I, J] = pool of |w[i, j]| over the cells of block (I, J)
//
// Each column of a block is summed down its rows first, then the column sums from left to right. That
// order vectorises along a row, and it is the one by which averages agree bit for bit with the
// reference toolkit's. A sum that overflowed, or squares so small that digits were lost, is taken again
// relative to the block's largest magnitude.

import LacunaFormats

/// One score per block of a row-major `rows`×`columns` buffer, in row-major block order.
///
/// A score is infinite only when the norm itself is beyond the largest number of the type.
///
/// - Complexity: O(rows · columns)
func blockScores<Scalar: SparseScalar>(
  _ values: UnsafePointer<Scalar>, rows: Int, columns: Int, block: BlockSize, pooling: Pooling
) -> AlignedBuffer<Scalar> {
  let region = BlockRegion(values: values, rows: rows, columns: columns, block: block)
  switch pooling {
  case .average:
    return region.pooled(
      { (sum: Scalar, w) in sum + w.magnitude }, +,
      { sum, count, cells in
        sum.isFinite
          ? sum / Scalar(count) : region.relative(cells, { $0 + $1 }, { $0 / Double(count) })
      })
  case .max:
    return region.pooled(
      { (most: Scalar, w) in most > w.magnitude ? most : w.magnitude }, { $0 > $1 ? $0 : $1 },
      { most, _, _ in most })
  case .l1:
    return region.pooled(
      { (sum: Scalar, w) in sum + w.magnitude }, +,
      { sum, _, cells in sum.isFinite ? sum : region.relative(cells, { $0 + $1 }, { $0 }) })
  case .l2:
    // In double, where the square of any float32 has its place; those of doubles may not have one.
    return region.pooled(
      { (sum: Double, w) in sum + Double(w) * Double(w) }, +,
      { sum, _, cells in
        sum.isFinite && (sum >= leastSquares || Scalar.dtype == .f32)
          ? Scalar(sum.squareRoot())
          : region.relative(cells, { $0 + $1 * $1 }, { $0.squareRoot() })
      })
  }
}

/// Sums of squares from here on have lost nothing that counts: what underflowed is below 2⁻¹⁰⁷⁴.
private let leastSquares = 0x1p-900

/// A matrix in memory, cut into blocks.
private struct BlockRegion<Scalar: SparseScalar> {
  let values: UnsafePointer<Scalar>
  let rows: Int, columns: Int
  let block: BlockSize

  /// Folds each block's columns with `add`, those with `join`, and finishes with the number of cells and
  /// where they are.
  @inline(__always)
  func pooled<Sum: BinaryFloatingPoint>(
    _ add: (Sum, Scalar) -> Sum, _ join: (Sum, Sum) -> Sum,
    _ finish: (Sum, Int, (rows: Range<Int>, columns: Range<Int>)) -> Scalar
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
          scores.pointer[blockRow * grid.columns + blockColumn] = finish(
            sum, height * width, (first..<first + height, start..<start + width))
        }
      }
    }
    return scores
  }

  /// m · finish(Σ add(|w| / m)) over the cells, with m the power of two below the largest |w|: quotients
  /// by it are exact and below 2.
  @inline(never)
  func relative(
    _ cells: (rows: Range<Int>, columns: Range<Int>), _ add: (Double, Double) -> Double,
    _ finish: (Double) -> Double
  ) -> Scalar {
    var largest: Scalar = 0
    for i in cells.rows {
      for j in cells.columns { largest = max(largest, values[i * columns + j].magnitude) }
    }
    if largest == 0 { return 0 }
    let unit = Double(sign: .plus, exponent: Int(Double(largest).exponent), significand: 1)
    var sum = 0.0
    for i in cells.rows {
      for j in cells.columns { sum = add(sum, Double(values[i * columns + j].magnitude) / unit) }
    }
    return Scalar(finish(sum) * unit)
  }
}
