// 8-bit weights → a mask for each 64 inputs of a row, and the weights that it names.

import CSIMD
import LacunaFormats

/// 8-bit weights under bit masks, row by row: a byte for each weight, and a bit for each input.
///
/// At 90 % a weight takes 2.25 bytes, at 50 % 1.25.
// Sound to share: nothing changes after the initialiser.
final class BitmaskWeights: ByteRows, @unchecked Sendable {
  let masks: AlignedBuffer<UInt64>, values: AlignedBuffer<Int8>
  /// Where each block of rows begins among the values, and where the last one ends.
  let starts: [Int]
  private let rows: Int, chunks: Int
  private let kernel: Kernel

  /// Masks of a row.
  static func chunks(columns: Int) -> Int { (columns + 63) / 64 }

  init(_ weights: QuantizedWeights, stored: Int, kernel: Kernel) {
    let (rows, chunks) = (weights.rows, Self.chunks(columns: weights.columns))
    let masks = AlignedBuffer<UInt64>(count: max(rows * chunks, 1))
    let values = AlignedBuffer<Int8>(count: stored + 64)
    masks.pointer.update(repeating: 0, count: rows * chunks)
    var starts: [Int] = []
    var value = 0
    for row in 0..<rows {
      if row % byteBlockRows == 0 { starts.append(value) }
      weights.source.forEach(row: row) { column, weight in
        if weight == 0 { return }
        masks.pointer[row * chunks + column / 64] |= 1 << UInt64(column % 64)
        values.pointer[value] = weight
        value += 1
      }
    }
    (self.rows, self.chunks, self.kernel) = (rows, chunks, kernel)
    (self.masks, self.values, self.starts) = (masks, values, starts + [value])
  }

  var name: String { "bitmask" }
  var mostSides: Int { Int(LCN_BITMASK_SIDES) }
  var bytesOfSide: Int { 64 * chunks }
  var blocks: Int { starts.count - 1 }
  func cost(before block: Int) -> Int { block * byteBlockRows * chunks }

  var byteCount: Int {
    rows * chunks * 8 + starts[blocks] + starts.count * MemoryLayout<Int>.size
  }

  func multiply(_ sides: ByteSides, block: Int, rows: Int, sums: ByteSums) {
    var arguments = lcn_bitmask_args(
      x: sides.pointer, xStride: Int64(sides.stride), sides: Int32(sides.count),
      masks: masks.pointer + block * byteBlockRows * chunks, values: values.pointer + starts[block],
      rows: Int64(rows), chunks: Int64(chunks), sums: sums.pointer, sumsStride: Int64(sums.stride))
    kernel.call(&arguments)
  }
}
