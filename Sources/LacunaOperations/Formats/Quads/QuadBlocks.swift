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
    var slots = [Int32](repeating: -1, count: columns)
    var found: [UInt32] = isFull ? Array(0..<UInt32(columns)) : []
    for gridRow in 0..<gridRows {
      let band = (gridRow * height)..<min(gridRow * height + height, rows)
      if !isFull {
        found.removeAll(keepingCapacity: true)
        for row in band {
          source.forEach(row: row) { column, _ in
            if slots[column / 4] < 0 {
              slots[column / 4] = 0
              found.append(UInt32(column / 4))
            }
          }
        }
        found.sort()
      }
      let first = values.count
      for (slot, quad) in found.enumerated() { slots[Int(quad)] = Int32(slot) }
      indices.append(contentsOf: found)
      values.append(contentsOf: repeatElement(0, count: found.count * height))
      for row in band {
        source.forEach(row: row) { column, weight in
          let cell = first + Int(slots[column / 4]) * height + row % height
          values[cell] |= Int32(UInt8(bitPattern: weight)) << Int32(column % 4 * 8)
        }
      }
      for quad in found { slots[Int(quad)] = -1 }
      offsets.append(indices.count)
    }
  }

  /// The number of blocks that a height would store, without storing them.
  static func count(_ weights: QuantizedWeights, height: Int) -> Int {
    var last = [Int32](repeating: -1, count: columns(of: weights))
    var count = 0
    for row in 0..<weights.rows {
      let gridRow = Int32(row / height)
      weights.source.forEach(row: row) { column, _ in
        if last[column / 4] != gridRow {
          last[column / 4] = gridRow
          count += 1
        }
      }
    }
    return count
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
