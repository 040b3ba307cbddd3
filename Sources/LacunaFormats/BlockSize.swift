// R output rows by C input columns, anchored at (0, 0), ragged at the right and bottom edges.

/// The shape of a block.
///
/// A 5×5 matrix in 2×4 blocks has 3×2 blocks; those at the edge cover only part of their area:
///
///     ┌ ─ ─ ─ ─ ┬ ─ ┐
///     │  2×4    │2×1│
///     ├ ─ ─ ─ ─ ┼ ─ ┤
///     │  2×4    │2×1│
///     ├ ─ ─ ─ ─ ┼ ─ ┤
///     │  1×4    │1×1│
///     └ ─ ─ ─ ─ ┴ ─ ┘
public struct BlockSize: Hashable, Sendable, Codable, CustomStringConvertible {
  /// Output rows per block.
  public let rows: Int
  /// Input columns per block.
  public let columns: Int

  /// The most elements in a block. Far above what a kernel can use, and low enough that no product
  /// of a block's area with a number of blocks overflows.
  public static let maximumArea = 1 << 20

  /// A block of `rows` outputs by `columns` inputs.
  ///
  /// - Throws: ``FormatError/invalidBlock(rows:columns:)`` when an edge is less than 1 or the area is
  ///   more than ``maximumArea``.
  public init(_ rows: Int, _ columns: Int) throws(FormatError) {
    let (area, overflow) = rows.multipliedReportingOverflow(by: columns)
    if rows < 1 || columns < 1 || overflow || area > BlockSize.maximumArea {
      throw .invalidBlock(rows: rows, columns: columns)
    }
    (self.rows, self.columns) = (rows, columns)
  }

  /// Not checked: that both edges are 1 or more, and that no product with a number of blocks overflows.
  package init(unchecked rows: Int, _ columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// Single elements.
  public static let element = BlockSize(unchecked: 1, 1)

  /// The block of the transposed matrix.
  public var transposed: BlockSize { BlockSize(unchecked: columns, rows) }
  /// Elements per whole block.
  public var area: Int { rows * columns }
  /// Rows and columns, as in `2x4`.
  public var description: String { "\(rows)x\(columns)" }

  /// Number of block rows and block columns that cover `rows`×`columns`.
  public func grid(rows: Int, columns: Int) -> (rows: Int, columns: Int) {
    (
      rows / self.rows + (rows % self.rows == 0 ? 0 : 1),
      columns / self.columns + (columns % self.columns == 0 ? 0 : 1)
    )
  }
}

extension BlockSize {
  private enum CodingKeys: String, CodingKey { case rows, columns }

  /// Decodes `{"rows": R, "columns": C}`, checked like ``init(_:_:)``.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      container.decode(Int.self, forKey: .rows), container.decode(Int.self, forKey: .columns))
  }
}
