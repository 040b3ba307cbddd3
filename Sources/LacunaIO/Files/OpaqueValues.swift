// Elements that can be carried from file to file but not computed with.

/// Elements of a type that Lacuna does not compute with, byte for byte as their file has them: text,
/// complex and 8-bit floating-point numbers, dates, raw bytes.
public struct OpaqueValues: Equatable, Sendable {
  /// The format whose types ``type`` is one of: ``FileKind/npy`` or ``FileKind/safetensors``.
  public let format: FileKind
  /// The type as that format spells it: NumPy's `<U5`, safetensors' `F8_E4M3`.
  public let type: String
  /// Number of elements.
  public let count: Int
  /// All elements, row-major.
  public let bytes: [UInt8]

  init(format: FileKind, type: String, count: Int, bytes: [UInt8]) {
    (self.format, self.type, self.count, self.bytes) = (format, type, count, bytes)
  }
}

extension NumericValues {
  /// Texts as NumPy's `S` type: UTF-8, padded with zeros to the longest.
  public static func text(_ strings: [String]) -> NumericValues {
    let width = max(1, strings.map(\.utf8.count).max() ?? 1)
    let bytes = strings.flatMap { text in
      Array(text.utf8) + [UInt8](repeating: 0, count: width - text.utf8.count)
    }
    return .opaque(
      OpaqueValues(format: .npy, type: "|S\(width)", count: strings.count, bytes: bytes))
  }
}

extension NumericArray {
  /// The elements of a text array, of NumPy's type `S` or `U`, without the zeros that pad them.
  ///
  /// - Throws: ``DataProblem/unsupported(what:found:)`` when the array holds no text, or a number that
  ///   is no character.
  public func texts() throws(DataProblem) -> [String] {
    guard case .opaque(let values) = values, values.format == .npy,
      let type = NPYType(values.type), let width = type.textWidth
    else { throw .unsupported(what: "element type", found: "where text is expected") }
    let size = type.isWide ? 4 * width : width
    var texts: [String] = []
    for number in 0..<count {
      let bytes = values.bytes[number * size..<(number + 1) * size]
      if !type.isWide {
        let used = bytes.lastIndex { $0 != 0 }.map { bytes[...$0] } ?? bytes.prefix(0)
        texts.append(String(decoding: used, as: UTF8.self))
        continue
      }
      var text = String.UnicodeScalarView()
      for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 4) {
        let word = bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let value = type.isBigEndian ? word.byteSwapped : word
        guard let scalar = Unicode.Scalar(value) else {
          throw .unsupported(what: "character", found: "\(value)")
        }
        text.append(scalar)
      }
      while text.last == "\0" { text.removeLast() }
      texts.append(String(text))
    }
    return texts
  }
}
