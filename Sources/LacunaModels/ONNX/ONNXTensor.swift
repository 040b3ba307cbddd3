// TensorProto and SparseTensorProto: shape, type, and where the elements are.

import LacunaIO

/// A TensorProto as it stands in the file; its elements are not read yet.
struct ONNXTensor {
  var name = ByteName("")
  var shape: [Int] = []
  var type = TensorType.text
  /// The message without tag and length.
  let message: Range<Int>
  /// The bytes of `raw_data`, the last one if there are several.
  var raw: Range<Int>?
  /// Keys and values of `external_data`; nil where the elements are in the file.
  var external: [String: String]?
  /// Bytes of all fields that hold elements.
  var storedBytes = 0

  /// `TensorProto.DataType` from 1 on.
  private static let types: [TensorType] = [
    .f32, .u8, .i8, .u16, .i16, .i32, .i64, .text, .bool, .f16, .f64, .u32, .u64, .c64, .c128,
    .bf16, .f8e4m3, .f8e4m3fnuz, .f8e5m2, .f8e5m2fnuz, .u4, .i4, .f4e2m1, .f8e8m0, .u2, .i2,
  ]

  init(_ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    self.message = message
    var reader = WireReader(bytes, message)
    var (dims, isExternal, entries): ([Int64], Bool, [String: String]) = ([], false, [:])
    var code: Int64 = 0
    while let field = try reader.next("TensorProto") {
      switch field.number {
      case 1: try reader.integers(of: field, "TensorProto", into: &dims)
      case 2:
        try WireReader.expect(.varint, field, "TensorProto")
        code = field.integer
      case 4...7, 10, 11: storedBytes += field.payload.count
      case 8:
        try WireReader.expect(.bytes, field, "TensorProto")
        name = bytes.name(field.payload)
      case 9:
        try WireReader.expect(.bytes, field, "TensorProto")
        (raw, storedBytes) = (field.payload, storedBytes + field.payload.count)
      case 13:
        try WireReader.expect(.bytes, field, "TensorProto")
        let (key, value) = try stringEntry(bytes, field.payload)
        entries[key] = value
      case 14: isExternal = field.value == 1
      default: break
      }
    }
    guard let type = Self.type(of: Int(code)) else {
      throw .unsupported(what: "data type of \(name.text)", found: "\(code)")
    }
    self.type = type
    shape = dims.map { Int($0) }
    _ = try LacunaIO.elementCount(of: shape, name.text)
    if isExternal { external = entries }
  }

  /// The type of a number in `TensorProto.DataType`; nil for one that is not known.
  static func type(of code: Int) -> TensorType? {
    types.indices.contains(code &- 1) ? types[code &- 1] : nil
  }

  /// The number in `TensorProto.DataType`.
  static func code(of type: TensorType) -> UInt64 {
    UInt64((types.firstIndex(of: type) ?? 7) + 1)
  }

  var elementCount: Int { shape.contains(0) ? 0 : shape.reduce(1, *) }

  /// The elements as they are, little-endian and row-major.
  ///
  /// - Throws: `DataProblem` when there are more or fewer than the shape says.
  func content(
    in bytes: ByteSlice, _ outside: ONNXExternalData
  ) throws(DataProblem) -> ByteSlice {
    guard let expected = type.byteCount(of: elementCount) else {
      throw .unsupported(what: "\(name.text)", found: "of texts")
    }
    if let external {
      return try outside.slice(external, count: expected, of: name.text)
    }
    let found: ByteSlice
    if let raw { found = bytes.part(raw) } else { found = try typedContent(in: bytes) }
    if found.count < expected {
      throw .truncated(what: name.text, needed: expected, available: found.count)
    }
    if found.count > expected {
      throw .mismatch(what: "bytes of \(name.text)", expected: expected, actual: found.count)
    }
    return found
  }

  /// The elements of `float_data` and its like. Each field holds the types that protobuf's own
  /// numbers widen to: int32_data also bytes and the bit patterns of halves.
  private func typedContent(in bytes: ByteSlice) throws(DataProblem) -> ByteSlice {
    let (number, width): (Int, Int)
    switch type {
    case .f32, .c64: (number, width) = (4, 4)
    case .f64, .c128: (number, width) = (10, 8)
    case .i64: (number, width) = (7, 8)
    case .u64: (number, width) = (11, 8)
    case .u32: (number, width) = (11, 4)
    case .i32: (number, width) = (5, 4)
    case .i16, .u16, .f16, .bf16: (number, width) = (5, 2)
    case .bool, .i8, .u8, .f8e4m3, .f8e4m3fnuz, .f8e5m2, .f8e5m2fnuz, .f8e8m0:
      (number, width) = (5, 1)
    // Two or four to a number, as in raw_data.
    case .i4, .u4, .f4e2m1, .i2, .u2: (number, width) = (5, 1)
    case .text: throw .unsupported(what: "\(name.text)", found: "of texts")
    }
    let isFixed = number == 4 || number == 10
    var reader = WireReader(bytes, message)
    var elements: [UInt8] = []
    while let field = try reader.next("TensorProto") {
      guard field.number == number else { continue }
      if isFixed {
        let kind: WireField.Kind = width == 4 ? .fixed32 : .fixed64
        if field.kind != kind { try WireReader.expect(.bytes, field, "TensorProto") }
        bytes.part(field.payload).withUnsafeBytes { elements.append(contentsOf: $0) }
      } else {
        var numbers: [Int64] = []
        try reader.integers(of: field, "TensorProto", into: &numbers)
        elements.reserveCapacity(elements.count + numbers.count * width)
        for number in numbers {
          if width < 8 && (number >= 1 << (8 * width) || number < -1 << (8 * width - 1)) {
            throw .outOfRange(
              what: "an element of \(name.text)", value: Int(number),
              lowest: -1 << (8 * width - 1), highest: 1 << (8 * width) - 1)
          }
          for byte in 0..<width {
            elements.append(UInt8(truncatingIfNeeded: number >> Int64(8 * byte)))
          }
        }
      }
    }
    return ByteSlice(elements)
  }

  /// The message with its elements replaced by those that follow in `raw_data`: all other fields as
  /// they were, byte for byte, then tag and length of `raw_data`.
  func header(in bytes: ByteSlice, rawCount: Int) throws(DataProblem) -> [UInt8] {
    var writer = try withoutElements(in: bytes)
    writer.start(9, count: rawCount)
    return writer.bytes
  }

  /// All fields but those that hold elements or say where they are.
  func withoutElements(
    in bytes: ByteSlice, dropping others: Set<Int> = []
  ) throws(DataProblem) -> WireWriter {
    var (writer, reader) = (WireWriter(), WireReader(bytes, message))
    while let field = try reader.next("TensorProto") {
      switch field.number {
      case 4...7, 9...11, 13, 14: break
      case let number where others.contains(number): break
      default: writer.append(bytes.part(field.record).array)
      }
    }
    return writer
  }
}

/// A StringStringEntryProto.
private func stringEntry(
  _ bytes: ByteSlice, _ message: Range<Int>
) throws(DataProblem) -> (key: String, value: String) {
  var (reader, entry) = (WireReader(bytes, message), (key: "", value: ""))
  while let field = try reader.next("StringStringEntryProto") {
    guard field.number <= 2 else { continue }
    try WireReader.expect(.bytes, field, "StringStringEntryProto")
    let text = bytes.text(field.payload)
    if field.number == 1 { entry.key = text } else { entry.value = text }
  }
  return entry
}
