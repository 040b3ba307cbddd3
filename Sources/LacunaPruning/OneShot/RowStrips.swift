// What is done to each weight by itself, by strips of rows over the threads
//
// Beside products that use every thread, loops over all weights on one thread are what a layer
// waits for, most of it the first touch of fresh memory.

import LacunaFormats
import LacunaOperations

enum RowStrips {
  /// Rows of a strip: 128 KB of floats at 1024 columns.
  static let rows = 32

  /// Calls `body` with ranges of rows that together are all.
  static func forEach(rows count: Int, _ body: (Range<Int>) -> Void) {
    TiledAlgebra.inParallel(tasks: (count + rows - 1) / rows) { task in
      body(task * rows..<min((task + 1) * rows, count))
    }
  }

  /// A new array whose elements `body` writes, all of each strip's.
  static func array(
    rows: Int, columns: Int, _ body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows * columns) { target, count in
      count = rows * columns
      guard let start = target.baseAddress else { return }
      forEach(rows: rows) { body($0, start) }
    }
  }

  /// Where a mask keeps a weight, `kept`'s element, else 0, for the rows of a strip.
  static func select(
    _ strip: Range<Int>, _ mask: UnsafePointer<UInt64>, wordsPerRow: Int, columns: Int,
    _ kept: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    for i in strip {
      let (words, own, result) = (
        mask + i * wordsPerRow, kept + i * columns, target + i * columns
      )
      for w in 0..<wordsPerRow {
        var bits = words[w]
        for j in w * 64..<min(w * 64 + 64, columns) {
          // All ones or all zeros: no branch on a bit that nobody can predict.
          let lane = UInt32(truncatingIfNeeded: 0 &- (bits & 1))
          result[j] = Float(bitPattern: own[j].bitPattern & lane)
          bits >>= 1
        }
      }
    }
  }

  /// The mask of bytes that are 1 or 0.
  static func mask(
    rows: Int, columns: Int, bytes: UnsafePointer<UInt8>
  ) throws(OneShotError) -> BitMask {
    var mask = try choosing { () throws(PruningError) in
      try masking { () throws(FormatError) in try BitMask(rows: rows, columns: columns) }
    }
    let width = mask.wordsPerRow
    mask.words.withUnsafeMutableBufferPointer { words in
      let words = words
      forEach(rows: rows) { strip in
        for i in strip {
          for w in 0..<width {
            var bits: UInt64 = 0
            let first = w * 64
            for j in first..<min(first + 64, columns) {
              bits |= UInt64(bytes[i * columns + j]) << UInt64(j - first)
            }
            words[i * width + w] = bits
          }
        }
      }
    }
    return mask
  }
}
