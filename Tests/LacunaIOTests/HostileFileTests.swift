// Headers that lie, with checksums that are right: each is refused before anything large is allocated.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

/// Where the parts of the directory are in the file.
struct DirectoryMap {
  /// Every 64-bit number.
  var numbers: [Int] = []
  /// Every byte of kinds, ranks, roles, codecs and counts of sections.
  var tags: [Int] = []
  /// First byte of each name.
  var names: [Int] = []
  var end = 64

  init(_ reader: LacunaReader) {
    entry()
    for record in reader.records {
      names.append(end + 2)
      end += 2 + record.name.utf8.count
      tags += [end, end + 1]
      end += 2
      numbers += (0..<record.shape.count + 2).map { end + 8 * $0 }
      end += 8 * (record.shape.count + 2)
      // Two 32-bit block sizes, changed together.
      numbers += [end, end + 8]
      end += 16
      tags.append(end)
      end += 1
      for _ in record.sections { entry() }
    }
  }

  private mutating func entry() {
    tags += [end, end + 1, end + 2]
    numbers += [end + 8, end + 16, end + 24]
    end += 32
  }
}

@Suite struct HostileFileTests {
  let bytes: [UInt8]
  let reader: LacunaReader
  let map: DirectoryMap

  init() throws {
    bytes = try sampleFile(seed: 9, rows: 20, columns: 70).encoded()
    reader = try LacunaReader(bytes: bytes)
    map = DirectoryMap(reader)
  }

  /// The error after `change` with all checksums made right.
  func problem(_ change: (inout [UInt8]) -> Void) throws -> DataProblem? {
    var changed = bytes
    change(&changed)
    return LacunaIOTests.problem(try withChecksums(changed, like: reader))
  }

  func set(_ value: UInt64, at offset: Int, _ bytes: inout [UInt8], count: Int = 8) {
    for byte in 0..<count {
      bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
    }
  }

  @Test func unchangedIsAccepted() throws { #expect(try problem { _ in } == nil) }

  @Test func anyOtherNumberIsRefused() throws {
    for offset in map.numbers {
      let original = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
      for value in [
        0, 1, original &+ 1, original &- 1, 1 << 16, 1 << 24, 1 << 31, 1 << 32, 1 << 40, 1 << 62,
        1 << 63, .max,
      ] where value != original {
        #expect(
          try problem { set(value, at: offset, &$0) } != nil,
          "\(value) for \(original) at byte \(offset)")
      }
    }
  }

  @Test func anyOtherTagIsRefused() throws {
    // Blocks of 1×1 are blocks too: a sparse tensor is then also a valid block-sparse one. Values of 16 bits are
    // numbers in f32 as well, and most of one type those of the other.
    let kinds = Set(map.names.indices.map { map.names[$0] + reader.records[$0].name.utf8.count })
    for offset in map.tags {
      for value in UInt8.min...UInt8.max where value != bytes[offset] {
        let sameParts: [UInt8: [UInt8]] = [2: [4], 3: [5], 8: [2, 4, 9, 10, 11], 11: [10]]
        if kinds.contains(offset) && sameParts[bytes[offset], default: []].contains(value) {
          continue
        }
        #expect(
          try problem { $0[offset] = value } != nil,
          "\(value) for \(bytes[offset]) at byte \(offset)")
      }
    }
  }

  @Test func unknownVersionIsNamed() throws {
    #expect(
      try problem { set(4, at: 8, &$0, count: 4) }
        == .unsupported(what: ".lacuna version", found: "4"))
    guard case .unsupported(let what, found: "1") = try problem({ set(1, at: 8, &$0, count: 4) })
    else { throw Missing() }
    #expect(what.hasSuffix(" of version 3 in a .lacuna file of version"))
    #expect(
      try problem { set(1, at: 12, &$0, count: 4) } == .unsupported(what: "header flag", found: "1")
    )
  }

  @Test func unknownCodecIsNamed() throws {
    #expect(
      try problem { $0[map.tags[1]] = 99 }
        == .unsupported(what: "codec of the metadata", found: "99"))
  }

  @Test func tensorCountIsChecked() throws {
    for count: UInt64 in [0, 1, 9, 11, 1 << 31, (1 << 32) - 1] {
      #expect(try problem { set(count, at: 32, &$0, count: 4) } != nil, "\(count)")
    }
  }

  @Test func duplicateNamesAreRefused() throws {
    let file = LacunaFile(tensors: ["aa", "ab"].map { .init(name: $0, tensor: .bytes([1])) })
    let twins = try file.encoded()
    let reader = try LacunaReader(bytes: twins)
    var changed = twins
    changed[DirectoryMap(reader).names[1] + 1] = UInt8(ascii: "a")
    #expect(
      LacunaIOTests.problem(try withChecksums(changed, like: reader)) == .duplicateName("aa"))
  }

  @Test func randomDirectoriesDoNotTrap() throws {
    var random = SeededGenerator(seed: 10)
    for _ in 0..<4000 {
      _ = try problem { bytes in
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[.random(in: 8..<map.end, using: &random)] = .random(in: 0...255, using: &random)
        }
      }
    }
  }

  @Test func garbageIsRefused() {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<2000 {
      let count = Int.random(in: 0...300, using: &random)
      let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(LacunaIOTests.problem(noise) != nil)
      #expect(LacunaIOTests.problem(Array(bytes.prefix(64)) + noise) != nil)
    }
  }
}

@Suite struct ClassicalSizesTests {
  @Test func sizesOfTheSameWeights() throws {
    var random = SeededGenerator(seed: 12)
    let pattern = try randomPattern(60, 500, density: 0.1, using: &random)
    let matrix = try CSRMatrix(pattern: pattern, values: randomValues(pattern.nnz, using: &random))
    let file = LacunaFile(tensors: [.init(name: "w", tensor: .weights(SparseTensor(matrix)))])
    let sizes = ClassicalSizes(file)
    #expect(sizes.dense == 60 * 500 * 4 && sizes.sparse == 6 * pattern.nnz + 61 * 4)
    #expect(sizes.denseGzipped < sizes.dense && sizes.sparseGzipped < sizes.sparse)
    let record = try LacunaReader(bytes: file.encoded()).records[0]
    #expect(record.byteCount < sizes.denseGzipped && record.byteCount < sizes.sparseGzipped)
    #expect(record.slots == 30000)
    #expect(abs(record.independentPositionBytes / 30000 * 8 - 0.469) < 0.03)
    let quantised = LacunaFile(tensors: [
      .init(name: "w", tensor: .weights(SparseTensor(try QuantizedCSR(quantizing: matrix))))
    ])
    #expect(ClassicalSizes(quantised).dense == 60 * 500 + 60 * 4)
  }
}
