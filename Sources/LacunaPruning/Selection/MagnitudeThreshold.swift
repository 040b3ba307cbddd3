// t = the k-th largest |x| of a population that lies in any number of buffers, in linear time
//
// A float's bits without the sign, read as an integer, sort like its magnitude: the k-th largest is
// found digit by digit from a histogram of the high digits, no comparison sort and no copy.
//
//     f32   0 eeeeeeee mmmmmmm | mmmmmmmmmmmmmmmm        2 passes: 15 + 16 bits
//     f64   0 eeeeeeeeeee mmmm | 16 | 16 | 16            4 passes: 15 + 16 + 16 + 16 bits
//
// Each pass reads the population once, whatever the values are: equal, sorted, denormal or infinite.

import LacunaFormats

/// Where the line between kept and dropped runs through a population.
public struct MagnitudeThreshold<Scalar: SparseScalar>: Equatable, Sendable {
  /// The k-th largest magnitude.
  public let value: Scalar
  /// How many magnitudes are larger.
  public let above: Int
  /// How many are equal to it, the k-th included.
  public let equal: Int
}

/// The place of a value that is not a number.
struct NotANumber: Error {
  let buffer: Int
  let index: Int
}

extension MagnitudeThreshold where Scalar == Float {
  /// The `kept`-th largest magnitude of all elements of `population` together.
  ///
  /// - Parameters:
  ///   - kept: From 1 to the number of elements. Not checked.
  ///   - population: The buffers; they are read twice and never copied.
  /// - Complexity: O(elements)
  init(keeping kept: Int, of population: [UnsafeBufferPointer<Float>]) throws(NotANumber) {
    var counts = [Int](repeating: 0, count: 1 << 15)
    for buffer in population {
      countDigits(buffer, into: &counts)
    }
    // Infinity is 0x7F80 and nothing more; everything past it is not a number.
    if counts[0x7F80...].contains(where: { $0 > 0 }) {
      for (number, buffer) in population.enumerated() {
        if let index = buffer.firstIndex(where: \.isNaN) {
          throw NotANumber(buffer: number, index: index)
        }
      }
    }
    var above = 0
    let high = digit(holding: kept, in: counts, above: &above)
    counts = [Int](repeating: 0, count: 1 << 16)
    for buffer in population {
      counts.withUnsafeMutableBufferPointer { counts in
        for value in buffer {
          let bits = value.bitPattern & 0x7FFF_FFFF
          if bits >> 16 == UInt32(truncatingIfNeeded: high) { counts[Int(bits & 0xFFFF)] &+= 1 }
        }
      }
    }
    let low = digit(holding: kept, in: counts, above: &above)
    self.init(
      value: Float(bitPattern: UInt32(high) << 16 | UInt32(low)), above: above, equal: counts[low])
  }
}

/// Counts the 15 high magnitude bits of each element.
private func countDigits(_ buffer: UnsafeBufferPointer<Float>, into counts: inout [Int]) {
  counts.withUnsafeMutableBufferPointer { counts in
    for value in buffer { counts[Int(value.bitPattern & 0x7FFF_FFFF) >> 16] &+= 1 }
  }
}

extension MagnitudeThreshold where Scalar == Double {
  /// The `kept`-th largest magnitude of all elements of `population` together.
  ///
  /// - Complexity: O(elements)
  init(keeping kept: Int, of population: [UnsafeBufferPointer<Double>]) throws(NotANumber) {
    for (number, buffer) in population.enumerated() {
      if let index = buffer.firstIndex(where: \.isNaN) {
        throw NotANumber(buffer: number, index: index)
      }
    }
    var above = 0
    var prefix: UInt64 = 0
    var equal = 0
    for shift in stride(from: 48, through: 0, by: -16) {
      var counts = [Int](repeating: 0, count: 1 << 16)
      // Digits already fixed lie above `shift + 16`; in the first pass there are none.
      let fixed = UInt64(shift) + 16
      for buffer in population {
        counts.withUnsafeMutableBufferPointer { counts in
          for value in buffer {
            let bits = value.bitPattern & 0x7FFF_FFFF_FFFF_FFFF
            if fixed == 64 || bits >> fixed == prefix {
              counts[Int(bits >> UInt64(shift) & 0xFFFF)] &+= 1
            }
          }
        }
      }
      let next = digit(holding: kept, in: counts, above: &above)
      prefix = prefix << 16 | UInt64(next)
      equal = counts[next]
    }
    self.init(value: Double(bitPattern: prefix), above: above, equal: equal)
  }
}

/// The digit in which the `kept`-th largest lies, counting down from the largest digit; adds what lies
/// over it to `above`.
private func digit(holding kept: Int, in counts: [Int], above: inout Int) -> Int {
  var digit = counts.count - 1
  while digit > 0 && above + counts[digit] < kept {
    above += counts[digit]
    digit -= 1
  }
  return digit
}
