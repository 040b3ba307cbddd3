// What can be wrong with a matrix that came from outside. Every case carries the numbers.

/// A malformed matrix: each case names the rule that was broken and the values that broke it.
public enum FormatError: Error, Equatable, Sendable {
  /// A dimension is negative.
  case negativeDimension(name: String, value: Int)
  /// `rows · columns` (or a byte size made of them) does not fit in an `Int`.
  case sizeOverflow(rows: Int, columns: Int)
  /// An array has another length than the shape asks for.
  case wrongCount(name: String, expected: Int, actual: Int)
  /// A row stride is smaller than the number of columns.
  case strideTooSmall(stride: Int, columns: Int)
  /// Row offsets must start at 0.
  case offsetsStart(actual: Int)
  /// Row offsets must not decrease.
  case offsetsNotMonotone(row: Int, offset: Int, next: Int)
  /// The last row offset must equal the number of stored entries.
  case offsetsEnd(expected: Int, actual: Int)
  /// An index is negative, or not less than the dimension it indexes.
  case indexOutOfRange(name: String, position: Int, value: Int, limit: Int)
  /// Columns inside a row must strictly increase: `duplicate` when two are equal.
  case columnsNotIncreasing(row: Int, column: Int, previous: Int)
  /// A block has an edge less than 1.
  case invalidBlock(rows: Int, columns: Int)
  /// Two operands disagree in shape.
  case shapeMismatch(expectedRows: Int, expectedColumns: Int, rows: Int, columns: Int)
}

extension FormatError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .negativeDimension(let name, let value): "\(name) is \(value), must be 0 or more"
    case .sizeOverflow(let rows, let columns): "\(rows)×\(columns) elements overflow the address space"
    case .wrongCount(let name, let expected, let actual):
      "\(name) has \(actual) elements, expected \(expected)"
    case .strideTooSmall(let stride, let columns):
      "row stride \(stride) is smaller than the \(columns) columns"
    case .offsetsStart(let actual): "row offsets start at \(actual), must start at 0"
    case .offsetsNotMonotone(let row, let offset, let next):
      "row offsets decrease at row \(row): \(offset) then \(next)"
    case .offsetsEnd(let expected, let actual):
      "last row offset is \(actual), but \(expected) entries are stored"
    case .indexOutOfRange(let name, let position, let value, let limit):
      "\(name)[\(position)] is \(value), must be in 0..<\(limit)"
    case .columnsNotIncreasing(let row, let column, let previous):
      column == previous
        ? "row \(row) holds column \(column) twice"
        : "columns of row \(row) are not sorted: \(column) after \(previous)"
    case .invalidBlock(let rows, let columns): "block \(rows)×\(columns) must be at least 1×1"
    case .shapeMismatch(let expectedRows, let expectedColumns, let rows, let columns):
      "matrix is \(rows)×\(columns), expected \(expectedRows)×\(expectedColumns)"
    }
  }
}

/// `a · b`, or an error that names both when the product does not fit.
@inlinable
package func checkedProduct(_ a: Int, _ b: Int) throws(FormatError) -> Int {
  if a < 0 { throw .negativeDimension(name: "rows", value: a) }
  if b < 0 { throw .negativeDimension(name: "columns", value: b) }
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  // Eight bytes is the widest element: its byte count has to fit as well.
  if overflow || product > Int.max / 8 { throw .sizeOverflow(rows: a, columns: b) }
  return product
}
