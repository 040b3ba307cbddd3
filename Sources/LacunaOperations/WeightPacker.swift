// CSR or BSR → strips in kernel order: count, order by count, copy.

import LacunaFormats

/// The blocks of a matrix as raw pointers; CSR is the case of 1×1 blocks. Not checked: anything.
struct BlockSource<Scalar, Index> {
  var rows: Int, columns: Int
  var blockRows: Int, blockColumns: Int
  /// Number of rows of blocks, and where each one's blocks start.
  var gridRows: Int
  var offsets: UnsafePointer<Int>
  var indices: UnsafePointer<Index>
  var values: UnsafePointer<Scalar>
}

/// How to cut the weights.
struct PackingShape {
  /// Boundaries of the row blocks, in rows; multiples of the block height except the last.
  var rowCuts: [Int]
  /// Input columns per column block: a multiple of the block width, at most 65 536.
  var columnBlock: Int
  /// Strip heights that the kernels have, tallest first, 1 last.
  var heights: [Int]
}

/// Packs `source`. Every index is read twice and every weight once.
///
/// - Complexity: O(stored + strips · column blocks)
func packWeights<Scalar: SparseScalar, Index: FixedWidthInteger>(
  _ source: BlockSource<Scalar, Index>, shape: PackingShape
) -> PackedWeights {
  let (r, c) = (source.blockRows, source.blockColumns)
  let columnBlocks = max(1, (source.columns + shape.columnBlock - 1) / shape.columnBlock)
  let stored = source.offsets[source.gridRows] * c
  let parts = stripParts(of: r, heights: shape.heights)
  let lastParts = stripParts(
    of: source.rows - max(source.gridRows - 1, 0) * r, heights: shape.heights)
  let heights = shape.heights.filter { h in (parts + lastParts).contains { $0.height == h } }
  let rowBlocks = shape.rowCuts.count - 1

  let weights = AlignedBuffer<Scalar>(count: stored * r + 16)
  let indices = AlignedBuffer<UInt16>(count: stored * max(parts.count, lastParts.count) + 16)
  var groups: [UInt32] = []
  var rows: [UInt32] = []
  var starts: [(weights: Int, indices: Int, groups: Int, groupCount: Int, rows: Int)] = []
  var strips: [Strip] = []
  var order = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 0)
  let histogram = UnsafeMutableBufferPointer<Int32>.allocate(capacity: shape.columnBlock + 2)
  defer {
    order.deallocate()
    histogram.deallocate()
  }
  var (weightEnd, indexEnd) = (weights.pointer, indices.pointer)

  for rowBlock in 0..<rowBlocks {
    let gridRange = (shape.rowCuts[rowBlock] / r)..<((shape.rowCuts[rowBlock + 1] + r - 1) / r)
    let firstRow = shape.rowCuts[rowBlock]
    let sections = starts.count
    for _ in 0..<(columnBlocks * heights.count) { starts.append((0, 0, 0, 0, 0)) }
    for (section, height) in heights.enumerated() {
      strips.removeAll(keepingCapacity: true)
      for gridRow in gridRange {
        let isLast = gridRow == source.gridRows - 1
        for part in isLast ? lastParts : parts where part.height == height {
          strips.append(
            Strip(
              row: UInt32(gridRow * r + part.offset - firstRow), offset: Int32(part.offset),
              next: source.offsets[gridRow], end: source.offsets[gridRow + 1], count: 0))
        }
      }
      if order.count < strips.count {
        order.deallocate()
        order = .allocate(capacity: strips.count)
      }
      strips.withUnsafeMutableBufferPointer { strips in
        for columnBlock in 0..<columnBlocks {
          let firstColumn = columnBlock * shape.columnBlock
          let limit = min(firstColumn + shape.columnBlock, source.columns)
          histogram.update(repeating: 0)
          for s in strips.indices {
            strips[s].count = countSteps(&strips[s], source, limit: limit)
            histogram[Int(strips[s].count)] += 1
          }
          let start = (
            weightEnd - weights.pointer, indexEnd - indices.pointer, groups.count / 2, rows.count
          )
          // A strip without steps still has to start its sums, and to write its result.
          let keepsEmpty = columnBlock == 0 || columnBlock == columnBlocks - 1
          var position: Int32 = 0
          for steps in 0...(limit - firstColumn) {
            let number = histogram[steps]
            histogram[steps] = position
            if number == 0 || (steps == 0 && !keepsEmpty) { continue }
            groups.append(UInt32(steps))
            groups.append(UInt32(number))
            position += number
          }
          for s in strips.indices where keepsEmpty || strips[s].count > 0 {
            let steps = Int(strips[s].count)
            order[Int(histogram[steps])] = Int32(s)
            histogram[steps] += 1
          }
          for i in 0..<Int(position) {
            let s = Int(order[i])
            rows.append(strips[s].row)
            copySteps(
              &strips[s], source, height: height, firstColumn: firstColumn, &weightEnd, &indexEnd)
          }
          for s in strips.indices { strips[s].next = strips[s].blockEnd }
          starts[sections + columnBlock * heights.count + section] = (
            start.0, start.1, start.2, groups.count / 2 - start.2, start.3
          )
        }
      }
    }
  }

  let groupBuffer = AlignedBuffer<UInt32>(count: groups.count)
  for i in groups.indices { groupBuffer.pointer[i] = groups[i] }
  let rowBuffer = AlignedBuffer<UInt32>(count: rows.count)
  for i in rows.indices { rowBuffer.pointer[i] = rows[i] }
  let regions = starts.map { start in
    PackedWeights.Region(
      weights: UnsafeMutableRawPointer(weights.pointer + start.weights),
      indices: indices.pointer + start.indices, groups: groupBuffer.pointer + 2 * start.groups,
      rows: rowBuffer.pointer + start.rows, groupCount: start.groupCount)
  }
  let (weightCount, indexCount) = (weightEnd - weights.pointer, indexEnd - indices.pointer)
  return PackedWeights(
    rows: source.rows, columns: source.columns, dtype: Scalar.dtype, rowCuts: shape.rowCuts,
    columnBlock: shape.columnBlock, columnBlocks: columnBlocks, heights: heights, regions: regions,
    byteCount: weightCount * MemoryLayout<Scalar>.size + indexCount * 2
      + (groups.count + rows.count) * 4,
    storedWeights: weightCount, buffers: [weights, indices, groupBuffer, rowBuffer])
}

/// Some adjacent rows of one row of blocks, and how far it is packed.
private struct Strip {
  /// First row, relative to the row block.
  var row: UInt32
  /// First row inside the block.
  var offset: Int32
  /// Blocks not yet packed, and the end of those in the current column block.
  var next: Int, end: Int
  var blockEnd = 0
  /// Steps in the current column block.
  var count: Int32
}

/// A block height as a sum of strip heights, tallest first.
func stripParts(of height: Int, heights: [Int]) -> [(offset: Int, height: Int)] {
  var parts: [(offset: Int, height: Int)] = []
  var offset = 0
  for h in heights {
    while height - offset >= h {
      parts.append((offset, h))
      offset += h
    }
  }
  return parts
}

/// Finds the strip's blocks that start before column `limit`, and returns their number of columns.
@inline(__always)
private func countSteps<Scalar, Index: FixedWidthInteger>(
  _ strip: inout Strip, _ source: BlockSource<Scalar, Index>, limit: Int
) -> Int32 {
  let c = source.blockColumns
  var end = strip.next
  while end < strip.end && Int(source.indices[end]) &* c < limit { end &+= 1 }
  strip.blockEnd = end
  if end == strip.next { return 0 }
  let lastColumn = Int(source.indices[end - 1]) &* c &+ c
  return Int32((end &- strip.next) &* c &- max(0, lastColumn &- source.columns))
}

/// Appends the strip's steps of the current column block to the streams.
@inline(__always)
private func copySteps<Scalar, Index: FixedWidthInteger>(
  _ strip: inout Strip, _ source: BlockSource<Scalar, Index>, height: Int, firstColumn: Int,
  _ weights: inout UnsafeMutablePointer<Scalar>, _ indices: inout UnsafeMutablePointer<UInt16>
) {
  let (r, c) = (source.blockRows, source.blockColumns)
  if r == 1 && c == 1 {
    let count = Int(strip.count)
    let (from, values) = (source.indices + strip.next, source.values + strip.next)
    for i in 0..<count {
      indices[i] = UInt16(truncatingIfNeeded: Int(from[i]) &- firstColumn)
      weights[i] = values[i]
    }
    indices += count
    weights += count
    return
  }
  for b in strip.next..<strip.blockEnd {
    let column = Int(source.indices[b]) &* c
    let block = source.values + (b &* r &+ Int(strip.offset)) &* c
    for j in 0..<min(c, source.columns &- column) {
      indices.pointee = UInt16(truncatingIfNeeded: column &+ j &- firstColumn)
      indices += 1
      for i in 0..<height { weights[i] = block[i &* c &+ j] }
      weights += height
    }
  }
}
