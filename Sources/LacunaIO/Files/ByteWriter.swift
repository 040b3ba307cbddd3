// Little-endian numbers and runs of bytes, appended to an array.

/// Bytes under construction: the counterpart of ``ByteReader``.
package struct ByteWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}
  package var count: Int { bytes.count }

  /// Appends an integer, little-endian.
  package mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends an integer, big-endian.
  package mutating func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    integer(value.byteSwapped)
  }

  /// Appends a count as 64 bits.
  package mutating func count(_ value: Int) { integer(UInt64(value)) }

  /// Appends zeros until a section of these bytes may hold `elements`. What compresses better than a
  /// reader believes costs a thirty-second of a bit for each element that way.
  mutating func pad(toHold elements: Int) {
    let missing = ContainerLayout.lowestLength(count: elements) - count
    if missing > 0 { bytes.append(contentsOf: repeatElement(0, count: missing)) }
  }

  /// The digits of a number of 0 or more, and what separates it from the next one.
  mutating func decimal(_ value: Int, then separator: UInt8) {
    // 19 digits are the longest, in one append.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { text in
      text[19] = separator
      var (rest, first) = (UInt(value), 19)
      repeat {
        first -= 1
        text[first] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[first...]))
    }
  }

  /// Appends a number that is not negative in LEB128.
  package mutating func varint(_ value: Int) {
    var rest = UInt(value)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  package mutating func append(_ other: some Sequence<UInt8>) { bytes.append(contentsOf: other) }

  /// Appends the memory of trivial elements; the formats here are little-endian, as is every machine
  /// that Swift runs on.
  package mutating func append<T: BitwiseCopyable>(memoryOf values: [T]) {
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// Appends zeros until the count is a multiple of `alignment`.
  package mutating func pad(to alignment: Int) {
    let rest = bytes.count % alignment
    if rest > 0 { bytes.append(contentsOf: repeatElement(0, count: alignment - rest)) }
  }
}
