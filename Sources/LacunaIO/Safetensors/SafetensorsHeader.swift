// The JSON header of a safetensors file: names and texts, read with nothing trusted.

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The header as it stands, before its numbers are compared with the data.
struct SafetensorsHeader: Codable {
  struct Tensor: Codable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  var metadata: [String: String] = [:]
  var tensors: [String: Tensor] = [:]

  static let metadataName = "__metadata__"

  init() {}

  /// - Throws: ``DataProblem`` when the bytes are no header, or a name occurs twice.
  init(parsing bytes: [UInt8]) throws(DataProblem) {
    // The format asks for `{` at the start. No zeros: Foundation would guess UTF-16.
    if bytes.first != UInt8(ascii: "{") || bytes.contains(0) {
      throw .unsupported(what: "safetensors header", found: "that is no JSON object")
    }
    do { self = try JSONDecoder().decode(Self.self, from: Data(bytes)) } catch {
      throw Self.problem(error)
    }
    // Of two members with one name Foundation keeps the first and says nothing.
    let found = tensors.count + (hasMetadata ? 1 : 0)
    let members = memberCount(bytes)
    if members != found {
      throw .mismatch(what: "number of names in the header", expected: members, actual: found)
    }
  }

  /// JSON with sorted names: equal headers give equal bytes.
  func encoded() -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and integers: nothing that JSON cannot hold.
    guard let data = try? encoder.encode(self) else { return [] }
    return Array(data)
  }

  // MARK: Codable

  private var hasMetadata = false

  /// Any name.
  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Name.self)
    for name in members.allKeys {
      if name.stringValue == Self.metadataName {
        hasMetadata = true
        metadata = try members.decode([String: String].self, forKey: name)
      } else {
        tensors[name.stringValue] = try members.decode(Tensor.self, forKey: name)
      }
    }
  }

  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: Name.self)
    if !metadata.isEmpty {
      try members.encode(metadata, forKey: Name(stringValue: Self.metadataName))
    }
    for (name, tensor) in tensors { try members.encode(tensor, forKey: Name(stringValue: name)) }
  }

  private static func problem(_ error: any Error) -> DataProblem {
    func place(_ path: [any CodingKey]) -> String {
      path.isEmpty ? "safetensors header" : path.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
      return .absent(what: "\(key.stringValue) of \(place(context.codingPath))")
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      return .unsupported(what: place(context.codingPath), found: "of another type")
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      return .unsupported(what: place(context.codingPath), found: "out of range")
    default: return .unsupported(what: "safetensors header", found: "that is no JSON")
    }
  }
}

/// Members of the outermost object of valid JSON: its colons, those of texts and inner values left out.
private func memberCount(_ json: [UInt8]) -> Int {
  var (count, depth) = (0, 0)
  var (inText, escaped) = (false, false)
  for byte in json {
    if inText {
      inText = escaped || byte != UInt8(ascii: "\"")
      escaped = !escaped && byte == UInt8(ascii: "\\")
      continue
    }
    switch byte {
    case UInt8(ascii: "\""): inText = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
    case UInt8(ascii: ":") where depth == 1: count += 1
    default: break
    }
  }
  return count
}
