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

/// What a step holds for each row: a weight of that many bytes, or a quad of four. Packers move it, and look at
/// nothing but zeros that they put in themselves.
protocol PackedElement:
  BitwiseCopyable, SIMDScalar, ExpressibleByIntegerLiteral, Codable, Hashable
{}
extension UInt16: PackedElement {}
extension Int32: PackedElement {}
extension Int64: PackedElement {}

/// How to cut the weights.
struct PackingShape {
  /// Boundaries of the row blocks, in rows; multiples of the block height except the last.
  var rowCuts: [Int]
  /// Input columns per column block: a multiple of the block width, at most 65 536.
  var columnBlock: Int
  /// Strip heights that the kernels have, tallest first, 1 last.
  var heights: [Int]
}

/// Packs `source`. Of the indices one in eight is read twice, every weight once.
///
/// - Complexity: O(stored + strips · column blocks)
func packWeights<Scalar: PackedElement, Index: FixedWidthInteger & SIMDScalar>(
  _ source: BlockSource<Scalar, Index>, shape: PackingShape
) -> PackedWeights {
  let packer = WeightPacker(source, shape)
  for rowBlock in 0..<(shape.rowCuts.count - 1) { packer.pack(rowBlock: rowBlock) }
  return packer.finished()
}

/// Strips whose counts are sorted together. Sorting makes trip counts predictable; a small window
/// keeps the sums of neighbours close in memory (measured: 64 beats both 1 and all by 2–20 %).
private let sortingWindow = 64

/// What is written behind the last weight and index: up to seven copied, or three steps of zeros.
private let copySlack = 16

/// Row numbers that kernels read behind the last.
private let rowsAhead = 8

private final class WeightPacker<Scalar: PackedElement, Index: FixedWidthInteger & SIMDScalar> {
  let source: BlockSource<Scalar, Index>
  let shape: PackingShape
  let columnBlocks: Int
  /// Strips of a row of blocks, and of the last one, which may be cut.
  let parts: [(offset: Int, height: Int)], lastParts: [(offset: Int, height: Int)]
  let heights: [Int]

  let weights: AlignedBuffer<Scalar>
  let indices: AlignedBuffer<UInt16>
  var weightEnd: UnsafeMutablePointer<Scalar>
  var indexEnd: UnsafeMutablePointer<UInt16>
  var groups: [UInt32] = []
  let rows: AlignedBuffer<UInt32>
  var rowCount = 0
  var starts: [Start] = []
  let histogram: UnsafeMutableBufferPointer<Int32>

  struct Start {
    var weights = 0, indices = 0, groups = 0, groupCount = 0, rows = 0
  }

  init(_ source: BlockSource<Scalar, Index>, _ shape: PackingShape) {
    (self.source, self.shape) = (source, shape)
    let r = source.blockRows
    columnBlocks = max(1, (source.columns + shape.columnBlock - 1) / shape.columnBlock)
    let parts = stripParts(of: r, heights: shape.heights)
    let lastParts = stripParts(
      of: source.rows - max(source.gridRows - 1, 0) * r, heights: shape.heights)
    heights = shape.heights.filter { h in (parts + lastParts).contains { $0.height == h } }
    (self.parts, self.lastParts) = (parts, lastParts)
    // Each strip of a column block may end in three steps of padding.
    let steps = source.offsets[source.gridRows] * source.blockColumns
    let most = max(parts.count, lastParts.count)
    let padding = min(3 * source.gridRows * most * columnBlocks, 3 * steps * most)
    weights = AlignedBuffer(
      uninitialized: steps * r + padding * (heights.first ?? 1) + copySlack)
    indices = AlignedBuffer(uninitialized: steps * most + padding + copySlack)
    // A strip without steps is listed in the first and the last column block. Kernels read the number
    // of a later row to ask for its memory.
    let strips = source.gridRows * most
    rows = AlignedBuffer(
      uninitialized: min(strips * columnBlocks, 2 * strips + steps * most) + rowsAhead)
    (weightEnd, indexEnd) = (weights.pointer, indices.pointer)
    histogram = .allocate(capacity: shape.columnBlock + 2)
  }

  deinit { histogram.deallocate() }

  func pack(rowBlock: Int) {
    let r = source.blockRows
    let (firstRow, endRow) = (shape.rowCuts[rowBlock], shape.rowCuts[rowBlock + 1])
    let first = starts.count
    for _ in 0..<(columnBlocks * heights.count) { starts.append(Start()) }
    for (section, height) in heights.enumerated() {
      var strips: [Strip] = []
      for gridRow in (firstRow / r)..<((endRow + r - 1) / r) {
        for part in gridRow == source.gridRows - 1 ? lastParts : parts where part.height == height {
          strips.append(
            Strip(
              row: UInt32(gridRow * r + part.offset - firstRow), offset: part.offset,
              next: source.offsets[gridRow], end: source.offsets[gridRow + 1]))
        }
      }
      strips.withUnsafeMutableBufferPointer { strips in
        for columnBlock in 0..<columnBlocks {
          var start = Start(
            weights: weightEnd - weights.pointer, indices: indexEnd - indices.pointer,
            groups: groups.count / 2, rows: rowCount)
          for window in stride(from: 0, to: strips.count, by: sortingWindow) {
            let end = min(window + sortingWindow, strips.count)
            pack(.init(rebasing: strips[window..<end]), height: height, columnBlock: columnBlock)
          }
          start.groupCount = groups.count / 2 - start.groups
          starts[first + columnBlock * heights.count + section] = start
        }
      }
    }
  }

  /// Packs one column block of some strips, ordered by their number of steps.
  private func pack(
    _ strips: UnsafeMutableBufferPointer<Strip>, height: Int, columnBlock: Int
  ) {
    let firstColumn = columnBlock * shape.columnBlock
    let limit = min(firstColumn + shape.columnBlock, source.columns)
    let blockLimit = (limit + source.blockColumns - 1) / source.blockColumns
    var longest = 0
    for s in strips.indices {
      countSteps(&strips[s], source, limit: blockLimit)
      longest = max(longest, strips[s].count)
    }
    // Only as much of the histogram as there are steps: of very sparse weights most regions are empty.
    let counts = histogram.baseAddress!
    counts.update(repeating: 0, count: longest + 1)
    for s in strips.indices { counts[strips[s].count] += 1 }
    // A strip without steps still has to start its sums, and to write its result.
    let keepsEmpty = columnBlock == 0 || columnBlock == columnBlocks - 1
    if !keepsEmpty { counts[0] = 0 }
    var position: Int32 = 0
    for steps in 0...longest where counts[steps] > 0 {
      groups.append(UInt32(steps))
      groups.append(UInt32(counts[steps]))
      (counts[steps], position) = (position, position + counts[steps])
    }
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: sortingWindow) { order in
      for s in strips.indices where keepsEmpty || strips[s].count > 0 {
        order[Int(counts[strips[s].count])] = Int32(s)
        counts[strips[s].count] += 1
      }
      var (weights, indices) = (weightEnd, indexEnd)
      let rows = self.rows.pointer + rowCount
      for i in 0..<Int(position) {
        let s = Int(order[i])
        rows[i] = strips[s].row
        copySteps(strips[s], source, height: height, firstColumn: firstColumn, &weights, &indices)
      }
      (weightEnd, indexEnd) = (weights, indices)
      rowCount += Int(position)
    }
    for s in strips.indices { strips[s].next = strips[s].blockEnd }
  }

  func finished() -> PackedWeights {
    let groupBuffer = AlignedBuffer<UInt32>(count: groups.count)
    for i in groups.indices { groupBuffer.pointer[i] = groups[i] }
    for i in 0..<rowsAhead { rows.pointer[rowCount + i] = 0 }
    let regions = starts.map { start in
      PackedWeights.Region(
        weights: UnsafeMutableRawPointer(weights.pointer + start.weights),
        indices: indices.pointer + start.indices, groups: groupBuffer.pointer + 2 * start.groups,
        rows: rows.pointer + start.rows, groupCount: start.groupCount)
    }
    let (weightCount, indexCount) = (weightEnd - weights.pointer, indexEnd - indices.pointer)
    return PackedWeights(
      rows: source.rows, columns: source.columns, rowCuts: shape.rowCuts,
      columnBlock: shape.columnBlock, columnBlocks: columnBlocks, heights: heights,
      regions: regions,
      byteCount: weightCount * MemoryLayout<Scalar>.size + indexCount * 2
        + (groups.count + rowCount) * 4,
      storedWeights: weightCount, values: UnsafeMutableRawPointer(weights.pointer),
      buffers: [weights, indices, groupBuffer, rows])
  }
}

/// Some adjacent rows of one row of blocks, and how far it is packed.
private struct Strip {
  /// First row, relative to the row block.
  var row: UInt32
  /// First row inside the block.
  var offset: Int
  /// Blocks not yet packed, and the end of those in the current column block.
  var next: Int, end: Int
  var blockEnd = 0
  /// Steps in the current column block.
  var count = 0
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

/// Finds the strip's blocks before block column `limit`, and counts their columns. Looks at one of
/// eight, then at the eight where the limit is, without a branch that depends on them.
@inline(__always)
private func countSteps<Scalar, Index: FixedWidthInteger>(
  _ strip: inout Strip, _ source: BlockSource<Scalar, Index>, limit: Int
) {
  let c = source.blockColumns
  var end = strip.next
  while end &+ 8 <= strip.end && Int(source.indices[end &+ 7]) < limit { end &+= 8 }
  let tail = source.indices + end
  if end &+ 8 <= strip.end {
    var before = 0
    // The sign of the difference: a comparison would become a branch.
    for i in 0..<8 { before &-= (Int(tail[i]) &- limit) &>> 63 }
    end &+= before
  } else {
    while end < strip.end && Int(source.indices[end]) < limit { end &+= 1 }
  }
  strip.blockEnd = end
  strip.count = (end &- strip.next) &* c
  if end == strip.next { return }
  let lastColumn = Int(source.indices[end - 1]) &* c &+ c
  strip.count -= max(0, lastColumn &- source.columns)
}

/// Appends the strip's steps of the current column block to the streams.
@inline(__always)
private func copySteps<Scalar: PackedElement, Index: FixedWidthInteger & SIMDScalar>(
  _ strip: Strip, _ source: BlockSource<Scalar, Index>, height: Int, firstColumn: Int,
  _ weights: inout UnsafeMutablePointer<Scalar>, _ indices: inout UnsafeMutablePointer<UInt16>
) {
  let (r, c) = (source.blockRows, source.blockColumns)
  if r == 1 && c == 1 {
    let count = strip.count
    let from = UnsafeRawPointer(source.indices + strip.next)
    let values = UnsafeRawPointer(source.values + strip.next)
    // Eight at a time, also behind the last of this strip as long as the source has so many.
    let whole = min(count, source.offsets[source.gridRows] &- strip.next &- 7)
    let base = SIMD8<Index>(repeating: Index(truncatingIfNeeded: firstColumn))
    var i = 0
    while i < whole {
      let columns = from.loadUnaligned(
        fromByteOffset: i &* MemoryLayout<Index>.size, as: SIMD8<Index>.self)
      let weights8 = values.loadUnaligned(
        fromByteOffset: i &* MemoryLayout<Scalar>.size, as: SIMD8<Scalar>.self)
      UnsafeMutableRawPointer(indices + i).storeBytes(
        of: SIMD8<UInt16>(truncatingIfNeeded: columns &- base), as: SIMD8<UInt16>.self)
      UnsafeMutableRawPointer(weights + i).storeBytes(of: weights8, as: SIMD8<Scalar>.self)
      i &+= 8
    }
    while i < count {
      indices[i] = UInt16(truncatingIfNeeded: Int(source.indices[strip.next &+ i]) &- firstColumn)
      weights[i] = source.values[strip.next &+ i]
      i &+= 1
    }
    indices += count
    weights += count
    pad(&weights, &indices, steps: count, height: 1)
    return
  }
  for b in strip.next..<strip.blockEnd {
    let column = Int(source.indices[b]) &* c
    let block = source.values + (b &* r &+ strip.offset) &* c
    for j in 0..<min(c, source.columns &- column) {
      indices.pointee = UInt16(truncatingIfNeeded: column &+ j &- firstColumn)
      indices += 1
      for i in 0..<height { weights[i] = block[i &* c &+ j] }
      weights += height
    }
  }
  pad(&weights, &indices, steps: strip.count, height: height)
}

/// Moves the ends of both streams to the next multiple of four steps, over zeros.
@inline(__always)
private func pad<Scalar: PackedElement>(
  _ weights: inout UnsafeMutablePointer<Scalar>, _ indices: inout UnsafeMutablePointer<UInt16>,
  steps: Int, height: Int
) {
  let padding = -steps & 3
  for i in 0..<(padding &* height) { weights[i] = 0 }
  for i in 0..<3 { indices[i] = 0 }
  weights += padding &* height
  indices += padding
}
