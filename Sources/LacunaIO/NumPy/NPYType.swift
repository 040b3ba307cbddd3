// NumPy's type codes: '<f4', '|S3', '>U5', '<V2'.

/// What an array in a file holds.
public enum StoredType: Equatable, Sendable {
  /// Numbers that Lacuna reads.
  case number(ElementType)
  /// Anything else, as the file spells it: it can be carried.
  case opaque(String)

  /// Whether the elements are floating-point numbers that Lacuna reads.
  public var isFloatingPoint: Bool {
    switch self {
    case .number(.f16), .number(.bf16), .number(.f32), .number(.f64): true
    case .number, .opaque: false
    }
  }
}

extension StoredType: CustomStringConvertible {
  /// A short name, such as `f32`; of other types the file's own spelling, escaped.
  public var description: String {
    switch self {
    case .number(let type): "\(type)"
    case .opaque(let type): Printable.escaped(type)
    }
  }
}

/// A simple type of NumPy: byte order, kind, size.
struct NPYType {
  /// The type as the header spells it.
  let descriptor: String
  let isBigEndian: Bool
  /// The numbers; nil for types that are carried.
  let element: ElementType?
  /// Bytes of one element; nil where they are not known.
  let size: Int?
  /// Characters of a text; nil for other types.
  let textWidth: Int?
  /// Whether the characters of a text have four bytes each (`U`).
  let isWide: Bool

  /// Reads a type code; nil when it is none.
  init?(_ descriptor: String) {
    self.descriptor = descriptor
    // The code is written again between quotes.
    if !descriptor.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x27 && $0 != 0x5C }) {
      return nil
    }
    // Spelled out by name where a writer stores the name of an ml_dtypes type.
    if descriptor == "bfloat16" || descriptor.hasPrefix("float8_") {
      element = descriptor == "bfloat16" ? .bf16 : nil
      (size, isBigEndian, textWidth, isWide) = (element?.size ?? 1, false, nil, false)
      return
    }
    guard let order = descriptor.first, "<>=|".contains(order) else { return nil }
    let code = descriptor.dropFirst()
    isBigEndian = order == ">"
    // NumPy's own raw bytes have the order "|"; ml_dtypes' bfloat16 is saved as "<V2".
    if code == "V2" && order != "|" {
      (element, size, textWidth, isWide) = (.bf16, 2, nil, false)
      return
    }
    if let type = ElementType(rawValue: String(code)), type != .bf16 {
      (element, size, textWidth, isWide) = (type, type.size, nil, false)
      return
    }
    guard let kind = code.first else { return nil }
    let digits = code.dropFirst().prefix { $0.isASCII && $0.isNumber }
    let width = Int(digits).flatMap { $0 <= 1 << 30 ? $0 : nil }
    let isWhole = digits.count == code.count - 1
    (element, isWide) = (nil, kind == "U")
    switch kind {
    case "S", "a", "U":
      if !isWhole { return nil }
      (size, textWidth) = (width.map { kind == "U" ? 4 * $0 : $0 }, width)
    // Complex and long numbers, raw bytes; dates with their unit, "M8[ns]".
    case "c", "f", "V", "i", "u", "M", "m": (size, textWidth) = (width, nil)
    default: (size, textWidth) = (nil, nil)
    }
  }
}
