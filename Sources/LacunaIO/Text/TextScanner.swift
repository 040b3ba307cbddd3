// A cursor over the bytes of a text: numbers, words, lines, all checked.

/// Reads ASCII tokens; knows the line it is in, for errors.
struct TextScanner {
  private let bytes: [UInt8]
  private(set) var position = 0
  /// The current line, counted from 1.
  private(set) var line = 1

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  /// Goes past spaces, tabs and ends of lines.
  mutating func skipBlanks() {
    while position < bytes.count && Self.isBlank(bytes[position]) {
      if bytes[position] == 0x0A { line += 1 }
      position += 1
    }
  }

  /// Goes past blanks and commas.
  mutating func skipSeparators() {
    repeat { skipBlanks() } while skip(",")
  }

  /// Whether `text` comes next.
  func sees(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { expected in
      position + expected.count <= bytes.count
        && (0..<expected.count).allSatisfy { bytes[position + $0] == expected[$0] }
    }
  }

  /// Goes past `text` if it comes next.
  mutating func skip(_ text: StaticString) -> Bool {
    if !sees(text) { return false }
    position += text.utf8CodeUnitCount
    return true
  }

  /// The rest of the current line, without its end.
  mutating func restOfLine() -> String {
    let start = position
    while position < bytes.count && bytes[position] != 0x0A { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if position < bytes.count {
      position += 1
      line += 1
    }
    return text.last == "\r" ? String(text.dropLast()) : text
  }

  /// Text between single or double quotes, without escapes.
  mutating func quoted() -> String? {
    guard !isAtEnd, bytes[position] == 0x27 || bytes[position] == 0x22 else { return nil }
    guard let end = bytes[(position + 1)...].firstIndex(of: bytes[position]) else { return nil }
    let text = bytes[(position + 1)..<end]
    if text.contains(0x5C) || text.contains(0x0A) { return nil }
    position = end + 1
    return String(decoding: text, as: UTF8.self)
  }

  /// A decimal integer that fits in 63 bits.
  mutating func integer() -> Int? {
    var cursor = position
    let isNegative = cursor < bytes.count && bytes[cursor] == 0x2D
    if isNegative || (cursor < bytes.count && bytes[cursor] == 0x2B) { cursor += 1 }
    let start = cursor
    var value = 0
    while cursor < bytes.count, (0x30...0x39).contains(bytes[cursor]) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(bytes[cursor] - 0x30))
      if overflow || carry { return nil }
      value = sum
      cursor += 1
    }
    if cursor == start { return nil }
    position = cursor
    return isNegative ? -value : value
  }

  /// A word up to the next blank or comma.
  mutating func word() -> String? {
    let start = position
    while position < bytes.count, !Self.isBlank(bytes[position]), bytes[position] != 0x2C {
      position += 1
    }
    return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A decimal number as `strtod` reads it, including `nan` and `inf`.
  mutating func number() -> Double? {
    let start = position
    guard let word = word(), let value = Double(word) else {
      position = start
      return nil
    }
    return value
  }
}
