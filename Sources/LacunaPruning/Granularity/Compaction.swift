// The rows and columns of a matrix that hold a nonzero, and the smaller matrix made of them

import LacunaFormats

/// Which rows and columns of a matrix are worth keeping, and how to take the others out for good.
///
///     kept rows 0, 2      1 · 0 2           1 2
///     kept columns 0, 3   · · · ·     →     3 0
///                         3 · · ·
///
/// `Y = W·X` needs only the kept rows of X when columns are gone, and gives only the kept rows of Y when
/// rows are: ``gather(_:width:)`` and ``scatter(_:width:)`` go from one numbering to the other.
/// A removed row is an output that is always 0 before its bias: whether the layer may lose it is for
/// the caller to know.
public struct Compaction: Equatable, Sendable {
  /// Shape of the matrix before.
  public let rows: Int, columns: Int
  /// Rows that stay, ascending.
  public let keptRows: [Int]
  /// Columns that stay, ascending.
  public let keptColumns: [Int]

  /// The rows and columns in which a mask keeps something.
  ///
  /// - Complexity: O(rows · columns / 64 + ones)
  public init(_ mask: BitMask) {
    var usedRows = [Bool](repeating: false, count: mask.rows)
    var usedColumns = [Bool](repeating: false, count: mask.columns)
    mask.forEachKept { index in
      usedRows[index / mask.columns] = true
      usedColumns[index % mask.columns] = true
    }
    (rows, columns) = (mask.rows, mask.columns)
    keptRows = usedRows.indices.filter { usedRows[$0] }
    keptColumns = usedColumns.indices.filter { usedColumns[$0] }
  }

  /// The rows and columns of a matrix that hold a nonzero.
  public init<Scalar: SparseScalar>(nonzerosOf matrix: DenseMatrix<Scalar>) {
    self.init(BitMask(nonzerosOf: matrix))
  }

  /// The kept rows and columns of a matrix.
  ///
  /// - Throws: ``PruningError/shapeMismatch(tensor:expectedRows:expectedColumns:rows:columns:)``
  /// - Complexity: O(kept rows · kept columns)
  public func compacted<Scalar: SparseScalar>(
    _ matrix: DenseMatrix<Scalar>
  ) throws(PruningError) -> DenseMatrix<Scalar> {
    if matrix.rows != rows || matrix.columns != columns {
      throw .shapeMismatch(
        tensor: "matrix", expectedRows: rows, expectedColumns: columns, rows: matrix.rows,
        columns: matrix.columns)
    }
    var values: [Scalar] = []
    values.reserveCapacity(keptRows.count * keptColumns.count)
    let stride = matrix.rowStride
    matrix.withUnsafeElements { elements in
      for i in keptRows { for j in keptColumns { values.append(elements[i * stride + j]) } }
    }
    return try masking { () throws(FormatError) in
      try DenseMatrix(rows: keptRows.count, columns: keptColumns.count, values: values)
    }
  }

  /// The inputs that the smaller matrix reads: the kept columns' rows of X.
  ///
  /// - Parameter width: Columns of X, which is `columns × width`, row-major.
  /// - Throws: ``PruningError/wrongCount(tensor:name:expected:actual:)``
  public func gather<Scalar: SparseScalar>(
    _ inputs: [Scalar], width: Int
  ) throws(PruningError) -> [Scalar] {
    try Self.check(inputs.count, columns, width, tensor: "X", name: "inputs")
    return keptColumns.flatMap { inputs[$0 * width..<($0 + 1) * width] }
  }

  /// The outputs of the larger matrix: zero in the rows that are gone.
  ///
  /// - Parameter width: Columns of Y, which is `keptRows.count × width`, row-major.
  /// - Throws: ``PruningError/wrongCount(tensor:name:expected:actual:)``
  public func scatter<Scalar: SparseScalar>(
    _ outputs: [Scalar], width: Int
  ) throws(PruningError) -> [Scalar] {
    try Self.check(outputs.count, keptRows.count, width, tensor: "Y", name: "outputs")
    let (size, overflow) = rows.multipliedReportingOverflow(by: width)
    if overflow {
      throw .invalidParameter(name: "width", value: "\(width)", allowed: "small enough to address")
    }
    var result = [Scalar](repeating: 0, count: size)
    for (n, row) in keptRows.enumerated() {
      result.replaceSubrange(
        row * width..<(row + 1) * width, with: outputs[n * width..<(n + 1) * width])
    }
    return result
  }

  /// Checks that there are `rows · width` elements.
  private static func check(
    _ count: Int, _ rows: Int, _ width: Int, tensor: String, name: String
  ) throws(PruningError) {
    let (expected, overflow) = rows.multipliedReportingOverflow(by: width)
    if width < 0 || overflow {
      throw .invalidParameter(
        name: "width", value: "\(width)", allowed: "0 or more, and small enough to address")
    }
    if count != expected {
      throw .wrongCount(tensor: tensor, name: name, expected: expected, actual: count)
    }
  }
}
