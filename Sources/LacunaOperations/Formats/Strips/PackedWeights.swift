// Weights as strips of adjacent output rows, cut into regions of output rows × input columns.

import CSIMD
import LacunaFormats

/// Weights in the order in which the strip kernels read them.
///
/// A strip is 1, 2 or 4 adjacent output rows; a step of it is one input column and a weight for
/// each row. Output rows are cut into row blocks (the unit of work of a thread), input columns into
/// column blocks (whose panel of X stays in the first-level cache). Inside such a region strips are
/// ordered by their number of steps, so that the processor predicts the end of each:
///
///     groups   (2 steps, 3 strips) (3 steps, 1 strip)
///     rows     4 · 7 · 1 · 2
///     indices  0 5 · 1 3 · 2 7 · 0 4 6          relative to the column block, 16 bits
///     weights  a b · c d · e f · g h i          × strip height
// Sound to share: written only by the packer, before anyone else sees it.
package final class PackedWeights: @unchecked Sendable {
  /// What a kernel reads for one section of one region.
  struct Region {
    var weights: UnsafeMutableRawPointer
    var indices: UnsafeMutablePointer<UInt16>
    var groups: UnsafeMutablePointer<UInt32>
    var rows: UnsafeMutablePointer<UInt32>
    var groupCount: Int
  }

  let rows: Int, columns: Int
  /// Boundaries of the row blocks: block i is `rowCuts[i]..<rowCuts[i + 1]`.
  let rowCuts: [Int]
  /// Input columns per column block, and number of blocks (at least 1).
  let columnBlock: Int, columnBlocks: Int
  /// Strip height of each section.
  let heights: [Int]
  /// Region of (row block, column block, section), sections innermost.
  let regions: UnsafeMutablePointer<Region>
  /// Bytes of weights, indices and tables.
  let byteCount: Int
  /// Stored steps times their height: multiply-adds per column of X.
  let storedWeights: Int
  /// The weights of all regions, in their order.
  let values: UnsafeMutableRawPointer
  private let buffers: [AnyObject]

  var rowBlocks: Int { rowCuts.count - 1 }
  /// Kept, not computed: every run asks for it.
  let tallestRowBlock: Int

  init(
    rows: Int, columns: Int, rowCuts: [Int], columnBlock: Int, columnBlocks: Int,
    heights: [Int], regions: [Region], byteCount: Int, storedWeights: Int,
    values: UnsafeMutableRawPointer, buffers: [AnyObject]
  ) {
    (self.rows, self.columns, self.rowCuts) = (rows, columns, rowCuts)
    tallestRowBlock = zip(rowCuts, rowCuts.dropFirst()).map { $1 - $0 }.max() ?? 0
    (self.columnBlock, self.columnBlocks, self.heights) = (columnBlock, columnBlocks, heights)
    (self.byteCount, self.storedWeights) = (byteCount, storedWeights)
    (self.values, self.buffers) = (values, buffers)
    self.regions = .allocate(capacity: max(regions.count, 1))
    for (i, region) in regions.enumerated() { (self.regions + i).initialize(to: region) }
  }

  deinit { regions.deallocate() }

  func region(rowBlock: Int, columnBlock: Int, section: Int) -> Region {
    regions[(rowBlock * columnBlocks + columnBlock) * heights.count + section]
  }

  /// What the strips of a region ask for in the meantime, where X comes from behind the second-level cache: the rows that the
  /// next column block reads, or the first ones of the panel that follows. All row blocks of a panel read the same rows:
  /// its first one asks for those of the panel, its last one for the others.
  ///
  /// - Parameters:
  ///   - height: of the strips.
  ///   - x: where the panel begins, in the first row of X.
  ///   - stride: bytes from one row of X to the next.
  ///   - following: where the next panel begins, if there is one.
  func next(
    rowBlock: Int, columnBlock: Int, height: Int, x: UnsafeRawPointer, stride: Int,
    following: UnsafeRawPointer?
  ) -> lcn_next_rows {
    let isLast = columnBlock == columnBlocks - 1
    let start = isLast ? 0 : (columnBlock + 1) * self.columnBlock
    guard rowBlock == (isLast ? rowBlocks - 1 : 0),
      let rows = isLast ? following : x + start * stride
    else { return lcn_next_rows() }
    let count = min(self.columnBlock, columns - start)
    let strips = max((rowCuts[rowBlock + 1] - rowCuts[rowBlock]) / height, 1)
    return lcn_next_rows(
      rows: rows, stride: Int64(stride), count: Int32(count),
      share: Int32((count + strips - 1) / strips))
  }

  /// Whether strips ask for the rows of Y that later ones write. Measured: worth it for a Y that is not in the
  /// second-level cache, if there are enough strips between the two.
  ///
  /// - Parameters:
  ///   - rows: of the row block.
  ///   - size: of an element of Y.
  ///   - isFar: whether it is known to lie behind the second-level cache.
  func asksForY(rows: Int, width: Int, size: Int, isFar: Bool) -> Bool {
    isFar
      ? rows >= 32
      : rows >= 256 && self.rows * width * size > 2 * CPUInfo.current.level2Bytes
  }
}
