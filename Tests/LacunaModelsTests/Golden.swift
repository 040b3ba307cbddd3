// Files that other projects' packages wrote.
import Foundation
import LacunaIO
import LacunaModels
import TestSupport

/// The path of a file in Tests/Golden.
func golden(_ name: String, here: String = #filePath) -> String {
  here.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    + "/Golden/" + name
}

/// The bytes of a file.
func fileBytes(_ path: String) throws -> [UInt8] { ByteSlice(try ByteStorage(reading: path)).array }

/// Small networks with inputs, and outputs of the engine that they are for: name/model, name/x/…, name/y/….
struct GoldenNetworks {
  let arrays: [String: NumericArray]
  let names: [String]

  init(_ archive: String) {
    let arrays = try! NPZ(contentsOf: golden("networks/\(archive)")).arrays
    self.arrays = Dictionary(uniqueKeysWithValues: arrays.map { ("\($0.name)", $0.array) })
    names = self.arrays.keys.filter { $0.hasSuffix("/model") }.map { String($0.dropLast(6)) }
      .sorted()
  }

  subscript(_ name: String) -> NumericArray? { arrays[name] }

  /// The bytes of a network's file.
  func model(_ name: String) throws -> [UInt8] {
    guard case .u8(let bytes) = arrays[name + "/model"]?.values else {
      throw DataProblem.absent(what: name)
    }
    return bytes
  }
}

/// What the golden ONNX files hold: element i is ((7 i) mod 11) − 5.
func goldenNumbers(_ count: Int, plus shift: Double = 0) -> [Double] {
  (0..<count).map { Double((7 * $0) % 11) - 5 + shift }
}

/// A reader's answer to damaged bytes: it may refuse or accept them, but not trap.
func damage(
  _ bytes: [UInt8], flips: [UInt8] = [0x01, 0x80, 0xFF], stride step: Int = 1, seed: UInt64,
  rounds: Int = 2000, _ read: ([UInt8]) throws -> Void
) {
  for flip in flips {
    for position in stride(from: 0, to: bytes.count, by: step) {
      var flipped = bytes
      flipped[position] ^= flip
      try? read(flipped)
    }
  }
  for length in stride(from: 0, to: bytes.count, by: step) { try? read(Array(bytes[..<length])) }
  var random = SeededGenerator(seed: seed)
  for _ in 0..<rounds {
    var damaged = bytes
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      damaged[Int.random(in: damaged.indices, using: &random)] = .random(
        in: 0...255, using: &random)
    }
    try? read(damaged)
    let count = Int.random(in: 0...200, using: &random)
    let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    try? read(noise)
    try? read(bytes.prefix(16) + noise)
  }
}
