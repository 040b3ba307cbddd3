// A constant operand as the matrix [out, in] of a plan: sparse where enough of it is zero.

import LacunaFormats

/// Weights of a product or convolution, one row for each output.
enum LayerWeights: Sendable {
  case sparse(CSRMatrix<Float>)
  case blocks(BSRMatrix<Float>)
  case dense(DenseMatrix<Float>)

  /// Share of zeros from which the sparse kernels are looked at: below it none was ever chosen.
  private static let leastSparsity = 0.2

  /// The matrix of the first dimension by all others.
  init(_ constant: GraphConstant) {
    switch constant {
    case .sparse(let matrix, _): self = .sparse(matrix)
    case .blocks(let matrix, let shape):
      self = matrix.rows == shape.first ?? 1 ? .blocks(matrix) : Self(.array(constant.array))
    case .array(let array): self.init(Self.matrix(array))
    }
  }

  /// The transpose of that.
  init(transposing constant: GraphConstant) {
    switch constant {
    case .sparse(let matrix, _): self = .sparse(matrix.transposed())
    case .blocks: self.init(transposing: .array(constant.array))
    case .array(let array): self.init(Self.matrix(array).transposed())
    }
  }

  private init(_ matrix: DenseMatrix<Float>) {
    let count = matrix.rows * matrix.columns
    let zeros = matrix.withUnsafeElements { elements in elements.count { $0 == 0 } }
    self =
      count > 0 && Double(zeros) >= Self.leastSparsity * Double(count)
      ? .sparse(CSRMatrix(dense: matrix)) : .dense(matrix)
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

  /// Whether zeros are not stored.
  var leavesOut: Bool {
    if case .dense = self { false } else { true }
  }

  /// Every weight, zeros too.
  var filled: LayerWeights {
    switch self {
    case .sparse(let matrix): .dense(matrix.dense())
    case .blocks(let matrix): .dense(matrix.dense())
    case .dense: self
    }
  }

  var rows: Int {
    switch self {
    case .sparse(let matrix): matrix.rows
    case .blocks(let matrix): matrix.rows
    case .dense(let matrix): matrix.rows
    }
  }

  /// Row `i` times factor `of(i)`.
  mutating func scaleRows(_ of: (Int) -> Float) {
    switch self {
    case .sparse(var matrix):
      let offsets = matrix.pattern.rowOffsets
      matrix.withUnsafeMutableValues { values in
        for i in 0..<offsets.count - 1 {
          let factor = of(i)
          for p in offsets[i]..<offsets[i + 1] { values[p] *= factor }
        }
      }
      self = .sparse(matrix)
    case .blocks(var matrix):
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
      self = .blocks(matrix)
    case .dense(var matrix):
      let (rows, columns) = (matrix.rows, matrix.columns)
      matrix.withUnsafeMutableElements { elements in
        for i in 0..<rows {
          let factor = of(i)
          for j in 0..<columns { elements[i * columns + j] *= factor }
        }
      }
      self = .dense(matrix)
    }
  }
}
