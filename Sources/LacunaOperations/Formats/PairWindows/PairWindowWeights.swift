// bf16 weights → steps of 16 rows × 2 slots for each window of 64 inputs.

import CSIMD
import LacunaFormats

/// bf16 weights in windows of 64 inputs: two bytes for each weight, a byte for its place in the window, and a mask of 32
/// bits for each step.
///
/// As ``ByteWindowWeights``, with two slots of each lane in a step. At 90 % a little more than half of the slots hold a
/// weight, and one takes 3.23 bytes, everything counted.
// Sound to share: nothing changes after the initialiser.
final class PairWindowWeights: @unchecked Sendable {
  /// Where a block of rows begins in each stream.
  private struct Start { var steps = 0, masks = 0, values = 0 }

  /// Rows of a group, and of a block, where work can be cut.
  private static let lanes = 16, blockRows = 64
  /// Numbers that may be read behind the last one.
  private static let slack = 32

  let rows: Int
  private let steps: AlignedBuffer<UInt8>, masks: AlignedBuffer<UInt32>
  /// Values and, behind them, places: one stretch of memory, which is worth huge pages sooner than two.
  private let entries: AlignedBuffer<UInt16>
  private let values: UnsafeMutablePointer<UInt16>, places: UnsafeMutablePointer<UInt8>
  /// Of each block, and of the end.
  private let starts: [Start]
  let windows: Int

  /// Windows of a row.
  static func windows(columns: Int) -> Int { (columns + 63) / 64 }

  init(_ weights: StoredMatrix<BFloat16>) {
    let windows = Self.windows(columns: weights.columns)
    (self.windows, rows) = (windows, weights.rows)
    let most = weights.stored + Self.slack
    entries = AlignedBuffer<UInt16>(count: most + (most + 1) / 2)
    values = entries.pointer
    places = UnsafeMutableRawPointer(values + most).assumingMemoryBound(to: UInt8.self)
    var (steps, masks): ([UInt8], [UInt32]) = ([], [])
    var starts: [Start] = []
    var end = 0
    // The weights of a group: of each window, those of lane 0, of lane 1, …
    var lists = [[(place: UInt8, bits: UInt16)]](repeating: [], count: windows * Self.lanes)
    for first in stride(from: 0, to: weights.rows, by: Self.lanes) {
      if first % Self.blockRows == 0 {
        starts.append(Start(steps: steps.count, masks: masks.count, values: end))
      }
      for i in lists.indices { lists[i].removeAll(keepingCapacity: true) }
      for row in first..<min(first + Self.lanes, weights.rows) {
        weights.forEachBits(row: row) { column, bits in
          lists[column / 64 * Self.lanes + row - first].append(
            (UInt8(column % 64), UInt16(truncatingIfNeeded: bits)))
        }
      }
      for window in 0..<windows {
        let group = window * Self.lanes
        var longest = 0
        for lane in 0..<Self.lanes { longest = max(longest, lists[group + lane].count) }
        let count = (longest + 1) / 2
        steps.append(UInt8(count))
        for step in 0..<count {
          var mask: UInt32 = 0
          for lane in 0..<Self.lanes {
            for slot in 0..<2 where 2 * step + slot < lists[group + lane].count {
              mask |= 1 << UInt32(2 * lane + slot)
              (places[end], values[end]) = lists[group + lane][2 * step + slot]
              end += 1
            }
          }
          masks.append(mask)
        }
      }
    }
    starts.append(Start(steps: steps.count, masks: masks.count, values: end))
    self.starts = starts
    self.steps = AlignedBuffer(steps)
    self.masks = AlignedBuffer(masks)
  }

  var byteCount: Int {
    let end = starts[blocks]
    return end.steps + end.masks * 4 + end.values * 3 + starts.count * MemoryLayout<Start>.size
  }

  var blocks: Int { starts.count - 1 }

  /// The first block of a slice: those before it cost what is due.
  func firstBlock(slice: Int, of slices: Int) -> Int {
    balancedCut(blocks, slice: slice, of: slices) { starts[$0].masks + starts[$0].steps }
  }

  func rows(from first: Int, to end: Int) -> Range<Int> {
    first * Self.blockRows..<min(end * Self.blockRows, rows)
  }

  /// - Parameter x: as the kernel reads it.
  func arguments(
    block: Int, x: UnsafePointer<UInt16>, xStride: Int, sides: Int, epilogue: EpilogueValues,
    y: UnsafeMutablePointer<Float>, yStride: Int, rows: Range<Int>
  ) -> lcn_pair_window_args {
    let start = starts[block]
    return lcn_pair_window_args(
      x: x, xStride: Int64(xStride), sides: Int32(sides), steps: steps.pointer + start.steps,
      masks: masks.pointer + start.masks, values: values + start.values,
      places: places + start.values, rows: Int64(rows.count), windows: Int64(windows),
      bias: epilogue.bias.assumingMemoryBound(to: Float.self) + rows.lowerBound,
      lower: Float(epilogue.lower), upper: Float(epilogue.upper), y: y, yStride: Int64(yStride))
  }
}

extension AlignedBuffer {
  /// A copy of an array; of an empty one, room for an element.
  fileprivate convenience init(_ array: [Element]) {
    self.init(count: max(array.count, 1))
    for i in array.indices { pointer[i] = array[i] }
  }
}
