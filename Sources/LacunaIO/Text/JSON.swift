// JSON (RFC 8259) from untrusted bytes: depth-limited, numbers kept exact where they are integers.

/// A JSON value. Objects keep the order of their keys, which have to be unique.
public enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([(key: String, value: JSON)])

  public static func == (a: JSON, b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.integer(let x), .integer(let y)): x == y
    case (.number(let x), .number(let y)): x == y
    case (.string(let x), .string(let y)): x == y
    case (.array(let x), .array(let y)): x == y
    case (.object(let x), .object(let y)):
      x.count == y.count && zip(x, y).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    default: false
    }
  }

  /// The member of that name.
  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// Reads one value; only blanks may follow.
  ///
  /// - Throws: ``DataProblem`` with the offset of what is wrong.
  public init(parsing bytes: [UInt8]) throws(DataProblem) {
    var parser = JSONParser(bytes: bytes)
    self = try parser.value(depth: 0)
    parser.skipBlanks()
    if parser.position < bytes.count {
      throw .trailingBytes(count: bytes.count - parser.position)
    }
  }

  /// The value as text without blanks.
  public var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    // JSON has no infinities and no NaN.
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .string(let value): JSON.quoted(value)
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { JSON.quoted($0.key) + ":" + $0.value.text }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  static let highestDepth = 64

  func failure(_ expected: String) -> DataProblem {
    .unsupported(what: "JSON", found: "without \(expected) at byte \(position)")
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  mutating func skip(_ text: StaticString) -> Bool {
    let matches = text.withUTF8Buffer { expected in
      position + expected.count <= bytes.count
        && (0..<expected.count).allSatisfy { bytes[position + $0] == expected[$0] }
    }
    if matches { position += text.utf8CodeUnitCount }
    return matches
  }

  mutating func value(depth: Int) throws(DataProblem) -> JSON {
    if depth > Self.highestDepth {
      throw .outOfRange(
        what: "depth of JSON", value: depth, lowest: 0, highest: Self.highestDepth)
    }
    skipBlanks()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): if skip("true") { return .bool(true) }
    case UInt8(ascii: "f"): if skip("false") { return .bool(false) }
    case UInt8(ascii: "n"): if skip("null") { return .null }
    default: return try number()
    }
    throw failure("a value")
  }

  private mutating func array(depth: Int) throws(DataProblem) -> JSON {
    position += 1
    var values: [JSON] = []
    skipBlanks()
    if skip("]") { return .array([]) }
    while true {
      values.append(try value(depth: depth + 1))
      skipBlanks()
      if skip("]") { return .array(values) }
      if !skip(",") { throw failure(", or ]") }
    }
  }

  private mutating func object(depth: Int) throws(DataProblem) -> JSON {
    position += 1
    var members: [(key: String, value: JSON)] = []
    var seen: Set<String> = []
    skipBlanks()
    if skip("}") { return .object([]) }
    while true {
      skipBlanks()
      if next != UInt8(ascii: "\"") { throw failure("a key") }
      let key = try string()
      if !seen.insert(key).inserted { throw .duplicateName(key) }
      skipBlanks()
      if !skip(":") { throw failure(":") }
      members.append((key, try value(depth: depth + 1)))
      skipBlanks()
      if skip("}") { return .object(members) }
      if !skip(",") { throw failure(", or }") }
    }
  }

  private mutating func number() throws(DataProblem) -> JSON {
    let start = position
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
    _ = skip("-")
    if !isDigit(next) { throw failure("a value") }
    let leadsWithZero = next == 0x30
    while isDigit(next) { position += 1 }
    if leadsWithZero && bytes[position - 1] != 0x30 { throw failure("a number") }
    var isInteger = true
    if skip(".") {
      isInteger = false
      if !isDigit(next) { throw failure("a digit") }
      while isDigit(next) { position += 1 }
    }
    if next == 0x65 || next == 0x45 {
      isInteger = false
      position += 1
      if !skip("-") { _ = skip("+") }
      if !isDigit(next) { throw failure("a digit") }
      while isDigit(next) { position += 1 }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text) else { throw failure("a number") }
    return .number(value)
  }

  private mutating func string() throws(DataProblem) -> String {
    position += 1
    var content: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw failure("valid UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &content)
      case ..<0x20: throw failure("an escaped control character")
      default: content.append(byte)
      }
    }
    throw failure("a closing quote")
  }

  private mutating func escape(into content: inout [UInt8]) throws(DataProblem) {
    guard let byte = next else { throw failure("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var value = try hexadecimal()
      if (0xD800..<0xDC00).contains(value) {
        if !skip("\\u") { throw failure("a low surrogate") }
        let low = try hexadecimal()
        if !(0xDC00..<0xE000).contains(low) { throw failure("a low surrogate") }
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw failure("a high surrogate") }
      content.append(contentsOf: String(Character(scalar)).utf8)
    default: throw failure("an escape")
    }
  }

  private mutating func hexadecimal() throws(DataProblem) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue,
        byte < 0x80
      else { throw failure("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
