// What is not computed with passes through byte for byte: Tests/Golden/io, made by mixed.py there.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

@Suite struct CarriedDataTests {
  let weights: [Float] = [1, -2, 3, -4, 5, -6, 7, -8]

  /// The elements of `name` with those that are not in `kept` set to zero.
  private func masked(
    _ file: ArrayFile, _ name: TensorName, kept: Set<Int>
  ) throws -> [Int: [UInt8]] {
    let place = try #require(file.arrays.firstIndex { $0.name == name })
    let keep = (0..<file.arrays[place].count).map { UInt8(kept.contains($0) ? 1 : 0) }
    return [place: try file.arrays[place].bytes(keeping: keep)]
  }

  @Test(arguments: ["mixed", "mixed-deflated"]) func everyMemberIsListed(name: String) throws {
    let file = try ArrayFile(contentsOf: golden("io/\(name).npz"))
    #expect(file.kind == .npz && file.others == ["README.txt"])
    #expect(
      file.arrays.map { "\($0.name): \($0.type) \($0.shape)" } == [
        "w: f32 [2, 4]", "names: <U5 [2]", "tags: |S3 [2]", "step: i64 []", "flag: bool []",
        "big: i32 [4]", "f: f64 [2, 3]", "z: <c16 [2]", "when: <M8[D] [1]",
        "record: [('a', '<f4'), ('b', '<i4')] [2]", "config: |O []", "bf16: bf16 [1, 4]",
        "empty: f32 [3, 0]",
      ])
    #expect(try file.array("w").read().values == .f32(weights))
    #expect(try file.array("names").read().texts() == ["conv1", "fc"])
    #expect(try file.array("tags").read().texts() == ["a\0b", "xyz"])
    #expect(try file.array("big").read().values == .i32([0, 1, 2, 3]))
    #expect(try file.array("f").read().values == .f64([1, 2, 3, 4, 5, 6]))
    #expect(try file.array("bf16").read().floats() == [1, -2, 3, 0.5])
    for (name, type) in [("record", "[('a', '<f4'), ('b', '<i4')]"), ("config", "|O")] {
      let problem = DataProblem.unsupported(
        what: ".npy element type", found: name == "config" ? "'|O'" : type)
      #expect(throws: DataProblem.inside(name, problem)) {
        try file.array(TensorName(name)).read()
      }
    }
  }

  /// Members by their names, as they are in the archive.
  private func contents(_ bytes: [UInt8]) throws -> [TensorName: [UInt8]] {
    let file = try ArrayFile(bytes: bytes)
    var contents: [TensorName: [UInt8]] = [:]
    for array in file.arrays { contents[array.name] = try array.bytes() }
    return contents
  }

  @Test(arguments: ["mixed", "mixed-deflated"])
  func replacingOneArrayLeavesTheOthers(name: String) throws {
    let original = try fileBytes(golden("io/\(name).npz"))
    let file = try ArrayFile(bytes: original)
    // Nothing replaced: the archive is the same but for the padding of zip headers.
    #expect(try contents(file.encoded()) == contents(original))
    var replaced = try masked(file, "w", kept: [3, 7])
    replaced.merge(try masked(file, "f", kept: [1, 5])) { $1 }
    replaced.merge(try masked(file, "bf16", kept: [2])) { $1 }
    let written = try file.encoded(replacing: replaced)
    let result = try ArrayFile(bytes: written)
    #expect(result.others == ["README.txt"])
    #expect(result.arrays.map { "\($0.type)" } == file.arrays.map { "\($0.type)" })
    #expect(try result.array("w").read().values == .f32([0, 0, 0, -4, 0, 0, 0, -8]))
    // Byte order and memory order stay, too.
    #expect(try result.array("f").read().values == .f64([0, 2, 0, 0, 0, 6]))
    #expect(try result.array("f").isFortranOrder)
    #expect(try result.array("bf16").read().floats() == [0, 0, 3, 0])
    var (before, after) = try (contents(original), contents(written))
    for name: TensorName in ["w", "f", "bf16"] {
      (before[name], after[name]) = (nil, nil)
    }
    #expect(before == after && before.count == 10)
    #expect(throws: DataProblem.self) { try file.encoded(replacing: [0: [0]]) }
  }

  @Test func aSingleArrayKeepsItsHeader() throws {
    let original = try fileBytes(golden("io/fortran-big.npy"))
    let file = try ArrayFile(bytes: original, path: "folder/f.npy")
    #expect(file.arrays[0].name == "f" && file.arrays[0].byteRange == 128..<176)
    let written = try file.encoded(replacing: masked(file, "f", kept: [0, 1, 2, 4, 5]))
    // Row 1, column 0 is the second of the file: 4 as a big-endian f64 starts with 0x40 0x10.
    var expected = original
    #expect(expected[136] == 0x40 && expected[137] == 0x10)
    (expected[136], expected[137]) = (0, 0)
    #expect(written == expected)
  }

  @Test func bfloat16OfMLDtypes() throws {
    let array = try NPY.read(contentsOf: golden("io/bf16.npy"))
    #expect(array.shape == [1, 4] && array.values == .bf16([0x3F80, 0xC000, 0x4040, 0x3F00]))
    #expect(try NPY.encoded(array) == fileBytes(golden("io/bf16.npy")))
  }

  @Test func namesAreBytes() throws {
    let file = try ArrayFile(contentsOf: golden("io/unicode.npz"))
    #expect(file.arrays.map(\.name) == ["caf\u{e9}", "cafe\u{301}"])
    #expect(file.arrays[0].name != file.arrays[1].name)
    #expect(try file.array("caf\u{e9}").read().values == .f32(weights))
    #expect(try file.array("cafe\u{301}").read().values == .f32(weights.map { 2 * $0 }))
    #expect(
      TensorName.distinctTexts(file.arrays.map(\.name)) == ["caf\u{e9}", "cafe\\u{301}"])
    let written = try ArrayFile(
      bytes: file.encoded(replacing: masked(file, "cafe\u{301}", kept: [0])))
    #expect(try written.array("caf\u{e9}").read().values == .f32(weights))
    #expect(try written.array("cafe\u{301}").read().values == .f32([2, 0, 0, 0, 0, 0, 0, 0]))
    let archive = try NPZ(bytes: NPZ(NPZ(contentsOf: golden("io/unicode.npz")).arrays).encoded())
    #expect(archive.arrays.count == 2)
  }

  @Test func controlCharactersAreSpelledOut() {
    #expect("\(TensorName("a\u{1b}[2J\n"))" == "a\\u{1b}[2J\\u{a}")
    #expect("\(TensorName(bytes: [0x61, 0xFF, 0xC3, 0x28]))" == "a\\xff\\xc3(")
    #expect("\(TensorName("wärme 重み"))" == "wärme 重み")
    #expect("\(TensorName("\u{202E}x"))" == "\\u{202e}x")
  }

  @Test(arguments: ["zip64", "streamed"]) func otherZipArchives(name: String) throws {
    let file = try ArrayFile(contentsOf: golden("io/\(name).npz"))
    #expect(try file.array("w").read().values == .f32(weights))
    let written = try ArrayFile(bytes: file.encoded(replacing: masked(file, "w", kept: [1])))
    #expect(try written.array("w").read().values == .f32([0, -2, 0, 0, 0, 0, 0, 0]))
    #expect(try ArrayFile(bytes: file.encoded()).array("w").read().values == .f32(weights))
  }

  /// More members than 16 bits count.
  @Test func manyMembers() throws {
    let count = 66_000
    let array = try NumericArray(shape: [], values: .u8([1]))
    let bytes = try NPZ((0..<count).map { NamedArray(name: "\($0)", array: array) })
      .encoded(deflated: false)
    let file = try ArrayFile(bytes: bytes)
    #expect(file.arrays.count == count && file.arrays[count - 1].name == "65999")
    #expect(try file.arrays[count - 1].read() == array)
  }

  @Test func safetensorsCarryEveryType() throws {
    let original = try fileBytes(golden("io/carried.safetensors"))
    let file = try ArrayFile(bytes: original)
    #expect(
      file.arrays.map { "\($0.name): \($0.type) \($0.byteCount)" } == [
        "q: F8_E4M3 4", "w: f32 32", "four: F4 3", "z: C64 8", "new: X128 16",
        "caf\u{e9}: bf16 4", "cafe\u{301}: bool 2",
      ])
    #expect(try file.array("w").read().values == .f32(weights))
    #expect(throws: DataProblem.self) { try file.array("q").read().floats() }
    let matrix = try MatrixFile.read(
      contentsOf: golden("io/carried.safetensors"), name: "w", as: Float.self)
    #expect(rows(matrix) == [[1, -2, 3, -4], [5, -6, 7, -8]])
    // In place: header and all other tensors stay.
    let written = try file.encoded(replacing: masked(file, "w", kept: [0]))
    let range = try #require(try file.array("w").byteRange)
    #expect(written.count == original.count)
    #expect(written[..<(range.lowerBound + 4)] == original[..<(range.lowerBound + 4)])
    #expect(written[range].dropFirst(4).allSatisfy { $0 == 0 })
    #expect(written[range.upperBound...] == original[range.upperBound...])
    // In memory as well.
    let all = try Safetensors(bytes: original)
    #expect(try Safetensors(bytes: all.encoded()) == all && all.metadata == ["format": "pt"])
  }

  @Test func damageNamesTheMember() throws {
    var bytes = try fileBytes(golden("io/mixed.npz"))
    let range = try #require(try ArrayFile(bytes: bytes).array("f").byteRange)
    bytes[range.lowerBound] ^= 1
    let file = try ArrayFile(bytes: bytes)
    #expect(try file.array("w").read().values == .f32(weights))
    let problem = #expect(throws: DataProblem.self) { try file.array("f").read() }
    #expect("\(problem!)".hasPrefix("f: checksum of f.npy is "))
    let missing = #expect(throws: DataProblem.self) { try file.array("g") }
    #expect("\(missing!)".hasPrefix("array g (there are: w, names, tags, "))
  }
}
