// The body of a Matrix Market file: i, j, v on a line each, or v column by column.

import LacunaFormats

extension MatrixMarket {
  /// The next number of the line, in `range`.
  @inline(__always)
  private static func integer(
    _ scanner: inout TextScanner, _ what: StaticString, in range: ClosedRange<Int>
  ) throws(DataProblem) -> Int {
    try scanner.skipSpaces()
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

  @inline(__always)
  private static func value<Scalar: SparseScalar>(
    _ scanner: inout TextScanner
  ) throws(DataProblem) -> Scalar {
    guard let value: Scalar = scanner.number() else {
      throw .text(line: scanner.line, reason: "expected a value")
    }
    return value
  }

  /// Rows and columns, which share a line.
  private static func shape(
    _ scanner: inout TextScanner, _ symmetry: Symmetry
  ) throws(DataProblem) -> (rows: Int, columns: Int) {
    let highest = Int(UInt32.max)
    let rows = try integer(&scanner, "the number of rows", in: 0...highest)
    let columns = try integer(&scanner, "the number of columns", in: 0...highest)
    if symmetry != .general && rows != columns {
      throw .matrix(
        .shapeMismatch(expectedRows: rows, expectedColumns: rows, rows: rows, columns: columns))
    }
    return (rows, columns)
  }

  /// The CSR matrix of a `coordinate` file.
  ///
  /// Memory is taken for entries as they come, whatever number the file announces, and for the
  /// offsets of the rows.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  static func coordinates<Scalar: SparseScalar>(
    _ scanner: inout TextScanner, isPattern: Bool, _ symmetry: Symmetry
  ) throws(DataProblem) -> CSRMatrix<Scalar> {
    let sizesLine = scanner.line
    let (rows, columns) = try shape(&scanner, symmetry)
    let announced = try integer(&scanner, "the number of entries", in: 0...(.max))
    try endOfLine(&scanner, "three sizes")
    if announced > 0 && (rows == 0 || columns == 0) {
      throw .text(
        line: sizesLine, reason: "\(announced) entries in a matrix of \(rows)×\(columns) elements")
    }
    var (rowIndices, columnIndices): ([UInt32], [UInt32]) = ([], [])
    var values: [Scalar] = []
    var number = 0
    while number < announced {
      if symmetry == .general {
        number += plainEntries(
          &scanner, rows, columns, isPattern, &rowIndices, &columnIndices, &values,
          most: announced - number)
        if number == announced { break }
      }
      // The line that is not plain, with all that may be wrong in it.
      defer { number += 1 }
      try scanner.skipBlanks()
      if scanner.isAtEnd {
        throw .text(
          line: scanner.line,
          reason: "the file is truncated: \(number) entries where line \(sizesLine) announces "
            + "\(announced)")
      }
      let row = try integer(&scanner, "a row", in: 1...rows) - 1
      try more(&scanner, entry: number + 1, of: announced)
      let column = try integer(&scanner, "a column", in: 1...columns) - 1
      var value: Scalar = 1
      if !isPattern {
        try more(&scanner, entry: number + 1, of: announced)
        value = try Self.value(&scanner)
      }
      try endOfLine(&scanner, "one entry")
      rowIndices.append(UInt32(truncatingIfNeeded: row))
      columnIndices.append(UInt32(truncatingIfNeeded: column))
      values.append(value)
      if symmetry == .general { continue }
      if row != column {
        rowIndices.append(UInt32(truncatingIfNeeded: column))
        columnIndices.append(UInt32(truncatingIfNeeded: row))
        values.append(symmetry == .skew ? -value : value)
      } else if symmetry == .skew {
        throw .text(line: scanner.line, reason: "a skew-symmetric matrix has no diagonal")
      }
    }
    try end(&scanner, announced: announced, sizesLine: sizesLine)
    return try csr(rows, columns, rowIndices, columnIndices, values)
  }

  /// Appends the entries of plain lines, and tells how many.
  @inline(__always)
  private static func plainEntries<Scalar: SparseScalar>(
    _ scanner: inout TextScanner, _ rows: Int, _ columns: Int, _ isPattern: Bool,
    _ rowIndices: inout [UInt32], _ columnIndices: inout [UInt32], _ values: inout [Scalar],
    most: Int
  ) -> Int {
    // A stretch at a time: arrays grow as entries come, and not entry by entry.
    let stretch = 1024
    var all = 0
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * stretch) { indices in
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: stretch) { numbers in
        let (i, j) = (indices.baseAddress!, indices.baseAddress! + stretch)
        if isPattern { numbers.initialize(repeating: 1) }
        while true {
          let count = scanner.plainEntries(
            rows: rows, columns: columns, into: (i, j), isPattern ? nil : numbers.baseAddress!,
            room: min(stretch, most - all))
          rowIndices.append(contentsOf: UnsafeBufferPointer(start: i, count: count))
          columnIndices.append(contentsOf: UnsafeBufferPointer(start: j, count: count))
          values.append(contentsOf: numbers[..<count])
          all += count
          if count < stretch { return }
        }
      }
    }
    return all
  }

  /// Goes to the next number of an entry.
  @inline(__always)
  private static func more(
    _ scanner: inout TextScanner, entry: Int, of announced: Int
  ) throws(DataProblem) {
    try scanner.skipSpaces()
    if scanner.isAtEnd {
      throw .text(
        line: scanner.line,
        reason: "the file is truncated: it ends inside entry \(entry) of \(announced)")
    }
  }

  /// The dense matrix of an `array` file.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  static func array<Scalar: SparseScalar>(
    _ scanner: inout TextScanner, _ symmetry: Symmetry
  ) throws(DataProblem) -> DenseMatrix<Scalar> {
    let sizesLine = scanner.line
    let (rows, columns) = try shape(&scanner, symmetry)
    try endOfLine(&scanner, "two sizes")
    let all = try elementCount(of: [rows, columns], "the array")
    let announced =
      switch symmetry {
      case .general: all
      case .symmetric: (all + rows) / 2
      case .skew: (all - rows) / 2
      }
    // As they stand in the file, column by column: a false size takes no memory.
    var packed: [Scalar] = []
    for number in 0..<announced {
      try scanner.skipBlanks()
      if scanner.isAtEnd {
        throw .text(
          line: scanner.line,
          reason: "the file is truncated: \(number) values where the sizes in line \(sizesLine) "
            + "ask for \(announced)")
      }
      packed.append(try value(&scanner))
    }
    try end(&scanner, announced: announced, sizesLine: sizesLine)
    try ReadingMemory.check(all, times: Scalar.dtype.size, "a dense \(rows)×\(columns) matrix")
    var values = [Scalar](repeating: 0, count: all)
    var next = 0
    for column in 0..<columns {
      let first = symmetry == .general ? 0 : symmetry == .skew ? column + 1 : column
      for row in first..<max(rows, first) {
        values[row * columns + column] = packed[next]
        if symmetry != .general && row != column {
          values[column * columns + row] = symmetry == .skew ? -packed[next] : packed[next]
        }
        next += 1
      }
    }
    return try denseMatrix(rows, columns, values)
  }

  @inline(__always)
  private static func endOfLine(
    _ scanner: inout TextScanner, _ what: StaticString
  ) throws(DataProblem) {
    try scanner.skipSpaces()
    if !scanner.isAtEndOfLine {
      throw .text(line: scanner.line, reason: "more than \(what)")
    }
  }

  private static func end(
    _ scanner: inout TextScanner, announced: Int, sizesLine: Int
  ) throws(DataProblem) {
    try scanner.skipBlanks()
    if scanner.isAtEnd { return }
    let line = scanner.line
    let more = try scanner.remainingLines()
    throw .text(
      line: line,
      reason: "\(announced + more) entries where line \(sizesLine) announces \(announced)")
  }
}

/// The bytes that a CSR matrix takes for its offsets while it is made, per row.
private let bytesPerRow = 8

/// The CSR matrix of entries in any order, whose indices lie in the matrix; duplicates add up.
///
/// - Throws: ``DataProblem`` when the matrix does not fit in memory.
func csr<Scalar: SparseScalar>(
  _ rows: Int, _ columns: Int, _ rowIndices: [UInt32], _ columnIndices: [UInt32],
  _ values: [Scalar]
) throws(DataProblem) -> CSRMatrix<Scalar> {
  try ReadingMemory.check(rows + 1, times: bytesPerRow, "a matrix of \(rows) rows")
  do throws(FormatError) {
    return try COOBuilder(
      unchecked: rows, columns, rowIndices: rowIndices, columnIndices: columnIndices,
      values: values
    ).csr()
  } catch { throw .matrix(error) }
}
