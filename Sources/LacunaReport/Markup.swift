// Text → markup: every string that reaches SVG or HTML passes through here.

/// Escaping and number spelling shared by SVG and HTML.
public enum Markup {
  /// `text` with the five characters that mean something to XML replaced, and control characters
  /// that XML forbids left out.
  ///
  /// - Complexity: O(length)
  public static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": continue
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A coordinate: two decimals are a hundredth of a pixel. NaN and infinities become 0, because one
  /// bad number must not make a whole page unreadable.
  public static func number(_ value: Double) -> String {
    value.isFinite ? Numeral.trimmed(value, digits: 2) : "0"
  }

  /// The width of `text` in pixels at `size`, close enough to reserve room for it.
  static func width(of text: String, size: Double) -> Double {
    var units = 0.0
    for character in text {
      switch character {
      case "i", "l", "j", "t", "f", "I", ".", ",", ":", ";", "|", "'", "\u{202F}", " ": units += 0.3
      case "m", "w", "M", "W", "%", "—": units += 0.87
      default: units += character.isUppercase ? 0.67 : 0.56
      }
    }
    return units * size
  }
}
