// mask[i, j] = |x[i, j]| > t, or |x[i, j]| = t for the first few ties in row-major order

import LacunaFormats

/// A scalar whose magnitude has the order of an integer.
protocol RankedScalar: SparseScalar {
  associatedtype Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
  /// The bits without the sign: they sort as the magnitude does, NaN above infinity.
  var magnitudeBits: Bits { get }
  /// Bit `j` says whether |`values[j]`| is at least the magnitude with the bits `limit`, for 64 values.
  static func atLeast(_ limit: Bits, _ values: UnsafePointer<Self>) -> UInt64
  /// Bit `j` says whether `values[j]` is among the `keep` largest of `length` magnitudes, ties to the lower
  /// index; `nil` for lengths without a vector form.
  static func largest(_ keep: Int, of length: Int, _ values: UnsafePointer<Self>) -> UInt64?
}

extension Float: RankedScalar {
  var magnitudeBits: UInt32 { bitPattern & 0x7FFF_FFFF }

  /// Two vectors of 16 lanes share the 32 bits of a lane sum: 0.2 ns per weight with SSE2 alone, where
  /// one bit at a time takes 1.2.
  @inline(__always)
  static func atLeast(_ limit: UInt32, _ values: UnsafePointer<Float>) -> UInt64 {
    let low = SIMD16<Int32>.bitOfLane
    let high = low &<< 16
    // Magnitudes fit in 31 bits: signed comparison, which SSE2 has.
    let limits = SIMD16<Int32>(repeating: Int32(limit))
    let raw = UnsafeRawPointer(values)
    var word: UInt64 = 0
    for half in 0..<2 {
      let a = raw.loadUnaligned(fromByteOffset: half * 128, as: SIMD16<Int32>.self) & 0x7FFF_FFFF
      let b =
        raw.loadUnaligned(fromByteOffset: half * 128 + 64, as: SIMD16<Int32>.self) & 0x7FFF_FFFF
      let bits =
        low.replacing(with: 0, where: a .< limits) | high.replacing(with: 0, where: b .< limits)
      word |= UInt64(UInt32(bitPattern: bits.wrappedSum())) << UInt64(half * 32)
    }
    return word
  }
}

extension Double: RankedScalar {
  var magnitudeBits: UInt64 { bitPattern & 0x7FFF_FFFF_FFFF_FFFF }

  static func largest(_ keep: Int, of length: Int, _ values: UnsafePointer<Double>) -> UInt64? {
    nil
  }

  static func atLeast(_ limit: UInt64, _ values: UnsafePointer<Double>) -> UInt64 {
    var word: UInt64 = 0
    for j in 0..<64 { word |= (values[j].magnitudeBits >= limit ? 1 : 0) << UInt64(j) }
    return word
  }
}

extension SIMD16<Int32> {
  /// 1 << lane.
  @inline(__always)
  static var bitOfLane: SIMD16<Int32> {
    SIMD16(
      1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
  }
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
        for w in 0..<wordsPerRow {
          let start = values + i * columns + w * 64
          let width = min(64, columns - w * 64)
          var kept: UInt64 = 0
          if width == 64 {
            kept = Scalar.atLeast(limit, start)
          } else {
            for j in 0..<width { kept |= (start[j].magnitudeBits >= limit ? 1 : 0) << UInt64(j) }
          }
          // The few that are kept are looked at again: which of them are ties, and too many?
          var left = kept
          while left != 0 {
            let j = left.trailingZeroBitCount
            if start[j].magnitudeBits == limit {
              if ties > 0 { ties -= 1 } else { kept ^= 1 << UInt64(j) }
            }
            left &= left - 1
          }
          words[i * wordsPerRow + w] = kept
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
  func restoreDropped<Scalar>(_ dropped: [Scalar], to values: UnsafeMutablePointer<Scalar>) {
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
