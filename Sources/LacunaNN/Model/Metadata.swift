// The JSON texts in a file's metadata: architecture, settings, progress.

import LacunaIO

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a `.lacuna` file written by this module is: the value of its metadata key `kind`.
enum FileKind: String {
  case model = "lacuna model"
  case checkpoint = "lacuna checkpoint"
}

/// `value` as JSON with sorted keys: equal values give equal bytes.
func json(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Settings hold numbers, strings and enumerations; numbers are checked to be finite beforehand.
  guard let data = try? encoder.encode(value) else { return "null" }
  return String(decoding: data, as: UTF8.self)
}

extension [String: String] {
  /// The value of `key`, decoded from JSON.
  func decoded<T: Decodable>(_ type: T.Type, key: String) throws(ModelError) -> T {
    guard let text = self[key] else { throw .metadata(key: key, reason: "is missing") }
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw .metadata(key: key, reason: "cannot be read")
    }
  }

  func check(kind: FileKind) throws(ModelError) {
    let found = self["kind"] ?? ""
    if found != kind.rawValue {
      throw .metadata(
        key: "kind", reason: "is '\(found)', expected '\(kind.rawValue)'")
    }
  }
}
