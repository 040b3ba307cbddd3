// 8-bit weights → steps of 16 rows × 4 slots for each window of 64 inputs.

import CSIMD
import LacunaFormats

/// 8-bit weights in windows of 64 inputs: a byte for each weight, a byte for its place in the window, and a mask of
/// 64 bits for each step.
///
/// The 16 rows of a group are lanes; in each window a lane holds its weights in the order of their columns, four to a
/// step, and the longest lane says how many steps there are:
///
///     row 0   3 weights        step 0   slots 0 1 2 .
///     row 1   6 weights                 slots 0 1 2 3      step 1   slots 4 5 . .
///
/// At 90 % half of the slots hold a weight, and one takes 2.25 bytes, everything counted.
// Sound to share: nothing changes after the initialiser.
final class ByteWindowWeights: ByteRows, @unchecked Sendable {
  /// Where a block of rows begins in each stream.
  private struct Start { var steps = 0, masks = 0, values = 0 }

  /// Rows of a group.
  private static let lanes = 16

  private let steps: AlignedBuffer<UInt8>, masks: AlignedBuffer<UInt64>
  private let values: AlignedBuffer<Int8>, places: AlignedBuffer<UInt8>
  /// Of each block, and of the end.
  private let starts: [Start]
  private let windows: Int
  private let kernel: Kernel

  /// Windows of a row.
  static func windows(columns: Int) -> Int { (columns + 63) / 64 }

  init(_ weights: QuantizedWeights, stored: Int, kernel: Kernel) {
    let windows = Self.windows(columns: weights.columns)
    (self.windows, self.kernel) = (windows, kernel)
    let values = AlignedBuffer<Int8>(count: stored + 64)
    let places = AlignedBuffer<UInt8>(count: stored + 64)
    var (steps, masks): ([UInt8], [UInt64]) = ([], [])
    var starts: [Start] = []
    var end = 0
    // The weights of a group: of each window, those of lane 0, of lane 1, …
    var lists = [[(place: UInt8, weight: Int8)]](repeating: [], count: windows * Self.lanes)
    for first in stride(from: 0, to: weights.rows, by: Self.lanes) {
      if first % byteBlockRows == 0 {
        starts.append(Start(steps: steps.count, masks: masks.count, values: end))
      }
      for i in lists.indices { lists[i].removeAll(keepingCapacity: true) }
      for row in first..<min(first + Self.lanes, weights.rows) {
        weights.source.forEach(row: row) { column, weight in
          if weight == 0 { return }
          lists[column / 64 * Self.lanes + row - first].append((UInt8(column % 64), weight))
        }
      }
      for window in 0..<windows {
        let lanes = lists[(window * Self.lanes)..<((window + 1) * Self.lanes)]
        let longest = lanes.map(\.count).max() ?? 0
        let count = (longest + 3) / 4
        steps.append(UInt8(count))
        for step in 0..<count {
          var mask: UInt64 = 0
          for (lane, list) in lanes.enumerated() {
            for slot in (4 * step)..<max(4 * step, min(4 * step + 4, list.count)) {
              mask |= 1 << UInt64(4 * lane + slot - 4 * step)
              (places.pointer[end], values.pointer[end]) = list[slot]
              end += 1
            }
          }
          masks.append(mask)
        }
      }
    }
    starts.append(Start(steps: steps.count, masks: masks.count, values: end))
    self.starts = starts
    (self.values, self.places) = (values, places)
    self.steps = Self.copy(steps)
    self.masks = Self.copy(masks)
  }

  private static func copy<Element>(_ array: [Element]) -> AlignedBuffer<Element> {
    let buffer = AlignedBuffer<Element>(count: max(array.count, 1))
    for i in array.indices { buffer.pointer[i] = array[i] }
    return buffer
  }

  var name: String { "window" }
  var mostSides: Int { Int(LCN_BYTE_WINDOW_SIDES) }
  var bytesOfSide: Int { 64 * windows }
  var blocks: Int { starts.count - 1 }
  func cost(before block: Int) -> Int { starts[block].masks + starts[block].steps }

  var byteCount: Int {
    let end = starts[blocks]
    return end.steps + end.masks * 8 + end.values * 2
      + starts.count * MemoryLayout<Start>.size
  }

  func multiply(_ sides: ByteSides, block: Int, rows: Int, sums: ByteSums) {
    let start = starts[block]
    var arguments = lcn_byte_window_args(
      x: sides.pointer, xStride: Int64(sides.stride), sides: Int32(sides.count),
      steps: steps.pointer + start.steps, masks: masks.pointer + start.masks,
      values: values.pointer + start.values, places: places.pointer + start.values,
      rows: Int64(rows), windows: Int64(windows), sums: sums.pointer,
      sumsStride: Int64(sums.stride))
    kernel.call(&arguments)
  }
}
