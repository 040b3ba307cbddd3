// Kernel weights [filters, channels · taps] of 8 bits → quads over planes of four channels: what strips of a convolution of
// bytes read.

import LacunaFormats

/// 8-bit weights of a convolution, four neighbouring channels of one tap to a quad.
///
/// Planes of a group hold its channels 0…3, 4…7 and so on; behind its last channel weights are zeros. With two groups of
/// five channels:
///
///     plane        0         1         2         3
///     channels     0 1 2 3   4 · · ·   5 6 7 8   9 · · ·
struct ConvolutionQuads: StripConvolutionWeights {
  let source: QuantizedMatrix
  let shape: ConvolutionShape
  let order: KernelOrder
  let blockRows: Int
  /// Whether quads of zeros are stored, too: the dense convolution in 8 bits.
  let isDense: Bool
  let planes: ConvolutionShape

  /// Not checked: that the weights fit the shape.
  init(
    _ source: QuantizedMatrix, shape: ConvolutionShape, order: KernelOrder, blockRows: Int,
    isDense: Bool
  ) throws(OperationError) {
    (self.source, self.shape, self.order) = (source, shape, order)
    (self.blockRows, self.isDense) = (blockRows, isDense)
    let s = shape
    planes = try ConvolutionShape(
      channels: s.groups * ((s.groupChannels + 3) / 4), image: (s.height, s.width),
      filters: s.filters, kernel: (s.kernelHeight, s.kernelWidth), stride: (s.strideY, s.strideX),
      dilation: (s.dilationY, s.dilationX),
      padding: (s.padTop, s.padLeft, s.padBottom, s.padRight), groups: s.groups)
  }

  var inputs: Int { 4 }
  var density: Double {
    isDense ? 1 : Double(source.stored) / Double(shape.filters * shape.patch)
  }
  var kernelTypes: ProductTypes { .quantized(.u8) }

  /// Quads that are stored, those of zeros that fill a strip of `blockRows` filters included.
  var quads: Int {
    if isDense {
      return (shape.filters + blockRows - 1) / blockRows * blockRows * planes.patch
    }
    let all = matrix(
      groups: 0..<shape.groups, channelStride: shape.taps, tapOffsets: Array(0..<shape.taps))
    return GroupBlocks.count(all, height: blockRows) * blockRows
  }

  func packed(
    groups: Range<Int>, channelStride: Int, tapOffsets: [Int], cut: (StripRows) -> PackingShape
  ) throws(OperationError) -> PackedWeights {
    let blocks = GroupBlocks(
      matrix(groups: groups, channelStride: channelStride, tapOffsets: tapOffsets),
      height: blockRows, isFull: false)
    return blocks.packed(
      cut(StripRows(rows: blocks.rows, storedBefore: blocks.stripSource.storedBefore)))
  }

  /// The weights of some groups, each four columns behind its plane's.
  private func matrix(
    groups: Range<Int>, channelStride: Int, tapOffsets: [Int]
  ) -> QuadColumns {
    let groupPlanes = planes.groupChannels
    let places = shape.columnPlaces(order).map {
      4 * ($0.channel / 4 * channelStride + tapOffsets[$0.tap]) + $0.channel % 4
    }
    var result = QuadColumns(columns: 4 * groups.count * groupPlanes * channelStride)
    var row: [(column: Int, bits: UInt32)] = []
    for filter
      in (groups.lowerBound * shape.groupFilters)..<(groups.upperBound * shape.groupFilters)
    {
      let group = filter / shape.groupFilters - groups.lowerBound
      let base = 4 * group * groupPlanes * channelStride
      row.removeAll(keepingCapacity: true)
      if isDense { row = places.map { (base + $0, 0) } }
      source.forEach(row: filter) { column, weight in
        let bits = UInt32(UInt8(bitPattern: weight))
        if isDense { row[column].bits = bits } else { row.append((base + places[column], bits)) }
      }
      row.sort { $0.column < $1.column }
      result.append(row)
    }
    return result
  }
}

/// Rows of bytes at columns that rise.
private struct QuadColumns: GroupedWeights {
  let columns: Int
  private var offsets = [0]
  private var places: [Int] = []
  private var bits: [UInt32] = []

  static var groupSize: Int { 4 }
  var rows: Int { offsets.count - 1 }

  init(columns: Int) { self.columns = columns }

  mutating func append(_ row: [(column: Int, bits: UInt32)]) {
    for (column, bits) in row {
      places.append(column)
      self.bits.append(bits)
    }
    offsets.append(places.count)
  }

  @inline(__always)
  func forEachBits(row: Int, _ body: (Int, UInt32) -> Void) {
    for i in offsets[row]..<offsets[row + 1] { body(places[i], bits[i]) }
  }
}
