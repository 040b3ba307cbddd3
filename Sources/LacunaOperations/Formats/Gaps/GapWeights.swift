// 8-bit weights → slots: a byte, and in a few bits how many inputs lie between it and the slot before.

import CSIMD
import LacunaFormats

/// 8-bit weights named by the gaps between them, row by row.
///
///     row   . . 5 . . . . . 7 3        2 bits: gaps below 4
///     slots (2, 5) (3, 0) (1, 7) (0, 3)
///
/// A longer gap takes slots of weight 0 on its way. Eight slots share `bits` bytes, and a row begins a new eight, in
/// the gaps alone. At 90 % a weight takes 1.69 bytes: 1 for itself, 5 bits for its place, and one slot in thirty is on
/// the way. That is a tenth of a byte above the entropy of the places.
// Sound to share: nothing changes after the initialiser.
final class GapWeights: ByteRows, @unchecked Sendable {
  /// Widest gaps: those of eight slots sum to less than 256.
  static let mostBits = 5
  /// Most inputs, so that the slots of a row fit 16 bits.
  static let mostColumns = Int(UInt16.max)

  let bits: Int
  let values: AlignedBuffer<Int8>, gaps: AlignedBuffer<UInt8>, counts: AlignedBuffer<UInt16>
  /// Where each block of rows begins among the values and the gaps, and where the last one ends.
  let starts: [(value: Int, gap: Int)]

  private let columns: Int
  private let kernel: Kernel

  /// What the kernels read behind the streams.
  private static let slack = 16

  /// - Parameter count: of slots, as ``fewest(_:)`` says.
  init(_ weights: QuantizedWeights, bits: Int, count: Int, kernel: Kernel) {
    let rows = weights.rows
    (columns, self.kernel) = (weights.columns, kernel)
    let values = AlignedBuffer<Int8>(count: count + Self.slack)
    let gaps = AlignedBuffer<UInt8>(count: (count / 8 + rows) * bits + Self.slack)
    let counts = AlignedBuffer<UInt16>(count: max(rows, 1))
    var starts: [(value: Int, gap: Int)] = []
    var (value, gap) = (0, 0)
    let longest = 1 << bits
    for row in 0..<rows {
      if row % byteBlockRows == 0 { starts.append((value, gap)) }
      let first = value
      var word: UInt64 = 0
      func flush() {
        for byte in 0..<bits {
          gaps.pointer[gap] = UInt8(truncatingIfNeeded: word >> (8 * byte))
          gap += 1
        }
        word = 0
      }
      func add(_ weight: Int8, behind inputs: Int) {
        values.pointer[value] = weight
        word |= UInt64(inputs) << ((value - first) % 8 * bits)
        value += 1
        if (value - first) % 8 == 0 { flush() }
      }
      var last = -1
      weights.source.forEach(row: row) { column, weight in
        if weight == 0 { return }
        while column - last > longest {
          add(0, behind: longest - 1)
          last += longest
        }
        add(weight, behind: column - last - 1)
        last = column
      }
      if (value - first) % 8 != 0 { flush() }
      counts.pointer[row] = UInt16(value - first)
    }
    starts.append((value, gap))
    (self.bits, self.starts) = (bits, starts)
    (self.values, self.gaps, self.counts) = (values, gaps, counts)
  }

  var name: String { "gaps" }
  var mostSides: Int { 1 }
  /// The kernels read up to eight bytes behind the last input.
  var bytesOfSide: Int { columns + 8 }
  var blocks: Int { starts.count - 1 }
  func cost(before block: Int) -> Int { starts[block].value }

  var byteCount: Int {
    let end = starts[blocks]
    return end.value + end.gap + counts.count * 2 + starts.count * MemoryLayout<(Int, Int)>.size
  }

  func multiply(_ sides: ByteSides, block: Int, rows: Int, sums: ByteSums) {
    var arguments = lcn_gap_args(
      x: sides.pointer, values: values.pointer + starts[block].value,
      gaps: gaps.pointer + starts[block].gap, counts: counts.pointer + block * byteBlockRows,
      rows: Int64(rows), bits: Int32(bits), sums: sums.pointer)
    kernel.call(&arguments)
  }

  /// The width of gaps that takes the fewest bytes, and the slots that it takes.
  ///
  /// - Complexity: O(nnz)
  static func fewest(_ weights: QuantizedWeights) -> (bits: Int, slots: Int) {
    var slots = [Int](repeating: 0, count: mostBits + 1)
    for row in 0..<weights.rows {
      var last = -1
      weights.source.forEach(row: row) { column, weight in
        if weight == 0 { return }
        let gap = column - last
        for bits in 1...mostBits { slots[bits] += (gap - 1) >> bits + 1 }
        last = column
      }
    }
    func bytes(_ bits: Int) -> Int { slots[bits] * (8 + bits) }
    let bits = (1...mostBits).min { bytes($0) < bytes($1) }!
    return (bits, slots[bits])
  }
}
