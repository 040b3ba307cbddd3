// A constant operand as the matrix [out, in] of a plan: sparse where enough of it is zero.

import LacunaFormats

/// Share of zeros from which the sparse kernels are looked at: below it none was ever chosen.
private let leastSparsity = 0.2

extension StoredMatrix<Float> {
  /// Weights of a product or convolution, one row for each output: the matrix of the first dimension by all others.
  init(_ constant: GraphConstant) {
    if case .weights(let tensor) = constant, !tensor.isDense,
      tensor.rows == tensor.shape.first ?? 1
    {
      self = tensor.matrix(of: Float.self)
    } else {
      self.init(skipping: Self.matrix(constant.array))
    }
  }

  /// The transpose of that.
  init(transposing constant: GraphConstant) {
    if case .weights(let tensor) = constant, case .csr(let matrix) = tensor.matrix(of: Float.self),
      tensor.rows == tensor.shape.first ?? 1
    {
      self = .csr(matrix.transposed())
    } else {
      self.init(skipping: Self.matrix(constant.array).transposed())
    }
  }

  /// Without its zeros where there are enough of them.
  init(skipping matrix: DenseMatrix<Float>) {
    let count = matrix.rows * matrix.columns
    let zeros = matrix.withUnsafeElements { elements in elements.count { $0 == 0 } }
    self =
      count > 0 && Double(zeros) >= leastSparsity * Double(count)
      ? .csr(CSRMatrix(dense: matrix)) : .dense(matrix)
  }

  private static func matrix(_ array: GraphArray) -> DenseMatrix<Float> {
    let rows = array.shape.first ?? 1
    let columns = array.shape.dropFirst().reduce(1, *)
    var matrix = DenseMatrix<Float>(uninitialized: rows, columns)
    matrix.withUnsafeMutableElements { target in
      _ = target.update(fromContentsOf: array.floats ?? [])
    }
    return matrix
  }

  /// Row `i` times factor `of(i)`.
  mutating func scaleRows(_ of: (Int) -> Float) {
    switch self {
    case .csr(var matrix):
      let offsets = matrix.pattern.rowOffsets
      matrix.withUnsafeMutableValues { values in
        for i in 0..<offsets.count - 1 {
          let factor = of(i)
          for p in offsets[i]..<offsets[i + 1] { values[p] *= factor }
        }
      }
      self = .csr(matrix)
    case .bsr(var matrix):
      let (block, rows) = (matrix.block, matrix.rows)
      let offsets = matrix.blockPattern.rowOffsets
      matrix.withUnsafeMutableValues { values in
        for row in 0..<rows {
          let (blockRow, r) = row.quotientAndRemainder(dividingBy: block.rows)
          let factor = of(row)
          for p in offsets[blockRow]..<offsets[blockRow + 1] {
            let first = p * block.area + r * block.columns
            for i in first..<first + block.columns { values[i] *= factor }
          }
        }
      }
      self = .bsr(matrix)
    case .dense(var matrix):
      let (rows, columns, stride) = (matrix.rows, matrix.columns, matrix.rowStride)
      matrix.withUnsafeMutableElements { elements in
        for i in 0..<rows {
          let factor = of(i)
          for j in 0..<columns { elements[i * stride + j] *= factor }
        }
      }
      self = .dense(matrix)
    }
  }
}
