// mask[i, j] = |x[i, j]| > t, or |x[i, j]| = t for the first few ties in row-major order

import LacunaFormats

extension BitMask {
  /// The elements of a row-major `rows`×`columns` buffer over a threshold, and the first `ties` of
  /// those equal to it.
  ///
  /// - Parameter ties: How many equals to keep; counted down by those that this buffer takes, so
  ///   that the next buffer of a common population goes on from there.
  init(
    _ values: UnsafePointer<Float>, rows: Int, columns: Int, over threshold: Float,
    ties: inout Int
  ) throws(FormatError) {
    try self.init(rows: rows, columns: columns)
    let limit = threshold.bitPattern & 0x7FFF_FFFF
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
            let bits = row[start + j].bitPattern & 0x7FFF_FFFF
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

  /// Writes +0 over every element of a row-major buffer of the mask's shape whose bit is 0.
  ///
  /// - Complexity: O(rows · columns)
  func apply(to values: UnsafeMutablePointer<Float>) {
    let bitOfLane = SIMD16<UInt32>((0..<16).map { 1 << UInt32($0) })
    let wordsPerRow = wordsPerRow
    words.withUnsafeBufferPointer { words in
      for i in 0..<rows {
        let row = values + i * columns
        for w in 0..<wordsPerRow {
          let word = words[i * wordsPerRow + w]
          if word == .max { continue }
          let width = min(64, columns - w * 64)
          var j = 0
          let start = UnsafeMutableRawPointer(row + w * 64)
          while j + 16 <= width {
            let bits = SIMD16<UInt32>(repeating: UInt32(truncatingIfNeeded: word >> UInt64(j)))
            let lane = start + j * 4
            let old = lane.loadUnaligned(as: SIMD16<UInt32>.self)
            let kept = SIMD16<UInt32>.zero.replacing(
              with: old, where: (bits & bitOfLane) .== bitOfLane)
            lane.storeBytes(of: kept, as: SIMD16<UInt32>.self)
            j += 16
          }
          while j < width {
            if word >> UInt64(j) & 1 == 0 { row[w * 64 + j] = 0 }
            j += 1
          }
        }
      }
    }
  }

  /// The first element, in row-major order, that the mask drops and that is not exactly zero.
  func firstViolation(in values: UnsafePointer<Float>) -> Int? {
    for i in 0..<rows {
      for j in 0..<columns where words[i * wordsPerRow + j >> 6] >> UInt64(j & 63) & 1 == 0 {
        if values[i * columns + j] != 0 { return i * columns + j }
      }
    }
    return nil
  }
}

extension BitMask {
  /// The elements that the mask drops, in row-major order.
  func droppedValues(of values: UnsafePointer<Float>) -> [Float] {
    let dropped = rows * columns - keptCount
    return [Float](unsafeUninitializedCapacity: dropped) { result, count in
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

  @inline(__always)
  private func forEachDropped(_ body: (Int) -> Void) {
    words.withUnsafeBufferPointer { words in
      for i in 0..<rows {
        for w in 0..<wordsPerRow {
          let width = min(64, columns - w * 64)
          var dropped = ~words[i * wordsPerRow + w]
          if width < 64 { dropped &= (1 << UInt64(width)) - 1 }
          while dropped != 0 {
            body(i * columns + w * 64 + dropped.trailingZeroBitCount)
            dropped &= dropped - 1
          }
        }
      }
    }
  }
}
