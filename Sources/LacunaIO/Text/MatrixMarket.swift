// Matrix Market: a banner line, comments, sizes, then 1-based entries or a column-major array.

import LacunaFormats

/// Reading and writing `.mtx` files (https://math.nist.gov/MatrixMarket/formats.html).
///
///     %%MatrixMarket matrix coordinate real general
///     % comments
///     3 4 2                 rows columns entries
///     1 1 0.5               row column value, in any order; duplicates add up
///     3 2 -1
///
/// `coordinate` gives a CSR matrix, `pattern` ones for values; `array` gives a dense matrix. `symmetric` and
/// `skew-symmetric` files hold the lower triangle and are expanded. Complex matrices are refused.
public enum MatrixMarket {
  enum Symmetry: String {
    case general, symmetric
    case skew = "skew-symmetric"
  }

  /// Reads the file at `path`, plain or gzipped.
  ///
  /// - Throws: ``FileError``; text errors name the line.
  public static func read<Scalar: SparseScalar>(
    contentsOf path: String, as scalar: Scalar.Type = Scalar.self
  ) throws(FileError) -> LoadedMatrix<Scalar> {
    let text = try textBytes(contentsOf: path)
    do throws(DataProblem) { return try decoded(text) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory.
  public static func decoded<Scalar: SparseScalar>(
    _ bytes: [UInt8], as scalar: Scalar.Type = Scalar.self
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    var scanner = TextScanner(bytes)
    let banner = scanner.restOfLine().lowercased().split(whereSeparator: \.isWhitespace)
    if banner.first != "%%matrixmarket" {
      throw .wrongMagic(
        format: "a Matrix Market file", found: "\"\(banner.first?.prefix(20) ?? "")\"")
    }
    if banner.count != 5 || banner[1] != "matrix" {
      throw .text(
        line: 1, reason: "the banner must be: %%MatrixMarket matrix FORMAT FIELD SYMMETRY")
    }
    let field = banner[3]
    if !["real", "integer", "pattern", "double"].contains(field) {
      throw .unsupported(what: "Matrix Market field", found: String(field))
    }
    guard let symmetry = Symmetry(rawValue: String(banner[4])) else {
      throw .unsupported(what: "Matrix Market symmetry", found: String(banner[4]))
    }
    while true {
      scanner.skipBlanks()
      if !scanner.sees("%") { break }
      _ = scanner.restOfLine()
    }
    switch banner[2] {
    case "coordinate":
      return .sparse(
        try coordinates(&scanner, isPattern: field == "pattern", symmetry, bytes.count))
    case "array":
      if field == "pattern" {
        throw .unsupported(what: "Matrix Market array", found: "of a pattern")
      }
      return .dense(try array(&scanner, symmetry, bytes.count))
    default: throw .unsupported(what: "Matrix Market format", found: String(banner[2]))
    }
  }

  /// The next number of the text, in `range`.
  private static func integer(
    _ scanner: inout TextScanner, _ what: String, in range: ClosedRange<Int>
  ) throws(DataProblem) -> Int {
    scanner.skipBlanks()
    guard let value = scanner.integer() else {
      throw .text(line: scanner.line, reason: "expected \(what)")
    }
    if !range.contains(value) {
      throw .text(
        line: scanner.line,
        reason: "\(what) is \(value), must be in \(range.lowerBound)...\(range.upperBound)")
    }
    return value
  }

  private static func value<Scalar: SparseScalar>(
    _ scanner: inout TextScanner
  ) throws(DataProblem) -> Scalar {
    scanner.skipBlanks()
    guard let value = scanner.number() else {
      throw .text(line: scanner.line, reason: "expected a value")
    }
    return Scalar(value)
  }

  private static func coordinates<Scalar: SparseScalar>(
    _ scanner: inout TextScanner, isPattern: Bool, _ symmetry: Symmetry, _ byteCount: Int
  ) throws(DataProblem) -> CSRMatrix<Scalar> {
    // Every entry takes at least four bytes of text; offsets are made for each row.
    let highest = 1 << 16 + 256 * byteCount
    let rows = try integer(&scanner, "the number of rows", in: 0...highest)
    let columns = try integer(&scanner, "the number of columns", in: 0...Int(UInt32.max))
    let count = try integer(&scanner, "the number of entries", in: 0...byteCount / 4 + 1)
    if symmetry != .general && rows != columns {
      throw .matrix(
        .shapeMismatch(expectedRows: rows, expectedColumns: rows, rows: rows, columns: columns))
    }
    var entries: [(Int, Int, Scalar)] = []
    for _ in 0..<count {
      let row = try integer(&scanner, "a row", in: 1...max(rows, 1)) - 1
      let column = try integer(&scanner, "a column", in: 1...max(columns, 1)) - 1
      let value: Scalar = isPattern ? 1 : try value(&scanner)
      if symmetry == .skew && row == column {
        throw .text(line: scanner.line, reason: "a skew-symmetric matrix has no diagonal")
      }
      entries.append((row, column, value))
      if symmetry != .general && row != column {
        entries.append((column, row, symmetry == .skew ? -value : value))
      }
    }
    try end(&scanner)
    return try csr(rows, columns, entries)
  }

  private static func array<Scalar: SparseScalar>(
    _ scanner: inout TextScanner, _ symmetry: Symmetry, _ byteCount: Int
  ) throws(DataProblem) -> DenseMatrix<Scalar> {
    let rows = try integer(&scanner, "the number of rows", in: 0...Int(UInt32.max))
    let columns = try integer(&scanner, "the number of columns", in: 0...Int(UInt32.max))
    if symmetry != .general && rows != columns {
      throw .matrix(
        .shapeMismatch(expectedRows: rows, expectedColumns: rows, rows: rows, columns: columns))
    }
    let count = try elementCount(of: [rows, columns], "the array")
    // Half of a symmetric matrix is in the file; two bytes at least for each number.
    if count > 2 * byteCount {
      throw .truncated(what: "the array", needed: count, available: byteCount)
    }
    var values = [Scalar](repeating: 0, count: count)
    for column in 0..<columns {
      let first = symmetry == .general ? 0 : symmetry == .skew ? column + 1 : column
      for row in first..<max(rows, first) {
        let value: Scalar = try value(&scanner)
        values[row * columns + column] = value
        if symmetry != .general && row != column {
          values[column * columns + row] = symmetry == .skew ? -value : value
        }
      }
    }
    try end(&scanner)
    return try denseMatrix(rows, columns, values)
  }

  private static func end(_ scanner: inout TextScanner) throws(DataProblem) {
    scanner.skipBlanks()
    if !scanner.isAtEnd {
      throw .text(line: scanner.line, reason: "more text after the last entry")
    }
  }

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

/// The bytes of a text file, unpacked when it is gzipped.
func textBytes(contentsOf path: String) throws(FileError) -> [UInt8] {
  let bytes = ByteSlice(try ByteStorage(reading: path))
  if !Gzip.isGzip(bytes) { return bytes.array }
  do throws(DataProblem) { return try Gzip.decompress(bytes.array) } catch {
    throw .malformed(path: path, error)
  }
}
