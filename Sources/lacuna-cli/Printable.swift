// Names from files and command lines, made safe for a terminal: what would steer it is spelled out.

extension String {
  /// The text with control characters, line separators and invisible format characters (the ones that turn
  /// the direction of writing among them) as `\u{1B}`; line ends and tabs stay when `keepingLines`.
  ///
  /// Everything that people read passes through here, in ``Console`` and in ``TextTable``.
  ///
  /// - Complexity: O(length)
  func printable(keepingLines: Bool = false) -> String {
    spelled(keepingLines) { "\\u{\(String($0.value, radix: 16, uppercase: true))}" }
  }

  /// JSON with the same characters as `\u001b`, which is the same document. The encoder itself leaves DEL,
  /// C1 and format characters as they are; outside of strings there are none.
  var printableJSON: String {
    spelled(true) { scalar in
      UTF16.encode(scalar)!.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }
  }

  private func spelled(
    _ keepingLines: Bool, _ spelling: (Unicode.Scalar) -> String
  ) -> String {
    func isKept(_ byte: UInt32) -> Bool {
      byte >= 0x20 && byte < 0x7F || keepingLines && (byte == 0x0A || byte == 0x09)
    }
    // Printable ASCII, the usual answer, needs no look at any property.
    if utf8.allSatisfy({ isKept(UInt32($0)) }) { return self }
    var result = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if !isKept(scalar.value) && scalar.steersTerminals {
        result.append(contentsOf: spelling(scalar).unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }
}

extension Unicode.Scalar {
  fileprivate var steersTerminals: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

extension Sequence where Element == String {
  /// A command line that a POSIX shell reads as these words.
  var shellCommand: String { map(\.shellWord).joined(separator: " ") }
}

extension String {
  /// The text as one word of a shell. Control characters are spelled out, so that the word can be shown
  /// and typed; `$'…'` is bash's.
  fileprivate var shellWord: String {
    let plain: (UInt8) -> Bool = {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_./:,=+@%".utf8.contains($0)
      }
    }
    if !isEmpty, utf8.allSatisfy(plain) { return self }
    if !unicodeScalars.contains(where: \.steersTerminals) {
      return "'"
        + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
    return "$'"
      + utf8.map { byte in
        if plain(byte) || byte == UInt8(ascii: " ") { return String(UnicodeScalar(byte)) }
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.count < 2 ? "0" : "") + digits
      }.joined() + "'"
  }
}
