// Matrices whose shape, density and seed say everything about them.

import Lacuna

extension SeededGenerator {
  /// A value in (-1, 1) that is never zero.
  public mutating func nonzero<Scalar: SparseScalar>(_: Scalar.Type = Scalar.self) -> Scalar {
    let magnitude = Scalar(next() >> 42 | 1) / Scalar(1 << 22)
    return next() & 1 == 0 ? magnitude : -magnitude
  }

  /// True with this probability.
  public mutating func chance(_ probability: Double) -> Bool {
    Double(next() >> 11) / Double(1 << 53) < probability
  }
}

/// A random dense matrix: each element is nonzero with probability `density`. Padding holds NaN, so
/// that whoever reads it is found out.
public func randomDense<Scalar: SparseScalar>(
  _: Scalar.Type = Scalar.self, rows: Int, columns: Int, density: Double = 1,
  rowStride: Int? = nil, seed: UInt64
) -> DenseMatrix<Scalar> {
  var generator = SeededGenerator(seed: seed)
  var matrix = try! DenseMatrix<Scalar>(rows: rows, columns: columns, rowStride: rowStride)
  let stride = matrix.rowStride
  matrix.withUnsafeMutableElements { elements in
    for i in 0..<rows {
      for j in 0..<stride {
        elements[i * stride + j] =
          j >= columns ? .nan : generator.chance(density) ? generator.nonzero() : 0
      }
    }
  }
  return matrix
}

/// A random matrix made of whole blocks, each stored with probability `density`.
public func randomBlockDense<Scalar: SparseScalar>(
  _: Scalar.Type = Scalar.self, rows: Int, columns: Int, block: BlockSize, density: Double,
  seed: UInt64
) -> DenseMatrix<Scalar> {
  var generator = SeededGenerator(seed: seed)
  let grid = block.grid(rows: rows, columns: columns)
  let kept = (0..<grid.rows * grid.columns).map { _ in generator.chance(density) }
  var matrix: DenseMatrix<Scalar> = randomDense(rows: rows, columns: columns, seed: seed &+ 1)
  matrix.withUnsafeMutableElements { elements in
    for i in 0..<rows {
      for j in 0..<columns where !kept[i / block.rows * grid.columns + j / block.columns] {
        elements[i * columns + j] = 0
      }
    }
  }
  return matrix
}
