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
    let text = try textBytes(contentsOf: path)
    do throws(DataProblem) { return try decoded(text) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory. Columns of a row may be in any order.
  public static func decoded(_ bytes: [UInt8]) throws(DataProblem) -> CSRPattern {
    var scanner = TextScanner(bytes)
    func next(_ what: String) throws(DataProblem) -> Int {
      scanner.skipSeparators()
      guard let value = scanner.integer() else {
        throw .text(line: scanner.line, reason: "expected \(what)")
      }
      return value
    }
    let rows = try next("the number of rows")
    let columns = try next("the number of columns")
    let count = try next("the number of nonzeros")
    // Every number takes at least two bytes, with its separator; the last one may take one.
    let highest = bytes.count / 2 + 1
    for (what, value) in [("rows", rows), ("nonzeros", count)] where !(0...highest).contains(value)
    {
      throw .outOfRange(what: what, value: value, lowest: 0, highest: highest)
    }
    var (offsets, indices): ([Int], [Int]) = ([], [])
    for _ in 0...rows { offsets.append(try next("a row offset")) }
    for _ in 0..<count { indices.append(try next("a column index")) }
    scanner.skipBlanks()
    if !scanner.isAtEnd {
      throw .text(line: scanner.line, reason: "more text after the last column index")
    }
    // Some of the collection's rows are not sorted.
    for (start, end) in zip(offsets, offsets.dropFirst())
    where start >= 0 && start <= end && end <= indices.count {
      if zip(indices[start..<end], indices[start..<end].dropFirst()).contains(where: >) {
        indices[start..<end].sort()
      }
    }
    do throws(FormatError) {
      return try CSRPattern(
        rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
    } catch { throw .matrix(error) }
  }

  /// The text of a pattern.
  public static func encoded(_ pattern: CSRPattern) -> [UInt8] {
    let offsets = pattern.rowOffsets.map(String.init).joined(separator: " ")
    let columns = (0..<pattern.nnz).map { String(pattern.columnIndices[$0]) }
      .joined(separator: " ")
    return Array(
      "\(pattern.rows), \(pattern.columns), \(pattern.nnz)\n\(offsets)\n\(columns)\n".utf8)
  }
}
