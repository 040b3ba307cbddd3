// Protobuf's wire format, read field by field: every length is checked before it is used.

import LacunaIO

/// One field of a message, where it stands in the file.
struct WireField {
  /// How the field is stored, by the lowest three bits of its tag.
  enum Kind: UInt8 { case varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 }

  let number: Int
  let kind: Kind
  /// From the tag to the end.
  let record: Range<Int>
  /// The varint that says how long the content is; empty unless the field is `bytes`.
  let length: Range<Int>
  /// The content without tag and length.
  let payload: Range<Int>
  /// The number, for the other three kinds.
  let value: UInt64

  /// The number as a signed one, which protobuf writes in two's complement.
  var integer: Int64 { Int64(bitPattern: value) }
}

/// A cursor over the fields of one message.
///
///     tag = number << 3 | kind, then   0  a varint
///                                      1  8 bytes
///                                      2  a varint length and as many bytes: text, messages, arrays
///                                      5  4 bytes
struct WireReader {
  let bytes: ByteSlice
  private(set) var offset: Int
  let end: Int

  /// Not checked: `range` lies in `bytes`.
  init(_ bytes: ByteSlice, _ range: Range<Int>) {
    (self.bytes, offset, end) = (bytes, range.lowerBound, range.upperBound)
  }

  /// The next field; nil at the end of the message.
  mutating func next(_ message: StaticString) throws(DataProblem) -> WireField? {
    if offset == end { return nil }
    let start = offset
    let tag = try varint(message)
    guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
      throw .unsupported(what: "field number in \(message)", found: "\(tag >> 3)")
    }
    let number = Int(tag >> 3)
    guard let kind = WireField.Kind(rawValue: UInt8(tag & 7)) else {
      throw .unsupported(what: "wire type of field \(number) of \(message)", found: "\(tag & 7)")
    }
    let lengthStart = offset
    var (value, count): (UInt64, Int) = (0, 0)
    switch kind {
    case .varint: value = try varint(message)
    case .fixed64: count = 8
    case .fixed32: count = 4
    case .bytes:
      let length = try varint(message)
      guard length <= UInt64(end - offset) else {
        throw .truncated(
          what: "field \(number) of \(message)", needed: Int(clamping: length),
          available: end - offset)
      }
      count = Int(length)
    }
    if count > end - offset {
      throw .truncated(
        what: "field \(number) of \(message)", needed: count, available: end - offset)
    }
    let payload = offset..<offset + count
    offset += count
    if kind == .fixed64 || kind == .fixed32 {
      for place in payload.reversed() { value = value << 8 | UInt64(bytes.byte(place)) }
    }
    return WireField(
      number: number, kind: kind, record: start..<offset,
      length: kind == .bytes ? lengthStart..<payload.lowerBound : lengthStart..<lengthStart,
      payload: payload, value: value)
  }

  /// Seven bits a byte, lowest first; the top bit is set on all but the last of at most ten.
  mutating func varint(_ message: StaticString) throws(DataProblem) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      if offset == end {
        throw .truncated(what: "a varint of \(message)", needed: 1, available: 0)
      }
      let byte = bytes.byte(offset)
      offset += 1
      if shift == 63 && byte > 1 { throw .overflow(what: "a varint of \(message)") }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw .overflow(what: "a varint of \(message)")
  }

  /// Appends the integers of a repeated field, packed or not.
  func integers(
    of field: WireField, _ message: StaticString, into values: inout [Int64]
  ) throws(DataProblem) {
    if field.kind == .varint { return values.append(field.integer) }
    guard field.kind == .bytes else { throw Self.wrongKind(field, message) }
    var packed = WireReader(bytes, field.payload)
    while packed.offset < packed.end {
      values.append(Int64(bitPattern: try packed.varint(message)))
    }
  }

  /// - Throws: `DataProblem` unless the field is of that kind.
  static func expect(
    _ kind: WireField.Kind, _ field: WireField, _ message: StaticString
  ) throws(DataProblem) {
    if field.kind != kind { throw wrongKind(field, message) }
  }

  private static func wrongKind(_ field: WireField, _ message: StaticString) -> DataProblem {
    .unsupported(what: "wire type of field \(field.number) of \(message)", found: "\(field.kind)")
  }
}

extension ByteSlice {
  /// The byte at `place`. Not checked: it lies inside.
  func byte(_ place: Int) -> UInt8 { storage.memory[range.lowerBound + place] }

  /// The bytes of a range as a name. Not checked.
  func name(_ range: Range<Int>) -> ByteName {
    part(range).withUnsafeBytes { ByteName($0) }
  }

  /// The bytes of a range as text, damaged UTF-8 repaired. Not checked.
  func text(_ range: Range<Int>) -> String {
    part(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
