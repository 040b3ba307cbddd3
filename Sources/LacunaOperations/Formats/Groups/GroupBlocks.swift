// Narrow weights → blocks of `height` rows × 32 bits: the quads of bytes and pairs of bf16 that strip kernels read.

import LacunaFormats

/// Weights of which several neighbours of a row fill 32 bits.
protocol GroupedWeights {
  var rows: Int { get }
  var columns: Int { get }
  /// Inputs of a group: 4 for bytes, 2 for weights of 16 bits.
  static var groupSize: Int { get }
  /// Calls `body` with the column and the bits of each stored weight of `row`, columns rising.
  func forEachBits(row: Int, _ body: (Int, UInt32) -> Void)
}

extension QuantizedMatrix: GroupedWeights {
  static var groupSize: Int { 4 }
  @inline(__always)
  func forEachBits(row: Int, _ body: (Int, UInt32) -> Void) {
    forEach(row: row) { body($0, UInt32(UInt8(bitPattern: $1))) }
  }
}

/// The weights as a block matrix whose elements are groups of 32 bits: neighbouring weights of a row, the first in
/// the low bits. Weights that are not stored are zeros in a group whose others are:
///
///     row 0   1 . . 2 | . . . .        quads of row 0:  (1, 0, 0, 2)
///     row 1   . 3 . . | . . 4 .        of row 1:        (0, 3, 0, 0) (0, 0, 4, 0)
///
/// With a height of two, the second block is stored for row 0 as well, all zeros.
struct GroupBlocks {
  let rows: Int, columns: Int
  let height: Int
  /// Inputs of a group.
  let groupSize: Int
  /// Blocks of each row of blocks, and which columns of groups they stand in.
  var offsets = [0]
  var indices: [UInt32] = []
  /// `height` groups for each block, one for each row.
  var values: [Int32] = []

  /// Groups per row of a matrix.
  static func columns<Source: GroupedWeights>(of _: Source.Type, _ columns: Int) -> Int {
    (columns + Source.groupSize - 1) / Source.groupSize
  }

  /// - Parameter isFull: whether every block is stored, zero or not.
  init<Source: GroupedWeights>(_ source: Source, height: Int, isFull: Bool) {
    (rows, columns) = (source.rows, Self.columns(of: Source.self, source.columns))
    (self.height, groupSize) = (height, Source.groupSize)
    let (size, bits) = (Source.groupSize, 32 / Source.groupSize)
    let gridRows = (rows + height - 1) / height
    offsets.reserveCapacity(gridRows + 1)
    var band = GroupBand(columns: isFull ? 0 : columns)
    if isFull { band.found = Array(0..<UInt32(columns)) }
    for gridRow in 0..<gridRows {
      let bandRows = (gridRow * height)..<min(gridRow * height + height, rows)
      if !isFull {
        band.find(source, rows: bandRows)
        band.found.sort()
      }
      let first = values.count
      indices.append(contentsOf: band.found)
      values.append(contentsOf: repeatElement(0, count: band.found.count * height))
      for row in bandRows {
        // Columns rise, and so do the blocks that they stand in.
        var slot = 0
        source.forEachBits(row: row) { column, weight in
          while band.found[slot] != UInt32(column / size) { slot += 1 }
          let cell = first + slot * height + row % height
          values[cell] |= Int32(bitPattern: weight << UInt32(column % size * bits))
        }
      }
      offsets.append(indices.count)
    }
  }

  /// The number of blocks that a height would store, without storing them.
  static func count<Source: GroupedWeights>(_ source: Source, height: Int) -> Int {
    var band = GroupBand(columns: columns(of: Source.self, source.columns))
    return stride(from: 0, to: source.rows, by: height).reduce(0) { count, row in
      band.find(source, rows: row..<min(row + height, source.rows))
      return count + band.found.count
    }
  }

  /// What there is to cut for the strip kernels.
  var stripSource: StripSource {
    StripSource(
      rows: rows, columns: columns, stored: values.count, block: try! BlockSize(height, 1),
      inputs: groupSize
    ) { row in offsets[min(row / height, offsets.count - 1)] }
  }

  /// The blocks as strips in kernel order.
  func packed(_ shape: PackingShape) -> PackedWeights {
    values.withUnsafeBufferPointer { values in
      offsets.withUnsafeBufferPointer { offsets in
        indices.withUnsafeBufferPointer { indices in
          // An empty array has no memory; nothing is read from the stand-in.
          let none = UnsafeRawPointer(offsets.baseAddress!)
          return packWeights(
            BlockSource(
              rows: rows, columns: columns, blockRows: height, blockColumns: 1,
              gridRows: offsets.count - 1, offsets: offsets.baseAddress!,
              indices: indices.baseAddress ?? none.assumingMemoryBound(to: UInt32.self),
              values: values.baseAddress ?? none.assumingMemoryBound(to: Int32.self)),
            shape: shape)
        }
      }
    }
  }
}

/// The blocks that some rows stand in. A bit for each that there could be: few weights may stand among 2³¹ columns.
private struct GroupBand {
  /// In the order in which they were found.
  var found: [UInt32] = []
  private var seen: [UInt64]

  init(columns: Int) { seen = [UInt64](repeating: 0, count: (columns + 63) / 64) }

  mutating func find<Source: GroupedWeights>(_ source: Source, rows: Range<Int>) {
    found.removeAll(keepingCapacity: true)
    for row in rows {
      source.forEachBits(row: row) { column, _ in
        let group = column / Source.groupSize
        let bit: UInt64 = 1 << UInt64(group % 64)
        if seen[group / 64] & bit == 0 {
          seen[group / 64] |= bit
          found.append(UInt32(group))
        }
      }
    }
    for group in found { seen[Int(group) / 64] = 0 }
  }
}
