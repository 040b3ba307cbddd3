// Reads Tests/Golden/tfmot: cases made by running the reference toolkit.

import Foundation
import LacunaFormats
import LacunaPruning

/// The golden files.
enum Golden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden/tfmot")

  static func load(_ name: String) throws -> JSON {
    JSON(try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: name))))
  }
}

/// A JSON value read by name; a name that is missing reads as null.
struct JSON {
  let value: Any
  init(_ value: Any) { self.value = value }

  subscript(key: String) -> JSON { JSON((value as? [String: Any])?[key] ?? NSNull()) }
  subscript(index: Int) -> JSON { JSON((value as? [Any])?[index] ?? NSNull()) }
  var array: [JSON] { (value as? [Any] ?? []).map(JSON.init) }
  var keys: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
  var isNull: Bool { value is NSNull }
  var string: String? { value as? String }
  var int: Int? { (value as? NSNumber)?.intValue }
  var bool: Bool? { (value as? NSNumber)?.boolValue }
  /// Numbers, and "inf", "-inf", "nan" as words.
  var double: Double? { (value as? NSNumber)?.doubleValue ?? string.flatMap(Double.init) }
  var ints: [Int] { array.map { $0.int! } }
  /// All numbers of a nested list, in order.
  var flat: [Float] {
    value is [Any] ? array.flatMap(\.flat) : [double.map { Float($0) }!]
  }
  /// Dimensions of a nested list.
  var shape: [Int] { value is [Any] ? [array.count] + (array.first?.shape ?? []) : [] }

  /// The float32 with these hexadecimal bits.
  var float32: Float? {
    string.flatMap { UInt32($0, radix: 16) }.map { Float(bitPattern: $0) }
  }
  var data: Data? { string.flatMap { Data(base64Encoded: $0) } }
  /// A packed array: little-endian values in base64.
  var floats: [Float] {
    let data = self["base64"].data!
    return data.withUnsafeBytes { raw in
      (0..<data.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
  }
  var bytes: [UInt8] { Array(self["base64"].data!) }
}

extension BitMask {
  /// 0 and 1 in row-major order.
  var bits: [Int] { (0..<rows).flatMap { i in (0..<columns).map { self[i, $0] ? 1 : 0 } } }
}

/// A schedule with the reference's arguments, and its rule that `end` is no update where the frequency
/// misses it.
func referenceSchedule(_ kind: String, _ arguments: JSON) throws -> any PruningSchedule {
  let end = arguments["end_step"].int ?? -1
  // The reference writes "no end" as −1, which only the constant schedule may have.
  if kind == "ConstantSparsity" {
    return try ConstantSparsity(
      arguments["target_sparsity"].double!, begin: arguments["begin_step"].int!,
      end: end == -1 ? nil : end, frequency: arguments["frequency"].int ?? 100, includesEnd: false)
  }
  return try PolynomialDecay(
    initial: arguments["initial_sparsity"].double!, final: arguments["final_sparsity"].double!,
    begin: arguments["begin_step"].int!, end: end, power: arguments["power"].double ?? 3,
    frequency: arguments["frequency"].int ?? 100, includesEnd: false)
}
