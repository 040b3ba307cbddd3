// Names of tensors in files are bytes: two that look alike may be two.

/// A name in a file, compared byte by byte.
///
/// Swift's `String` takes "é" as one character and "é" as "e" with an accent for equal; files hold both
/// beside each other. Zip archives also hold names that are not UTF-8.
public struct TensorName: Hashable, Sendable, ExpressibleByStringLiteral {
  /// The name as it stands in the file.
  public let bytes: [UInt8]

  /// A name as it stands in a file, UTF-8 or not.
  public init(bytes: [UInt8]) { self.bytes = bytes }
  /// The UTF-8 of `text`, in the normal form that it has.
  public init(_ text: String) { bytes = Array(text.utf8) }
  /// The UTF-8 of the literal.
  public init(stringLiteral text: String) { self.init(text) }

  /// The name as text; nil when it is not UTF-8.
  public var text: String? { String(validating: bytes, as: UTF8.self) }

  /// Texts for `names` that Swift tells apart: each is the name itself, but the later one of two that
  /// differ only in their Unicode form has its other characters than ASCII spelled out, as in
  /// `cafe\u{301}`.
  public static func distinctTexts(_ names: [TensorName]) -> [String] {
    var taken: Set<String> = []
    return names.map { name in
      let text = name.description
      if taken.insert(text).inserted { return text }
      let spelled = Printable.escaped(name.bytes, keepsUnicode: false)
      taken.insert(spelled)
      return spelled
    }
  }
}

extension TensorName: CustomStringConvertible {
  /// The name for people: control characters and bytes that are not UTF-8 are spelled out.
  public var description: String { Printable.escaped(bytes, keepsUnicode: true) }
}

extension TensorName: Comparable {
  /// Whether the bytes of `a` come first, byte by byte.
  public static func < (a: TensorName, b: TensorName) -> Bool {
    a.bytes.lexicographicallyPrecedes(b.bytes)
  }
}

/// Foreign text that is shown to people: nothing in it reaches a terminal as a command.
public enum Printable {
  /// `text` with its control characters spelled out, as in `\u{1b}`, and bytes of a file name that are not
  /// UTF-8 (``PathText``) as `\xff`.
  public static func escaped(_ text: String) -> String {
    escaped(Array(text.utf8), keepsUnicode: true)
  }

  /// `bytes` as text: control characters become `\u{1b}`, bytes that are not UTF-8 `\xff`, and without
  /// `keepsUnicode` all other characters than ASCII `\u{301}`.
  static func escaped(_ bytes: [UInt8], keepsUnicode: Bool) -> String {
    var result = String.UnicodeScalarView()
    var decoder = UTF8.ForwardParser()
    var input = bytes.makeIterator()
    var position = 0
    parsing: while true {
      switch decoder.parseScalar(from: &input) {
      case .valid(let encoded):
        let scalar = UTF8.decode(encoded)
        position += encoded.count
        let isPlain =
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate:
            false
          default: scalar.isASCII || keepsUnicode
          }
        if let byte = PathText.byte(scalar) {
          result.append(contentsOf: "\\x\(String(byte, radix: 16))".unicodeScalars)
        } else if isPlain {
          result.append(scalar)
        } else {
          result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        }
      case .error(let length):
        for byte in bytes[position..<min(position + length, bytes.count)] {
          result.append(contentsOf: "\\x\(String(byte, radix: 16))".unicodeScalars)
        }
        position += length
      case .emptyInput: break parsing
      }
    }
    return String(result)
  }
}
