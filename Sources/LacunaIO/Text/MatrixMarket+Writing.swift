// Matrices as Matrix Market text: each value in the shortest form that reads back to the same number.

import LacunaFormats

extension MatrixMarket {
  /// The text of a CSR matrix: `coordinate real general`, values in the shortest form that reads back
  /// to the same number.
  public static func encoded<Scalar: SparseScalar>(_ matrix: CSRMatrix<Scalar>) -> [UInt8] {
    var text =
      "%%MatrixMarket matrix coordinate real general\n\(matrix.rows) \(matrix.columns) \(matrix.nnz)\n"
    for row in 0..<matrix.rows {
      for p in matrix.pattern.rowOffsets[row]..<matrix.pattern.rowOffsets[row + 1] {
        text += "\(row + 1) \(matrix.pattern.columnIndices[p] + 1) \(matrix.values[p])\n"
      }
    }
    return Array(text.utf8)
  }

  /// The text of a dense matrix: `array real general`, column by column.
  public static func encoded<Scalar: SparseScalar>(_ matrix: DenseMatrix<Scalar>) -> [UInt8] {
    var text = "%%MatrixMarket matrix array real general\n\(matrix.rows) \(matrix.columns)\n"
    for column in 0..<matrix.columns {
      for row in 0..<matrix.rows { text += "\(matrix[row, column])\n" }
    }
    return Array(text.utf8)
  }
}
