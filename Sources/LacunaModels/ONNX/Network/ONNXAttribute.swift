// AttributeProto: the settings of a node, by name.

import LacunaIO

/// The value of an attribute.
enum ONNXAttribute {
  case integer(Int)
  case integers([Int])
  case float(Float)
  case floats([Float])
  case text(String)
  case texts([String])
  case tensor(ONNXTensor)
  case sparse(ONNXSparseTensor)
  case graph(WireField)
  /// A type that no operator here has.
  case other

  /// The name and the value of a message.
  static func read(
    _ bytes: ByteSlice, _ message: Range<Int>
  ) throws(DataProblem) -> (name: String, value: ONNXAttribute) {
    var reader = WireReader(bytes, message)
    var (name, type): (String, Int64?) = ("", nil)
    var (floats, integers, texts): ([Float], [Int64], [String]) = ([], [], [])
    // The value of a single one; which of them is meant, the type says.
    var single: [Int64: ONNXAttribute] = [:]
    while let field = try reader.next("AttributeProto") {
      switch field.number {
      case 1:
        try WireReader.expect(.bytes, field, "AttributeProto")
        name = bytes.text(field.payload)
      case 2:
        try WireReader.expect(.fixed32, field, "AttributeProto")
        single[1] = .float(Float(bitPattern: UInt32(truncatingIfNeeded: field.value)))
      case 3:
        try WireReader.expect(.varint, field, "AttributeProto")
        single[2] = .integer(Int(field.integer))
      case 4:
        try WireReader.expect(.bytes, field, "AttributeProto")
        single[3] = .text(bytes.text(field.payload))
      case 5:
        try WireReader.expect(.bytes, field, "AttributeProto")
        single[4] = .tensor(try ONNXTensor(bytes, field.payload))
      case 6:
        try WireReader.expect(.bytes, field, "AttributeProto")
        single[5] = .graph(field)
      case 7: try reader.floats(of: field, "AttributeProto", into: &floats)
      case 8: try reader.integers(of: field, "AttributeProto", into: &integers)
      case 9:
        try WireReader.expect(.bytes, field, "AttributeProto")
        texts.append(bytes.text(field.payload))
      case 20:
        try WireReader.expect(.varint, field, "AttributeProto")
        type = field.integer
      case 22:
        try WireReader.expect(.bytes, field, "AttributeProto")
        single[11] = .sparse(try ONNXSparseTensor(bytes, field.payload))
      default: break
      }
    }
    // Files of the first versions have no type: what is there says it.
    switch type ?? single.keys.first ?? (floats.isEmpty ? (texts.isEmpty ? 7 : 8) : 6) {
    case 6: return (name, .floats(floats))
    case 7: return (name, .integers(integers.map { Int($0) }))
    case 8: return (name, .texts(texts))
    case let code:
      // A field with the value of proto3's default may be left out.
      switch code {
      case 1: return (name, single[1] ?? .float(0))
      case 2: return (name, single[2] ?? .integer(0))
      case 3: return (name, single[3] ?? .text(""))
      default: return (name, single[code] ?? .other)
      }
    }
  }
}

extension WireReader {
  /// Appends the numbers of a repeated field, packed or not.
  func floats(
    of field: WireField, _ message: StaticString, into values: inout [Float]
  ) throws(DataProblem) {
    if field.kind == .fixed32 {
      return values.append(Float(bitPattern: UInt32(truncatingIfNeeded: field.value)))
    }
    try WireReader.expect(.bytes, field, message)
    if field.payload.count % 4 != 0 {
      throw .mismatch(
        what: "bytes of packed numbers of \(message)", expected: field.payload.count / 4 * 4,
        actual: field.payload.count)
    }
    values += TensorNumbers.elements(bytes.part(field.payload), of: Float.self)
  }
}
