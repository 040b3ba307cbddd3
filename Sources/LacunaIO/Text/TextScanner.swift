// A cursor over the bytes of a text: numbers, words, lines, all checked.

import LacunaFormats

/// Reads ASCII tokens; knows the line it is in, for errors.
struct TextScanner: ~Copyable {
  private let source: TextSource
  // Into the source's memory, which lives as long as the source.
  private var cursor: UnsafePointer<UInt8>
  private var end: UnsafePointer<UInt8>
  /// Bytes before those in memory.
  private var dropped = 0
  private var start: UnsafePointer<UInt8>
  /// The current line, counted from 1.
  private(set) var line = 1

  /// No token is longer; comments may be.
  static let longestToken = 4096

  /// A text in memory, or in a gzip file in memory.
  init(_ bytes: ByteSlice) throws(DataProblem) {
    let source = try TextSource(bytes)
    self.source = source
    (start, cursor, end) = Self.bounds(source)
  }

  private static func bounds(
    _ source: TextSource
  ) -> (UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>) {
    let memory = source.memory
    // An empty text has no address: any does.
    let start =
      memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
      ?? UnsafePointer(bitPattern: MemoryLayout<Int>.alignment)!
    return (start, start, start + memory.count)
  }

  /// Sees to it that the next token is in memory as a whole.
  @inline(__always)
  private mutating func fill() throws(DataProblem) {
    if end - cursor < Self.longestToken && !source.isComplete { try refill() }
  }

  private mutating func refill() throws(DataProblem) {
    dropped += cursor - start
    try source.refill(keeping: end - cursor)
    (start, cursor, end) = Self.bounds(source)
  }

  /// Bytes read so far.
  var position: Int { dropped + (cursor - start) }

  var isAtEnd: Bool { cursor == end && source.isComplete }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 9 < 5 }

  /// Goes past spaces, tabs and ends of lines.
  mutating func skipBlanks() throws(DataProblem) {
    while true {
      while cursor < end && Self.isBlank(cursor.pointee) {
        if cursor.pointee == 0x0A { line += 1 }
        cursor += 1
      }
      if cursor < end || source.isComplete { break }
      try refill()
    }
    try fill()
  }

  /// Goes past blanks, but not to the next line.
  mutating func skipSpaces() throws(DataProblem) {
    while true {
      while cursor < end && Self.isBlank(cursor.pointee) && cursor.pointee != 0x0A { cursor += 1 }
      if cursor < end || source.isComplete { break }
      try refill()
    }
    try fill()
  }

  /// Goes past blanks and commas.
  mutating func skipSeparators() throws(DataProblem) {
    repeat { try skipBlanks() } while skip(",")
  }

  /// Whether the line ends here, or the text.
  var isAtEndOfLine: Bool { cursor == end || cursor.pointee == 0x0A }

  /// Whether `text` comes next.
  func sees(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { expected in
      end - cursor >= expected.count
        && (0..<expected.count).allSatisfy { cursor[$0] == expected[$0] }
    }
  }

  /// Goes past `text` if it comes next.
  mutating func skip(_ text: StaticString) -> Bool {
    if !sees(text) { return false }
    cursor += text.utf8CodeUnitCount
    return true
  }

  /// Goes to the next line.
  mutating func skipLine() throws(DataProblem) {
    while true {
      while cursor < end && cursor.pointee != 0x0A { cursor += 1 }
      if cursor < end {
        cursor += 1
        line += 1
        return try fill()
      }
      if source.isComplete { return }
      try refill()
    }
  }

  /// The rest of the current line, without its end and at most ``longestToken`` bytes of it.
  mutating func restOfLine() throws(DataProblem) -> String {
    try fill()
    let most = min(end - cursor, Self.longestToken)
    let rest = UnsafeBufferPointer(start: cursor, count: most)
    let text = String(decoding: rest.prefix { $0 != 0x0A }, as: UTF8.self)
    try skipLine()
    return text.last == "\r" ? String(text.dropLast()) : text
  }

  /// Lines from here on that hold more than blanks.
  mutating func remainingLines() throws(DataProblem) -> Int {
    var count = 0
    while true {
      try skipBlanks()
      if isAtEnd { return count }
      try skipLine()
      count += 1
    }
  }

  /// Text between single or double quotes, without escapes.
  mutating func quoted() -> String? {
    guard cursor < end, cursor.pointee == 0x27 || cursor.pointee == 0x22 else { return nil }
    let rest = UnsafeBufferPointer(start: cursor + 1, count: end - cursor - 1)
    let quote = cursor.pointee
    guard let length = rest.firstIndex(of: quote) else { return nil }
    let text = rest[..<length]
    if text.contains(0x5C) || text.contains(0x0A) { return nil }
    cursor += length + 2
    return String(decoding: text, as: UTF8.self)
  }

  /// The source of a Python text, or of a list or tuple of such: up to the end of its quotes or brackets.
  mutating func pythonLiteral() -> String? {
    var at = cursor
    var depth = 0
    var quote: UInt8?
    repeat {
      if at == end { return nil }
      let byte = at.pointee
      at += 1
      if let open = quote {
        if byte == 0x5C || byte == 0x0A { return nil }
        if byte == open { quote = nil }
        continue
      }
      switch byte {
      case 0x27, 0x22: quote = byte
      case 0x28, 0x5B: depth += 1
      case 0x29, 0x5D: depth -= 1
      default: if depth == 0 { return nil }
      }
    } while depth > 0 || quote != nil
    if depth < 0 { return nil }
    let text = UnsafeBufferPointer(start: cursor, count: at - cursor)
    cursor = at
    return String(decoding: text, as: UTF8.self)
  }

  /// A decimal integer that fits in 63 bits.
  mutating func integer() -> Int? {
    var at = cursor
    let isNegative = at < end && at.pointee == 0x2D
    if isNegative || (at < end && at.pointee == 0x2B) { at += 1 }
    let first = at
    var value = 0
    // 18 digits cannot overflow.
    let safe = min(end, at + 18)
    while at < safe, at.pointee &- 0x30 < 10 {
      value = value &* 10 &+ Int(at.pointee &- 0x30)
      at += 1
    }
    while at < end, at.pointee &- 0x30 < 10 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(at.pointee &- 0x30))
      if overflow || carry { return nil }
      value = sum
      at += 1
    }
    if at == first { return nil }
    cursor = at
    return isNegative ? -value : value
  }

  /// A decimal number as `strtod` reads it, including `nan` and `inf`, up to the next blank or comma:
  /// the nearest `Scalar`, rounded once.
  @inline(__always)
  mutating func number<Scalar: SparseScalar>(as scalar: Scalar.Type = Scalar.self) -> Scalar? {
    if let (decimal, next) = Decimal.scan(from: cursor, to: end),
      next == end || Self.endsWord(next.pointee), let value: Scalar = decimal.nearest()
    {
      cursor = next
      return value
    }
    return slowNumber()
  }

  @inline(__always)
  private static func endsWord(_ byte: UInt8) -> Bool { isBlank(byte) || byte == 0x2C }

  /// Reads lines `i j` or `i j v`, 1-based and in the matrix, with one blank between two numbers and nothing
  /// else: what most lines of a file are. Stops before the first line that is anything else, and near the end
  /// of the memory, where the other functions go on and say what is wrong.
  ///
  /// - Parameters:
  ///   - indices: Rows and columns, 0-based.
  ///   - values: Room for as many values; nil for lines without one.
  /// - Returns: the number of lines, as many as there is room for at most.
  @inline(__always)
  mutating func plainEntries<Scalar: SparseScalar>(
    rows: Int, columns: Int,
    into indices: (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>),
    _ values: UnsafeMutablePointer<Scalar>?, room: Int
  ) -> Int {
    var count = 0
    // The other functions leave the end of a line where it is.
    if cursor < end && cursor.pointee == 0x0A {
      cursor += 1
      line += 1
    }
    while count < room && end - cursor >= Self.longestToken {
      var at = cursor
      guard let row = Self.plainInteger(&at), row >= 1, row <= rows, at.pointee == 0x20 else {
        break
      }
      at += 1
      guard let column = Self.plainInteger(&at), column >= 1, column <= columns else { break }
      if let values {
        guard at.pointee == 0x20, let (decimal, next) = Decimal.scan(from: at + 1, to: end),
          let value: Scalar = decimal.nearest()
        else { break }
        values[count] = value
        at = next
      }
      if at < end && at.pointee == 0x0D { at += 1 }
      if at == end || at.pointee != 0x0A { break }
      indices.0[count] = UInt32(truncatingIfNeeded: row - 1)
      indices.1[count] = UInt32(truncatingIfNeeded: column - 1)
      count += 1
      line += 1
      cursor = at + 1
    }
    return count
  }

  /// Reads integers with one blank or end of a line behind each, at most nine digits and a sign less, as
  /// ``plainEntries(rows:columns:into:_:room:)`` reads entries.
  mutating func plainIntegers(into numbers: UnsafeMutablePointer<Int>, room: Int) -> Int {
    var count = 0
    while count < room && end - cursor >= Self.longestToken {
      var at = cursor
      guard let number = Self.plainInteger(&at), at.pointee == 0x20 || at.pointee == 0x0A else {
        break
      }
      if at.pointee == 0x0A { line += 1 }
      numbers[count] = number
      count += 1
      cursor = at + 1
    }
    return count
  }

  /// One to nine digits. Not checked: there are ten bytes more.
  @inline(__always)
  private static func plainInteger(_ at: inout UnsafePointer<UInt8>) -> Int? {
    let first = at
    var value = 0
    while at.pointee &- 0x30 < 10 {
      value = value &* 10 &+ Int(at.pointee &- 0x30)
      at += 1
      if at - first > 9 { return nil }
    }
    return at == first ? nil : value
  }

  private mutating func slowNumber<Scalar: SparseScalar>() -> Scalar? {
    let most = UnsafeBufferPointer(start: cursor, count: min(end - cursor, Self.longestToken))
    let word = most.prefix { !Self.endsWord($0) }
    let text = String(decoding: word, as: UTF8.self)
    let value: Scalar? =
      switch Scalar.dtype {
      case .f32: Float(text).map { Scalar($0) }
      case .f64: Double(text).map { Scalar($0) }
      }
    if value != nil { cursor += word.count }
    return value
  }
}
