// mask[i, g·M + j] = 1 for the N largest of each group of M consecutive elements of a row

import LacunaFormats

/// The `keep` largest of each group of `of` consecutive elements of each row; ties keep the lower index.
///
/// Groups start anew every `segment` columns, as at each tap of a convolution.
///
/// - Parameter values: Row-major magnitudes or scores; only magnitudes count. No NaN. Not checked.
/// - Complexity: O(rows · columns) expected for `of ≤ 256`
func groupMask<Scalar: RankedScalar>(
  _ values: UnsafePointer<Scalar>, rows: Int, columns: Int, keep: Int, of length: Int, segment: Int
) throws(FormatError) -> BitMask {
  var mask = try BitMask(rows: rows, columns: columns)
  let wordsPerRow = mask.wordsPerRow
  mask.words.withUnsafeMutableBufferPointer { words in
    withUnsafeTemporaryAllocation(of: GroupKey<Scalar.Bits>.self, capacity: length) { keys in
      for i in 0..<rows {
        var start = 0
        while start < columns {
          let count = min(length, segment - start % segment)
          let row = values + i * columns + start
          if count == length, let bits = Scalar.largest(keep, of: length, row) {
            // A group of 32 or less touches at most two words.
            let (word, shift) = (i * wordsPerRow + start >> 6, UInt64(start & 63))
            words[word] |= bits << shift
            if Int(shift) + length > 64 { words[word + 1] |= bits >> (64 - shift) }
            start += count
            continue
          }
          for j in 0..<count {
            keys[j] = GroupKey(magnitude: row[j].magnitudeBits, index: Scalar.Bits(j))
          }
          if keep < count { moveLargest(keep, of: keys.baseAddress!, count: count) }
          for j in 0..<min(keep, count) {
            let column = start + Int(keys[j].index)
            words[i * wordsPerRow + column >> 6] |= 1 << UInt64(column & 63)
          }
          start += count
        }
      }
    }
  }
  return mask
}

/// A place in a group; larger magnitudes come first, and among equals lower indices.
private struct GroupKey<Bits: FixedWidthInteger & BitwiseCopyable>: BitwiseCopyable {
  let magnitude: Bits
  let index: Bits

  static func > (a: GroupKey, b: GroupKey) -> Bool {
    a.magnitude > b.magnitude || a.magnitude == b.magnitude && a.index < b.index
  }
}

/// Quickselect: the `kept` first of `count` distinct keys come first, in any order.
private func moveLargest<Bits>(
  _ kept: Int, of keys: UnsafeMutablePointer<GroupKey<Bits>>, count: Int
) {
  var (low, high) = (0, count - 1)
  while low < high {
    let (a, b, c) = (keys[low], keys[(low + high) >> 1], keys[high])
    let pivot = a > b ? (b > c ? b : (a > c ? c : a)) : (a > c ? a : (b > c ? c : b))
    var (i, j) = (low, high)
    while i <= j {
      while keys[i] > pivot { i += 1 }
      while pivot > keys[j] { j -= 1 }
      if i <= j {
        (keys[i], keys[j]) = (keys[j], keys[i])
        i += 1
        j -= 1
      }
    }
    if kept - 1 <= j { high = j } else if kept - 1 >= i { low = i } else { return }
  }
}

/// A mask that drops at most `length − keep` elements of each group, the smallest of all first, until
/// only `kept` are left or no group may lose more.
///
/// - Complexity: O(rows · columns)
func patternMask<Scalar: RankedScalar>(
  _ values: UnsafePointer<Scalar>, rows: Int, columns: Int, keep: Int, of length: Int, segment: Int,
  kept: Int
) throws(PruningError) -> BitMask {
  var mask = try masking { () throws(FormatError) in
    try groupMask(
      values, rows: rows, columns: columns, keep: keep, of: length, segment: segment)
  }
  let extra = kept - mask.keptCount
  if extra <= 0 { return mask }
  // What the full pattern drops competes for the places that the schedule still leaves.
  let candidates = mask.droppedValues(of: values)
  let place = try candidates.withUnsafeBufferPointer { (buffer) throws(PruningError) in
    try topCells([buffer], kept: extra, ties: .exactK) { _ in "weights" }
  }
  var ties = place.ties
  let limit = place.threshold.magnitudeBits
  mask.keep { index in
    let bits = values[index].magnitudeBits
    if bits == limit && ties > 0 {
      ties -= 1
      return true
    }
    return bits > limit
  }
  return mask
}

extension BitMask {
  /// Whether each group of `of` consecutive bits of a row holds at most `keep` ones, a shorter group at
  /// the end of a row included.
  ///
  /// - Complexity: O(rows · columns)
  public func hasPattern(keep: Int, of length: Int) -> Bool {
    for i in 0..<rows {
      for start in stride(from: 0, to: columns, by: max(length, 1)) {
        var kept = 0
        for j in start..<min(start + max(length, 1), columns) where self[i, j] { kept += 1 }
        if kept > keep { return false }
      }
    }
    return true
  }
}
