// Matrices as Matrix Market text: each value in the shortest form that reads back to the same number.

import LacunaFormats

extension MatrixMarket {
  /// The text of a CSR matrix: `coordinate real general`, values in the shortest form that reads back
  /// to the same number.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public static func encoded<Scalar: SparseScalar>(_ matrix: CSRMatrix<Scalar>) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(
      "%%MatrixMarket matrix coordinate real general\n\(matrix.rows) \(matrix.columns) \(matrix.nnz)\n"
        .utf8)
    for row in 0..<matrix.rows {
      for p in matrix.pattern.rowOffsets[row]..<matrix.pattern.rowOffsets[row + 1] {
        writer.decimal(row + 1, then: 0x20)
        writer.decimal(matrix.pattern.columnIndices[p] + 1, then: 0x20)
        append(matrix.values[p], to: &writer)
      }
    }
    return writer.bytes
  }

  /// The text of a dense matrix: `array real general`, column by column.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public static func encoded<Scalar: SparseScalar>(_ matrix: DenseMatrix<Scalar>) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(
      "%%MatrixMarket matrix array real general\n\(matrix.rows) \(matrix.columns)\n".utf8)
    for column in 0..<matrix.columns {
      for row in 0..<matrix.rows { append(matrix[row, column], to: &writer) }
    }
    return writer.bytes
  }

  /// A value in the shortest form that reads back to the same number, and the end of its line.
  @inline(__always)
  private static func append<Scalar: SparseScalar>(_ value: Scalar, to writer: inout ByteWriter) {
    writer.append("\(value)".utf8)
    writer.append(CollectionOfOne(0x0A))
  }
}
