// .smtx, the Deep Learning Matrix Collection's patterns: sizes, row offsets, column indices.

import LacunaFormats

/// Reading and writing sparsity patterns of the Deep Learning Matrix Collection (Gale et al. 2020).
///
///     3, 4, 3          rows, columns, nonzeros
///     0 2 2 3          rows + 1 offsets
///     1 3 0            column indices, 0-based
public enum SMTX {
  /// Reads the file at `path`, plain or gzipped.
  ///
  /// - Throws: ``FileError``; text errors name the line.
  public static func read(contentsOf path: String) throws(FileError) -> CSRPattern {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { return try decoded(bytes) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory, plain or gzipped. Columns of a row may be in any order.
  public static func decoded(_ bytes: [UInt8]) throws(DataProblem) -> CSRPattern {
    try decoded(ByteSlice(bytes))
  }

  static func decoded(_ bytes: ByteSlice) throws(DataProblem) -> CSRPattern {
    var scanner = try TextScanner(bytes)
    let rows = try next(&scanner, "the number of rows")
    let columns = try next(&scanner, "the number of columns")
    let count = try next(&scanner, "the number of nonzeros")
    for (what, value) in [("rows", rows), ("columns", columns)]
    where !(0...Int(UInt32.max)).contains(value) {
      throw .outOfRange(what: what, value: value, lowest: 0, highest: Int(UInt32.max))
    }
    if count < 0 { throw .outOfRange(what: "nonzeros", value: count, lowest: 0, highest: .max) }
    // Memory is taken for numbers as they come, whatever the sizes say.
    let offsets = try numbers(&scanner, rows + 1, "row offsets")
    var indices = try numbers(&scanner, count, "column indices")
    try scanner.skipBlanks()
    if !scanner.isAtEnd {
      throw .text(line: scanner.line, reason: "more text after the last column index")
    }
    // Some of the collection's rows are not sorted.
    indices.withUnsafeMutableBufferPointer { indices in
      for (start, end) in zip(offsets, offsets.dropFirst())
      where start >= 0 && start < end && end <= indices.count {
        var isSorted = true
        for place in start + 1..<end where indices[place - 1] > indices[place] { isSorted = false }
        if !isSorted { indices[start..<end].sort() }
      }
    }
    do throws(FormatError) {
      return try CSRPattern(
        rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
    } catch { throw .matrix(error) }
  }

  private static func next(
    _ scanner: inout TextScanner, _ what: StaticString
  ) throws(DataProblem) -> Int {
    try scanner.skipSeparators()
    guard let value = scanner.integer() else {
      throw .text(line: scanner.line, reason: "expected \(what)")
    }
    return value
  }

  private static func numbers(
    _ scanner: inout TextScanner, _ count: Int, _ what: StaticString
  ) throws(DataProblem) -> [Int] {
    var numbers: [Int] = []
    while numbers.count < count {
      try scanner.skipSeparators()
      let before = numbers.count
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 1024) { stretch in
        let read = scanner.plainIntegers(
          into: stretch.baseAddress!, room: min(stretch.count, count - before))
        numbers.append(contentsOf: stretch[..<read])
      }
      if numbers.count > before { continue }
      let number = before
      guard let value = scanner.integer() else {
        throw .text(
          line: scanner.line,
          reason: scanner.isAtEnd
            ? "the file is truncated: \(number) of \(count) \(what)"
            : "expected number \(number + 1) of \(count) \(what)")
      }
      numbers.append(value)
    }
    return numbers
  }

  /// Whether a text starts as sizes do: digits, blanks and commas up to the end of a line, or of `head`.
  static func isStart(_ head: some Collection<UInt8>) -> Bool {
    let line = head.prefix { $0 != 0x0A }
    let isNumber: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
    return line.contains(where: isNumber)
      && line.allSatisfy { isNumber($0) || [0x20, 0x09, 0x0D, 0x2C].contains($0) }
  }

  /// The text of a pattern.
  public static func encoded(_ pattern: CSRPattern) -> [UInt8] {
    var writer = ByteWriter()
    writer.append("\(pattern.rows), \(pattern.columns), \(pattern.nnz)".utf8)
    writer.append(CollectionOfOne(0x0A))
    for (row, offset) in pattern.rowOffsets.enumerated() {
      writer.decimal(offset, then: row < pattern.rows ? 0x20 : 0x0A)
    }
    for p in 0..<pattern.nnz {
      writer.decimal(pattern.columnIndices[p], then: p + 1 < pattern.nnz ? 0x20 : 0x0A)
    }
    if pattern.nnz == 0 { writer.append(CollectionOfOne(0x0A)) }
    return writer.bytes
  }
}
