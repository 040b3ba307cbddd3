// 8-bit weights stored row by row, for products with few right-hand sides.

/// How weights lie and are multiplied: what ``ByteRowsProduct`` is made of.
protocol ByteRows: Sendable {
  var name: String { get }
  /// What one run reads of them.
  var byteCount: Int { get }
  /// Most right-hand sides that one reading serves, four at most.
  var mostSides: Int { get }
  /// Bytes of a right-hand side that may be read.
  var bytesOfSide: Int { get }
  /// Blocks of ``byteBlockRows`` rows: where work can be cut.
  var blocks: Int { get }
  /// What the blocks before one cost, in any unit.
  func cost(before block: Int) -> Int
  /// Sums of `rows` rows from a block on.
  func multiply(_ sides: ByteSides, block: Int, rows: Int, sums: ByteSums)
}

/// Rows of a block: each starts at a known place in the streams.
let byteBlockRows = 64

/// Right-hand sides as rows of unsigned bytes, `stride` bytes apart.
struct ByteSides {
  let pointer: UnsafePointer<UInt8>
  let stride: Int, count: Int
}

/// Where the sums of each right-hand side go, one for each row, `stride` sums apart.
struct ByteSums {
  let pointer: UnsafeMutablePointer<Int32>
  let stride: Int
}
