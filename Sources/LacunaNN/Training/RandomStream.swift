// SplitMix64(seed, stream, counter): random numbers whose whole state is three integers.

/// A counter-based random stream: number `i` is a function of `(seed, stream, i)` alone, so saving the
/// counter saves the state, and threads may draw numbers in any order.
public struct RandomStream: RandomNumberGenerator, Codable, Hashable, Sendable {
  /// Distinguishes streams of one seed.
  public let key: UInt64
  /// Numbers drawn so far.
  public var counter: UInt64

  /// A stream of `seed`; different `path`s give independent streams.
  public init(seed: UInt64, _ path: UInt64...) {
    var key = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    for p in path { key = Self.mix(key ^ Self.mix(p &+ 0xD1B5_4A32_D192_ED03)) }
    (self.key, counter) = (key, 0)
  }

  /// Number `index` of the stream.
  @inline(__always)
  public subscript(index: UInt64) -> UInt64 {
    Self.mix(key &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15)
  }

  /// The number at ``counter``, which moves on by one.
  public mutating func next() -> UInt64 {
    defer { counter &+= 1 }
    return self[counter]
  }

  /// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
  @inline(__always)
  static func mix(_ x: UInt64) -> UInt64 {
    var z = x
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// A uniform number in [0, 1) with 24 random bits.
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// `0..<count` in random order (Fisher–Yates, Lemire's multiply-shift for the index).
  ///
  /// - Complexity: O(count)
  public mutating func permutation(_ count: Int) -> [Int32] {
    var order = (0..<Int32(count)).map { $0 }
    var i = count - 1
    while i > 0 {
      let j = Int(next().multipliedFullWidth(by: UInt64(i + 1)).high)
      order.swapAt(i, j)
      i -= 1
    }
    return order
  }
}
