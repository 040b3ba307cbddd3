// File names that are not UTF-8, in Swift strings, and back to the same bytes.

/// The names of files as text.
///
/// On Linux a file name is any bytes but 0 and `/`. A Swift `String` holds only Unicode, and repairs what
/// is not: a program that takes `CommandLine.arguments` then opens, or creates, another file. So bytes that
/// are no UTF-8 are kept as private characters, U+10FE80 for 0x80 to U+10FEFF for 0xFF, and turn back into
/// those bytes wherever a path is given to the system. Functions of this library that take a `path` do so.
public enum PathText {
  private static let escapes: ClosedRange<UInt32> = 0x10FE80...0x10FEFF

  /// The text that stands for a file name of those bytes: the same characters when they are UTF-8.
  public static func text(_ name: some Sequence<UInt8>) -> String {
    let bytes = Array(name)
    var result = String.UnicodeScalarView()
    func escape(_ count: Int, at position: Int) {
      for byte in bytes[position..<min(position + count, bytes.count)] {
        result.append(Unicode.Scalar(0x10FE00 + UInt32(byte))!)
      }
    }
    var decoder = UTF8.ForwardParser()
    var input = bytes.makeIterator()
    var position = 0
    while true {
      switch decoder.parseScalar(from: &input) {
      case .valid(let encoded):
        let scalar = UTF8.decode(encoded)
        // A name that has such a character itself is spelled byte by byte.
        if escapes.contains(scalar.value) {
          escape(encoded.count, at: position)
        } else {
          result.append(scalar)
        }
        position += encoded.count
      case .error(let length):
        escape(length, at: position)
        position += length
      case .emptyInput: return String(result)
      }
    }
  }

  /// The texts of the arguments of this program, its name first.
  public static var arguments: [String] {
    (0..<Int(CommandLine.argc)).compactMap { number in
      CommandLine.unsafeArgv[number].map { argument in
        text(
          UnsafeBufferPointer(start: argument, count: length(argument)).map(UInt8.init(bitPattern:))
        )
      }
    }
  }

  private static func length(_ name: UnsafePointer<CChar>) -> Int {
    var count = 0
    while name[count] != 0 { count += 1 }
    return count
  }

  /// The text of a name that the system gave.
  package static func text(cString name: UnsafePointer<CChar>) -> String {
    text(UnsafeBufferPointer(start: name, count: length(name)).map(UInt8.init(bitPattern:)))
  }

  /// Calls `body` with the bytes that `path` stands for, as the system takes them.
  public static func withCString<R>(_ path: String, _ body: (UnsafePointer<CChar>) -> R) -> R {
    if !path.unicodeScalars.contains(where: { escapes.contains($0.value) }) {
      return path.withCString(body)
    }
    var bytes: [CChar] = []
    for scalar in path.unicodeScalars {
      if escapes.contains(scalar.value) {
        bytes.append(CChar(truncatingIfNeeded: scalar.value))
      } else {
        bytes += String(Character(scalar)).utf8.map { CChar(bitPattern: $0) }
      }
    }
    bytes.append(0)
    return bytes.withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  /// The byte that a character stands for; nil for a character that stands for itself.
  static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
    escapes.contains(scalar.value) ? UInt8(truncatingIfNeeded: scalar.value) : nil
  }
}
