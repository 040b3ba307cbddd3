// JSON from untrusted bytes, as far as headers need it: objects, texts, integers; the rest is skipped.
//
// Foundation decodes an object into a Swift dictionary, in which two names that differ only in their
// Unicode form are one: a header may hold both.

/// A cursor over JSON. Names and texts are bytes in UTF-8.
struct JSONScanner {
  private let bytes: [UInt8]
  private var position = 0
  private let what: String

  /// No value is nested deeper.
  private static let deepest = 64

  /// - Throws: ``DataProblem`` when `bytes` are not UTF-8.
  init(_ bytes: [UInt8], _ what: String) throws(DataProblem) {
    if String(validating: bytes, as: UTF8.self) == nil {
      throw .unsupported(what: what, found: "that is not UTF-8")
    }
    (self.bytes, self.what) = (bytes, what)
  }

  private func expected(_ token: String) -> DataProblem {
    .unsupported(what: what, found: "without \(token) at byte \(position)")
  }

  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// Goes past blanks and `token`, if it comes next.
  private mutating func skip(_ token: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == UInt8(ascii: token) else { return false }
    position += 1
    return true
  }

  private mutating func need(_ token: Unicode.Scalar) throws(DataProblem) {
    if !skip(token) { throw expected("\"\(token)\"") }
  }

  /// - Throws: ``DataProblem`` unless only blanks are left.
  mutating func end() throws(DataProblem) {
    skipBlanks()
    if position < bytes.count { throw expected("an end") }
  }

  /// Reads an object; `member` reads the value of each name, which occurs once.
  mutating func object(
    _ member: (inout JSONScanner, TensorName) throws(DataProblem) -> Void
  ) throws(DataProblem) {
    try need("{")
    if skip("}") { return }
    var seen: Set<TensorName> = []
    repeat {
      let name = try text()
      if !seen.insert(name).inserted { throw .duplicateName("\(name)") }
      try need(":")
      try member(&self, name)
    } while skip(",")
    try need("}")
  }

  /// Reads a list of integers.
  mutating func integers() throws(DataProblem) -> [Int] {
    try need("[")
    var values: [Int] = []
    if skip("]") { return values }
    repeat { values.append(try integer()) } while skip(",")
    try need("]")
    return values
  }

  /// Reads a number that is a whole one, however it is written.
  mutating func integer() throws(DataProblem) -> Int {
    let text = try number()
    if let value = Int(text) { return value }
    // Beyond 2⁵³ a number with a point or an exponent is none in particular.
    guard let value = Double(text), value.magnitude <= 0x1p53, let whole = Int(exactly: value)
    else { throw .unsupported(what: "\(what): \(text.prefix(40))", found: "as an integer") }
    return whole
  }

  /// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
  private mutating func number() throws(DataProblem) -> String {
    skipBlanks()
    let start = position
    func digits() -> Int { bytes[position...].prefix { (0x30...0x39).contains($0) }.count }
    if position < bytes.count, bytes[position] == 0x2D { position += 1 }
    let whole = digits()
    if whole == 0 || whole > 1 && bytes[position] == 0x30 { throw expected("a number") }
    position += whole
    if position < bytes.count, bytes[position] == 0x2E {
      position += 1
      let fraction = digits()
      if fraction == 0 { throw expected("a digit") }
      position += fraction
    }
    if position < bytes.count, bytes[position] | 0x20 == 0x65 {
      position += 1
      if position < bytes.count, [0x2B, 0x2D].contains(bytes[position]) { position += 1 }
      let exponent = digits()
      if exponent == 0 { throw expected("a digit") }
      position += exponent
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// Reads a text.
  mutating func text() throws(DataProblem) -> TensorName {
    try need("\"")
    var text: [UInt8] = []
    while true {
      guard position < bytes.count, bytes[position] >= 0x20 else {
        throw expected("the end of a text")
      }
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") { return TensorName(bytes: text) }
      if byte != UInt8(ascii: "\\") {
        text.append(byte)
        continue
      }
      text += try escape()
    }
  }

  private mutating func escape() throws(DataProblem) -> [UInt8] {
    guard position < bytes.count else { throw expected("an escape") }
    position += 1
    switch bytes[position - 1] {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var value = try hex()
      if (0xD800..<0xDC00).contains(value) {
        guard position + 1 < bytes.count, bytes[position] == 0x5C, bytes[position + 1] == 0x75
        else { throw expected("a low surrogate") }
        position += 2
        let low = try hex()
        guard (0xDC00..<0xE000).contains(low) else { throw expected("a low surrogate") }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw expected("a character") }
      return Array(String(Character(scalar)).utf8)
    default: throw expected("an escape")
    }
  }

  private mutating func hex() throws(DataProblem) -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw expected("four hexadecimal digits") }
    position += 4
    return value
  }

  /// Goes past a value of any kind.
  mutating func skipValue(depth: Int = 0) throws(DataProblem) {
    if depth > Self.deepest { throw .unsupported(what: what, found: "nested so deeply") }
    skipBlanks()
    guard position < bytes.count else { throw expected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"):
      try object { (scanner, _) throws(DataProblem) in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try need("[")
      if skip("]") { return }
      repeat { try skipValue(depth: depth + 1) } while skip(",")
      try need("]")
    case UInt8(ascii: "\""): _ = try text()
    case UInt8(ascii: "-"), 0x30...0x39: _ = try number()
    default:
      for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return
      }
      throw expected("a value")
    }
  }

  /// `text` between quotes.
  static func quoted(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x22]
    for byte in text {
      switch byte {
      case 0x22, 0x5C: result += [0x5C, byte]
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        result += Array(("\\u00" + (byte < 16 ? "0" : "") + digits).utf8)
      default: result.append(byte)
      }
    }
    return result + [0x22]
  }
}
