// mask[i, j] = |x[i, j]| > t, or |x[i, j]| = t for the first few ties in row-major order

import LacunaFormats

/// A scalar whose magnitude has the order of an integer.
protocol RankedScalar: SparseScalar {
  associatedtype Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
  /// The bits without the sign: they sort as the magnitude does, NaN above infinity.
  var magnitudeBits: Bits { get }
}

extension Float: RankedScalar {
  var magnitudeBits: UInt32 { bitPattern & 0x7FFF_FFFF }
}

extension Double: RankedScalar {
  var magnitudeBits: UInt64 { bitPattern & 0x7FFF_FFFF_FFFF_FFFF }
}

extension BitMask {
  /// The elements of a row-major `rows`×`columns` buffer over a threshold, and the first `ties` of
  /// those equal to it.
  ///
  /// - Parameter ties: How many equals to keep; counted down by those that this buffer takes, so
  ///   that the next buffer of a common population goes on from there.
  init<Scalar: RankedScalar>(
    _ values: UnsafePointer<Scalar>, rows: Int, columns: Int, over threshold: Scalar,
    ties: inout Int
  ) throws(FormatError) {
    try self.init(rows: rows, columns: columns)
    let limit = threshold.magnitudeBits
    let wordsPerRow = wordsPerRow
    words.withUnsafeMutableBufferPointer { words in
      for i in 0..<rows {
        let row = values + i * columns
        for w in 0..<wordsPerRow {
          let start = w * 64
          let width = min(64, columns - start)
          var over: UInt64 = 0
          var equal: UInt64 = 0
          for j in 0..<width {
            let bits = row[start + j].magnitudeBits
            over |= (bits > limit ? 1 : 0) << UInt64(j)
            equal |= (bits == limit ? 1 : 0) << UInt64(j)
          }
          while equal != 0 && ties > 0 {
            let lowest = equal & (0 &- equal)
            over |= lowest
            equal ^= lowest
            ties -= 1
          }
          words[i * wordsPerRow + w] = over
        }
      }
    }
  }
}

extension BitMask {
  /// The elements that the mask drops, in row-major order.
  func droppedValues<Scalar>(of values: UnsafePointer<Scalar>) -> [Scalar] {
    let dropped = rows * columns - keptCount
    return [Scalar](unsafeUninitializedCapacity: dropped) { result, count in
      forEachDropped { index in
        (result.baseAddress! + count).initialize(to: values[index])
        count += 1
      }
    }
  }

  /// Writes back what ``droppedValues(of:)`` took.
  func restoreDropped(_ dropped: [Float], to values: UnsafeMutablePointer<Float>) {
    var next = 0
    dropped.withUnsafeBufferPointer { dropped in
      forEachDropped { index in
        values[index] = dropped[next]
        next += 1
      }
    }
  }

  /// Keeps, of the elements dropped so far, those whose row-major index `rule` accepts; it is asked in
  /// that order.
  mutating func keep(where rule: (Int) -> Bool) {
    let old = self
    old.forEachDropped { index in
      if rule(index) {
        let (i, j) = index.quotientAndRemainder(dividingBy: columns)
        words[i * wordsPerRow + j >> 6] |= 1 << UInt64(j & 63)
      }
    }
  }

  /// The row-major indices of the elements that the mask keeps.
  var keptIndices: [Int] {
    var result: [Int] = []
    result.reserveCapacity(keptCount)
    forEachKept { result.append($0) }
    return result
  }

  /// The row-major indices of the elements that the mask drops.
  var droppedIndices: [Int] {
    var result: [Int] = []
    result.reserveCapacity(rows * columns - keptCount)
    forEachDropped { result.append($0) }
    return result
  }

  /// Calls `body` with the row-major index of each element that the mask drops.
  @inline(__always)
  func forEachDropped(_ body: (Int) -> Void) {
    forEachBit(flipping: .max, body)
  }

  /// Calls `body` with the row-major index of each element that the mask keeps.
  @inline(__always)
  func forEachKept(_ body: (Int) -> Void) {
    forEachBit(flipping: 0, body)
  }

  @inline(__always)
  private func forEachBit(flipping flip: UInt64, _ body: (Int) -> Void) {
    words.withUnsafeBufferPointer { words in
      for i in 0..<rows {
        for w in 0..<wordsPerRow {
          let width = min(64, columns - w * 64)
          var bits = words[i * wordsPerRow + w] ^ flip
          if width < 64 { bits &= (1 << UInt64(width)) - 1 }
          while bits != 0 {
            body(i * columns + w * 64 + bits.trailingZeroBitCount)
            bits &= bits - 1
          }
        }
      }
    }
  }
}
