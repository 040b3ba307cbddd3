// Choices read off the input, for targets that build a case instead of reading the bytes as a file.

/// A cursor that never fails: behind the end of the input there are zeros.
struct InputCursor {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }

  /// A number of two bytes.
  mutating func short() -> Int { byte() | byte() << 8 }

  mutating func flag() -> Bool { byte() & 1 == 1 }

  /// A number in `0..<count`, of one byte.
  mutating func choice(_ count: Int) -> Int { byte() % count }

  mutating func element<T>(of options: [T]) -> T { options[choice(options.count)] }

  /// The next `count` bytes, fewer at the end.
  mutating func bytes(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Bytes behind their length of two bytes.
  mutating func run() -> [UInt8] { bytes(short()) }

  /// A size: usually small, sometimes at the end of what numbers can say.
  mutating func size(_ limit: Int) -> Int {
    let value = byte()
    if value < 250 { return value % (limit + 1) }
    return [-1, .min, .max, 1 << 61, 1 << 48, 1 << 32][value - 250]
  }

  /// A value whose sums are exact: small integers, now and then something else.
  mutating func value() -> Double {
    let value = byte()
    switch value {
    case 128: return .nan
    case 129: return .infinity
    default: return Double(Int8(truncatingIfNeeded: value))
    }
  }
}

/// Cases written so that an ``InputCursor`` reads them back.
struct OutputCursor {
  var bytes: [UInt8] = []

  mutating func byte(_ value: Int) { bytes.append(UInt8(truncatingIfNeeded: value)) }

  mutating func short(_ value: Int) {
    byte(value)
    byte(value >> 8)
  }

  mutating func run(_ content: some Collection<UInt8>) {
    short(content.count)
    bytes += content
  }
}
