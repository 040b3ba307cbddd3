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
  /// A block has an edge less than 1, or is larger than ``BlockSize/maximumArea``.
  case invalidBlock(rows: Int, columns: Int)
  /// A mask has a bit set past its last column.
  case bitPastLastColumn(row: Int, column: Int, columns: Int)
  /// Two operands disagree in shape.
  case shapeMismatch(expectedRows: Int, expectedColumns: Int, rows: Int, columns: Int)
}

extension FormatError: CustomStringConvertible {
  /// One line: the rule that was broken, and the values that broke it.
  public var description: String {
    switch self {
    case .negativeDimension(let name, let value): "\(name) is \(value), must be 0 or more"
    case .sizeOverflow(let rows, let columns):
      "\(rows)×\(columns) elements are too many to index or to address"
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
    case .invalidBlock(let rows, let columns):
      "block \(rows)×\(columns) must be at least 1×1 and hold at most "
        + "\(BlockSize.maximumArea) elements"
    case .bitPastLastColumn(let row, let column, let columns):
      "row \(row) has bit \(column) set, but there are only \(columns) columns"
    case .shapeMismatch(let expectedRows, let expectedColumns, let rows, let columns):
      "matrix is \(rows)×\(columns), expected \(expectedRows)×\(expectedColumns)"
    }
  }
}

/// The most elements a buffer can hold: eight bytes is the widest element, and 2^47 bytes is what a
/// process can address on x86-64.
@usableFromInline let maximumElementCount = 1 << 44

/// `a · b`, or an error that names both when that many elements cannot be addressed.
@inlinable
package func checkedProduct(_ a: Int, _ b: Int) throws(FormatError) -> Int {
  if a < 0 { throw .negativeDimension(name: "rows", value: a) }
  if b < 0 { throw .negativeDimension(name: "columns", value: b) }
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  if overflow || product > maximumElementCount { throw .sizeOverflow(rows: a, columns: b) }
  return product
}

/// `rows · columns` of a matrix whose indices, and those of its transpose, have to fit in 32 bits.
@inlinable
package func checkedShape(_ rows: Int, _ columns: Int) throws(FormatError) -> Int {
  let count = try checkedProduct(rows, columns)
  if max(rows, columns) > Int(UInt32.max) { throw .sizeOverflow(rows: rows, columns: columns) }
  return count
}
