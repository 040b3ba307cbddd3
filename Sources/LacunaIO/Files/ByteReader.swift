// Numbers and runs of bytes from untrusted data: every read is checked against what is left.

/// A cursor over bytes from outside.
package struct ByteReader {
  package let bytes: ByteSlice
  /// Bytes read so far.
  package private(set) var offset = 0

  package init(_ bytes: ByteSlice) { self.bytes = bytes }
  package init(_ bytes: [UInt8]) { self.bytes = ByteSlice(bytes) }

  /// Bytes not read yet.
  package var remaining: Int { bytes.count - offset }

  /// The next `count` bytes.
  ///
  /// - Throws: ``DataProblem/truncated(what:needed:available:)`` when fewer are left.
  package mutating func slice(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> ByteSlice {
    if count < 0 || count > remaining {
      throw .truncated(what: what(), needed: count, available: remaining)
    }
    let start = bytes.range.lowerBound + offset
    offset += count
    return ByteSlice(storage: bytes.storage, range: start..<start + count)
  }

  /// The next integer, little-endian.
  package mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> T {
    let slice = try slice(MemoryLayout<T>.size, what())
    return T(littleEndian: slice.withUnsafeBytes { $0.loadUnaligned(as: T.self) })
  }

  /// The next integer, big-endian.
  package mutating func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> T {
    try integer(type, what()).byteSwapped
  }

  /// The next 64-bit count, which has to fit in an `Int` and be at most `limit`.
  package mutating func count(
    _ what: @autoclosure () -> String, atMost limit: Int = .max
  ) throws(DataProblem) -> Int {
    let value = try integer(UInt64.self, what())
    guard let count = Int(exactly: value) else { throw .overflow(what: what()) }
    if count > limit { throw .outOfRange(what: what(), value: count, lowest: 0, highest: limit) }
    return count
  }

  /// The next integer in LEB128: seven bits a byte, lowest first, the top bit set on all but the last.
  package mutating func varint(_ what: @autoclosure () -> String) throws(DataProblem) -> Int {
    var value = 0
    for shift in stride(from: 0, through: 56, by: 7) {
      let byte = try integer(UInt8.self, what())
      value |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 {
        // One spelling for each number: no zero bytes at the top.
        if byte == 0 && shift > 0 { throw .overflow(what: what()) }
        return value
      }
    }
    throw .overflow(what: what())
  }

  /// The next `count` bytes as UTF-8.
  package mutating func string(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(DataProblem) -> String {
    let slice = try slice(count, what())
    guard let text = slice.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw .unsupported(what: what(), found: "that is not UTF-8")
    }
    return text
  }

  /// - Throws: ``DataProblem/trailingBytes(count:)`` unless everything has been read.
  package func end() throws(DataProblem) {
    if remaining > 0 { throw .trailingBytes(count: remaining) }
  }

  /// As ``end()``, but behind the zeros that `ByteWriter.pad(toHold:)` appends for as many elements.
  func end(paddedToHold elements: Int) throws(DataProblem) {
    if remaining == 0 { return }
    let rest = ByteSlice(
      storage: bytes.storage, range: bytes.range.upperBound - remaining..<bytes.range.upperBound)
    if bytes.count != ContainerLayout.lowestLength(count: elements)
      || rest.withUnsafeBytes({ $0.contains { $0 != 0 } })
    {
      throw .trailingBytes(count: remaining)
    }
  }
}
