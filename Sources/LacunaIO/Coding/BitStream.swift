// Bits packed into bytes, lowest first; small numbers in Exp-Golomb codes.

/// Bits under construction.
struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var pending: UInt64 = 0
  private var count = 0

  /// Appends the lowest `width` bits of `value`, at most 32.
  mutating func put(_ value: UInt32, width: Int) {
    let masked = UInt64(value) & ((1 << UInt64(width)) - 1)
    pending |= masked << UInt64(count)
    count += width
    while count >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      count -= 8
    }
  }

  /// Appends a number that is not negative: short when it is below `1 << order`.
  mutating func putGolomb(_ value: Int, order: Int) {
    let shifted = UInt32(value >> order) + 1
    let width = 32 - shifted.leadingZeroBitCount
    put(0, width: width - 1)
    put(1, width: 1)
    put(shifted, width: width - 1)
    put(UInt32(truncatingIfNeeded: value), width: order)
  }

  /// All bytes, the last one filled up with zeros.
  mutating func finish() -> [UInt8] {
    if count > 0 { put(0, width: 8 - count) }
    return bytes
  }
}

/// Bits of untrusted bytes: reading past the end throws.
struct BitReader {
  private var bytes: ByteReader
  private var pending: UInt64 = 0
  private var count = 0

  init(_ bytes: ByteReader) { self.bytes = bytes }

  /// The next `width` bits, at most 32.
  mutating func take(width: Int) throws(DataProblem) -> UInt32 {
    while count < width {
      pending |= UInt64(try bytes.integer(UInt8.self, "a bit stream")) << UInt64(count)
      count += 8
    }
    let value = UInt32(truncatingIfNeeded: pending & ((1 << UInt64(width)) - 1))
    pending >>= UInt64(width)
    count -= width
    return value
  }

  /// The next number in an Exp-Golomb code, below 2²⁰.
  mutating func takeGolomb(order: Int) throws(DataProblem) -> Int {
    var width = 0
    while try take(width: 1) == 0 {
      width += 1
      if width > 20 { throw .overflow(what: "a number in a bit stream") }
    }
    let shifted = Int(1 << UInt32(width) | (try take(width: width)))
    return (shifted - 1) << order | Int(try take(width: order))
  }

  /// What follows the last byte that bits were taken from; the rest of that byte has to be zero.
  func finish() throws(DataProblem) -> ByteReader {
    if pending != 0 {
      throw .unsupported(what: "padding of a bit stream", found: "other than zeros")
    }
    return bytes
  }
}
