// 8-bit weights → blocks of `height` rows × 4 columns: the quads that the strip kernels for bytes read.

import LacunaFormats

/// The weights as a block matrix whose elements are quads: four neighbouring weights of a row, first in the low
/// byte. Weights that are not stored are zeros in a quad whose others are:
///
///     row 0   1 . . 2 | . . . .        quads of row 0:  (1, 0, 0, 2)
///     row 1   . 3 . . | . . 4 .        of row 1:        (0, 3, 0, 0) (0, 0, 4, 0)
///
/// With a height of two, the second block is stored for row 0 as well, all zeros.
struct QuadBlocks {
  let rows: Int, columns: Int
  let height: Int
  /// Blocks of each row of blocks, and which columns of quads they stand in.
  var offsets = [0]
  var indices: [UInt32] = []
  /// `height` quads for each block, one for each row.
  var values: [Int32] = []

  /// Quads per row of the matrix.
  static func columns(of weights: QuantizedWeights) -> Int { (weights.columns + 3) / 4 }

  /// - Parameter isFull: whether every block is stored, zero or not.
  init(_ weights: QuantizedWeights, height: Int, isFull: Bool) {
    (rows, columns) = (weights.rows, Self.columns(of: weights))
    self.height = height
    let source = weights.source
    let gridRows = (rows + height - 1) / height
    offsets.reserveCapacity(gridRows + 1)
    var band = QuadBand(columns: isFull ? 0 : columns)
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
        source.forEach(row: row) { column, weight in
          while band.found[slot] != UInt32(column / 4) { slot += 1 }
          let cell = first + slot * height + row % height
          values[cell] |= Int32(UInt8(bitPattern: weight)) << Int32(column % 4 * 8)
        }
      }
      offsets.append(indices.count)
    }
  }

  /// The number of blocks that a height would store, without storing them.
  static func count(_ weights: QuantizedWeights, height: Int) -> Int {
    var band = QuadBand(columns: columns(of: weights))
    return stride(from: 0, to: weights.rows, by: height).reduce(0) { count, row in
      band.find(weights.source, rows: row..<min(row + height, weights.rows))
      return count + band.found.count
    }
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
private struct QuadBand {
  /// In the order in which they were found.
  var found: [UInt32] = []
  private var seen: [UInt64]

  init(columns: Int) { seen = [UInt64](repeating: 0, count: (columns + 63) / 64) }

  mutating func find(_ source: QuantizedSource, rows: Range<Int>) {
    found.removeAll(keepingCapacity: true)
    for row in rows {
      source.forEach(row: row) { column, _ in
        let quad = column / 4
        let bit: UInt64 = 1 << UInt64(quad % 64)
        if seen[quad / 64] & bit == 0 {
          seen[quad / 64] |= bit
          found.append(UInt32(quad))
        }
      }
    }
    for quad in found { seen[Int(quad) / 64] = 0 }
  }
}
