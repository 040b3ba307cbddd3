// No reader traps on damaged bytes, whatever they are; checksummed formats report every flip.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

/// A reader under test: gives whether the bytes were accepted.
struct FuzzedReader: Sendable, CustomTestStringConvertible {
  let name: String
  let accepts: @Sendable ([UInt8]) -> Bool
  var testDescription: String { name }

  init(_ name: String, _ read: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    accepts = { bytes in
      do {
        try read(bytes)
        return true
      } catch { return false }
    }
  }
}

private let readers: [FuzzedReader] = [
  FuzzedReader("io/fortran.npy") { _ = try NPY.decoded($0).matrix(of: Float.self) },
  FuzzedReader("io/text.npy") { _ = try NPY.decoded($0) },
  FuzzedReader("io/stored.npz") { _ = try NPZ(bytes: $0) },
  FuzzedReader("io/deflated.npz") { _ = try NPZ(bytes: $0) },
  FuzzedReader("io/csr.npz") { _ = try SciPySparse.matrix(NPZ(bytes: $0), as: Float.self) },
  FuzzedReader("io/coo.npz") { _ = try SciPySparse.matrix(NPZ(bytes: $0), as: Float.self) },
  FuzzedReader("io/bsr.npz") { _ = try SciPySparse.matrix(NPZ(bytes: $0), as: Float.self) },
  FuzzedReader("io/general.mtx") { _ = try MatrixMarket.decoded($0, as: Float.self) },
  FuzzedReader("io/array.mtx") { _ = try MatrixMarket.decoded($0, as: Float.self) },
  FuzzedReader("io/symmetric.mtx") { _ = try MatrixMarket.decoded($0, as: Double.self) },
  FuzzedReader("io/symmetric-array.mtx") { _ = try MatrixMarket.decoded($0, as: Double.self) },
  FuzzedReader("io/pattern.smtx") { _ = try SMTX.decoded($0) },
  FuzzedReader("io/plain.safetensors") { _ = try Safetensors(bytes: $0) },
  FuzzedReader("io/bitmask.safetensors") { bytes in
    let file = try Safetensors(bytes: bytes)
    for name in file.sparseBitmaskNames { _ = try file.sparseBitmask(name, as: Float.self) }
  },
]

@Suite struct FuzzTests {
  @Test(arguments: readers) func damagedFiles(reader: FuzzedReader) throws {
    let bytes = try fileBytes(golden(reader.name))
    #expect(reader.accepts(bytes))
    for flip in [UInt8(0x01), 0x10, 0x80, 0xFF] {
      for position in bytes.indices {
        var flipped = bytes
        flipped[position] ^= flip
        _ = reader.accepts(flipped)
      }
    }
    for length in 0..<bytes.count { _ = reader.accepts(Array(bytes[..<length])) }
    #expect(!reader.accepts([]))
  }

  @Test(arguments: readers) func damagedMany(reader: FuzzedReader) throws {
    let bytes = try fileBytes(golden(reader.name))
    var random = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        damaged[Int.random(in: damaged.indices, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      _ = reader.accepts(damaged)
    }
  }

  @Test(arguments: readers) func garbage(reader: FuzzedReader) throws {
    var random = SeededGenerator(seed: 2)
    let start = try fileBytes(golden(reader.name)).prefix(10)
    for _ in 0..<500 {
      let count = Int.random(in: 0...200, using: &random)
      let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(!reader.accepts(noise), "\(noise)")
      _ = reader.accepts(start + noise)
    }
  }

  /// Sizes that no file could hold are refused before anything is allocated.
  @Test func hugeSizes() throws {
    let huge = "99999999999999"
    for text in ["\(huge), 4, 1\n0\n", "1, \(huge), 0\n0 0\n", "1, 1, \(huge)\n0 0\n"] {
      #expect(throws: DataProblem.self, "\(text)") { try SMTX.decoded(Array(text.utf8)) }
    }
    for kind in ["coordinate", "array"] {
      for sizes in ["\(huge) 2", "2 \(huge)", "99999999 99999999"] {
        let text = "%%MatrixMarket matrix \(kind) real general\n\(sizes) 1\n1 1 1\n"
        #expect(throws: DataProblem.self, "\(text)") {
          try MatrixMarket.decoded(Array(text.utf8), as: Float.self)
        }
      }
    }
    let text = "{\"w\":{\"dtype\":\"F32\",\"shape\":[\(huge),\(huge)],\"data_offsets\":[0,0]}}"
    let header = [UInt8(text.utf8.count), 0, 0, 0, 0, 0, 0, 0]
    #expect(throws: DataProblem.overflow(what: "the shape of w")) {
      try Safetensors(bytes: header + text.utf8)
    }
    #expect(throws: DataProblem.self) { try Safetensors(bytes: [UInt8](repeating: 255, count: 8)) }
    let dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(huge), 1000), }\n"
    let npy: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(dict.utf8.count), 0]
    #expect(
      throws: DataProblem.truncated(
        what: "the elements", needed: 399_999_999_999_996_000, available: 0)
    ) { try NPY.decoded(npy + dict.utf8) }
  }

  /// A file of that header and `data` zero bytes.
  private func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    return length + text + [UInt8](repeating: 0, count: data)
  }

  @Test func safetensorsHeaders() throws {
    let text = #"""
      {"ü\"\\\n" :{"shape":[ 2,1],"data_offsets":[0,8.0],"dtype":"F32","more":{"a":[1]}},
       "__metadata__":{"a:b":"\ud83d\ude00{","c":""},
       "e":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}}
      """#
    let file = try Safetensors(bytes: safetensors(text, data: 8))
    #expect(file.metadata == ["a:b": "😀{", "c": ""])
    #expect(file.arrays.map(\.name) == ["ü\"\\\n", "e"])
    #expect(try Safetensors(bytes: file.encoded()) == file)
  }

  @Test func brokenSafetensorsHeaders() {
    let deep = String(repeating: "[", count: 1_000_000)
    func tensor(_ dtype: String, _ shape: String, _ offsets: String) -> String {
      #"{"w":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
    }
    let good = tensor("F32", "[2]", "[0,8]")
    #expect(throws: Never.self) { try Safetensors(bytes: safetensors(good, data: 8)) }
    for wrong in [
      "", " ", "{", "[]", "1", "null", "\"w\"", "{\"w\":\(deep)", "{\"w\":1}", "{\"w\":{}}",
      " \(good)",
      "\(good) x", "\(good)\0", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}",
      good.replacing("{\"w\"", with: "{\"__metadata__\":{\"a\":1},\"w\""),
      good.replacing("{\"w\"", with: "{\"__metadata__\":[],\"w\""),
      // Twice the same name, the second time with an escape.
      String(good.dropLast()) + "," + good.dropFirst().replacing("w", with: "\\u0077"),
      tensor("F32", "2", "[0,8]"), tensor("F32", "[2.5]", "[0,8]"),
      tensor("F32", "[-2]", "[0,8]"), tensor("F32", "[-1,-2]", "[0,8]"),
      tensor("F32", "[3]", "[0,8]"),
      tensor("F32", "[2]", "[0]"), tensor("F32", "[2]", "[0,8,8]"), tensor("F32", "[2]", "[8,0]"),
      tensor("F32", "[2]", "[0,9]"), tensor("F32", "[2]", "[4,8]"), tensor("F32", "[1]", "[0,4]"),
      tensor("F32", "[2]", "[-8,0]"), tensor("F32", "[2]", "[0,null]"),
      tensor("F32", "[2]", "[0,\"8\"]"), tensor("F32", "[2]", "[0,08]"),
    ] {
      #expect(throws: DataProblem.self, "\(wrong.prefix(100))") {
        try Safetensors(bytes: safetensors(wrong, data: 8))
      }
    }
    for huge in [
      "4611686018427387904", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
      "-9223372036854775809", "18446744073709551615", "1e18", "1e19", "1e400", "-1e400",
    ] {
      for header in [
        tensor("F32", "[\(huge)]", "[0,8]"), tensor("F32", "[2,\(huge)]", "[0,8]"),
        tensor("F32", "[2]", "[0,\(huge)]"), tensor("F32", "[2]", "[\(huge),8]"),
        tensor("F32", "[2]", "[\(huge),\(huge)]"),
      ] {
        #expect(throws: DataProblem.self, "\(header)") {
          try Safetensors(bytes: safetensors(header, data: 8))
        }
      }
    }
  }
}
