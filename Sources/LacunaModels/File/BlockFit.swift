// The largest blocks that nonzeros come in, and what share of them do.

import LacunaFormats

/// The largest R×C such that nearly all nonzeros lie in blocks without a zero.
///
/// Blocks are anchored at (0, 0) and ragged at the right and bottom edges. Single weights always fit.
struct BlockFit {
  private(set) var rows = 1
  private(set) var columns = 1
  /// Nonzeros in full blocks over all nonzeros.
  private(set) var share = 1.0
  /// Blocks with any nonzero.
  private(set) var blocks: Int

  /// A block size fits when it leaves out no more than one nonzero in twenty.
  private static let leastShare = 0.95
  private static let sizes = [1, 2, 4, 8, 16, 32]

  init(_ mask: BitMask) {
    let nonzeros = mask.keptCount
    blocks = nonzeros
    if nonzeros == 0 { return }
    let perRow = mask.wordsPerRow
    for width in Self.sizes where width <= mask.columns {
      // Bits of full runs of `width` columns, each at its first column.
      var full = mask.words
      Self.padLastWord(&full, mask, perRow)
      for word in full.indices {
        var (bits, step) = (full[word], 1)
        while step < width {
          bits &= bits >> UInt64(step)
          step *= 2
        }
        full[word] = bits & Self.starts(width)
      }
      var fits = width == 1
      for height in Self.sizes where height <= mask.rows && width * height > 1 {
        let share =
          Double(Self.covered(full, mask, perRow, width, height)) / Double(nonzeros)
        // What does not fit is part of all that is twice as high.
        if share < Self.leastShare { break }
        if height == 1 { fits = true }
        if width * height > rows * columns {
          (rows, columns, self.share) = (height, width, share)
        }
      }
      // And of all that is twice as wide.
      if !fits { break }
    }
    if rows * columns > 1 { blocks = Self.occupied(mask, rows, columns) }
  }

  /// The same of a sparse matrix, in memory that grows with its nonzeros, not with its size; stored zeros are
  /// zeros.
  init(_ matrix: CSRMatrix<Float>) {
    let nonzeros = matrix.values.count { $0 != 0 }
    blocks = nonzeros
    if nonzeros == 0 { return }
    /// The sizes along one side whose blocks, one wide along the other, leave out few.
    func sides(_ limit: Int, _ full: (Int) -> Int) -> [Int] {
      Array(
        Self.sizes.prefix {
          $0 == 1 || $0 <= limit && Double(full($0)) >= Self.leastShare * Double(nonzeros)
        })
    }
    // A full block is made of full rows and of full columns.
    let widths = sides(matrix.columns) { Self.occupancy(matrix, 1, $0).full }
    let heights = sides(matrix.rows) { Self.occupancy(matrix, $0, 1).full }
    for width in widths {
      for height in heights where width * height > rows * columns {
        let (full, occupied) = Self.occupancy(matrix, height, width)
        let share = Double(full) / Double(nonzeros)
        if share >= Self.leastShare {
          (rows, columns, self.share, blocks) = (height, width, share, occupied)
        }
      }
    }
  }

  /// Nonzeros in full blocks, and blocks with any nonzero.
  private static func occupancy(
    _ matrix: CSRMatrix<Float>, _ height: Int, _ width: Int
  ) -> (full: Int, occupied: Int) {
    var (full, occupied): (Int, Int) = (0, 0)
    var places: [Int] = []
    let offsets = matrix.pattern.rowOffsets
    for top in stride(from: 0, to: matrix.rows, by: height) {
      let bottom = min(top + height, matrix.rows)
      if offsets[top] == offsets[bottom] { continue }
      places.removeAll(keepingCapacity: true)
      for p in offsets[top]..<offsets[bottom] where matrix.values[p] != 0 {
        places.append(matrix.pattern.columnIndices[p] / width)
      }
      // Of one row they rise.
      if height > 1 { places.sort() }
      var start = 0
      while start < places.count {
        var end = start + 1
        while end < places.count && places[end] == places[start] { end += 1 }
        let cells = min(width, matrix.columns - places[start] * width) * (bottom - top)
        if end - start == cells { full += cells }
        occupied += 1
        start = end
      }
    }
    return (full, occupied)
  }

  /// Every `width`-th bit from the lowest.
  private static func starts(_ width: Int) -> UInt64 {
    stride(from: 0, to: 64, by: width).reduce(0) { $0 | 1 << UInt64($1) }
  }

  /// Columns behind the last count as nonzeros of a block that sticks out.
  private static func padLastWord(_ words: inout [UInt64], _ mask: BitMask, _ perRow: Int) {
    let rest = mask.columns % 64
    if rest == 0 || perRow == 0 { return }
    for row in 0..<mask.rows { words[(row + 1) * perRow - 1] |= ~0 << UInt64(rest) }
  }

  /// Nonzeros in full blocks.
  private static func covered(
    _ full: [UInt64], _ mask: BitMask, _ perRow: Int, _ width: Int, _ height: Int
  ) -> Int {
    var count = 0
    for top in stride(from: 0, to: mask.rows, by: height) {
      let bottom = min(top + height, mask.rows)
      for word in 0..<perRow {
        var bits = full[top * perRow + word]
        for row in top + 1..<max(bottom, top + 1) { bits &= full[row * perRow + word] }
        // Starts behind the last column are no blocks.
        let left = mask.columns - word * 64
        if left < 64 { bits &= 1 << UInt64(left) - 1 }
        var cells = bits.nonzeroBitCount * width
        // The last block of a row may have fewer columns.
        if left < 64 && left % width != 0 && bits >> UInt64(left / width * width) & 1 == 1 {
          cells -= width - left % width
        }
        count += cells * (bottom - top)
      }
    }
    return count
  }

  private static func occupied(_ mask: BitMask, _ rows: Int, _ columns: Int) -> Int {
    let perRow = mask.wordsPerRow
    var count = 0
    for top in stride(from: 0, to: mask.rows, by: rows) {
      for word in 0..<perRow {
        var bits: UInt64 = 0
        for row in top..<min(top + rows, mask.rows) { bits |= mask.words[row * perRow + word] }
        var step = 1
        while step < columns {
          bits |= bits >> UInt64(step)
          step *= 2
        }
        count += (bits & starts(columns)).nonzeroBitCount
      }
    }
    return count
  }
}
