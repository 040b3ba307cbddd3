// The entropy coders lose nothing and come near the entropy, whatever the data look like.
import Foundation
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

/// Kinds of patterns that the position coder meets.
enum PatternKind: CaseIterable {
  case uniform, rowsDiffer, columnsDiffer, lagged, blocks, empty, full, oneRow, oneColumn, diagonal
}

func pattern(
  _ kind: PatternKind, _ rows: Int, _ columns: Int, using random: inout SeededGenerator
) throws -> CSRPattern {
  let rowShare = (0..<rows).map { _ in Double.random(in: 0...0.4, using: &random) }
  let columnShare = (0..<columns).map { _ in Double.random(in: 0...0.4, using: &random) }
  let lag = Int.random(in: 1...max(1, columns / 2), using: &random)
  var blocks = try BitMask(rows: rows / 4 + 1, columns: columns / 4 + 1)
  for i in 0..<blocks.rows {
    for j in 0..<blocks.columns { blocks[i, j] = Double.random(in: 0..<1, using: &random) < 0.2 }
  }
  var mask = try BitMask(rows: rows, columns: columns)
  for i in 0..<rows {
    for j in 0..<columns {
      let share: Double =
        switch kind {
        case .uniform: 0.1
        case .rowsDiffer: rowShare[i]
        case .columnsDiffer: columnShare[j]
        case .lagged: j >= lag && mask[i, j - lag] ? 0.7 : 0.1
        case .blocks: blocks[i / 4, j / 4] ? 1 : 0
        case .empty: 0
        case .full: 1
        case .oneRow: i == rows / 2 ? 1 : 0
        case .oneColumn: j == columns / 2 ? 1 : 0
        case .diagonal: i == j ? 1 : 0
        }
      mask[i, j] = Double.random(in: 0..<1, using: &random) < share
    }
  }
  return CSRPattern(mask)
}

/// Kinds of values that the value coders meet.
enum ValueKind: CaseIterable {
  case normal, kept, constant, rounded, wild, special, signsByRow
}

func values(
  _ kind: ValueKind, _ pattern: CSRPattern, using random: inout SeededGenerator
) -> [Float] {
  (0..<pattern.rows).flatMap { row in
    (pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1]).map { _ -> Float in
      let uniform = Float.random(in: -1...1, using: &random)
      switch kind {
      case .normal:
        return (0..<4).reduce(uniform) { s, _ in s + .random(in: -1...1, using: &random) }
      case .kept: return uniform + (uniform < 0 ? -0.5 : 0.5)
      case .constant: return 0.25
      case .rounded: return (uniform * 64).rounded() / 64
      case .wild: return Float(bitPattern: .random(in: 0...UInt32.max, using: &random))
      case .special:
        return [0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 1].randomElement(
          using: &random)!
      case .signsByRow: return row % 2 == 0 ? abs(uniform) : -abs(uniform)
      }
    }
  }
}

/// Reads a tensor back through a file.
func throughFile(_ tensor: StoredTensor) throws -> (tensor: StoredTensor, record: TensorRecord) {
  let bytes = try LacunaFile(tensors: [NamedTensor(name: "w", tensor: tensor)]).encoded()
  let reader = try LacunaReader(bytes: bytes)
  return (try reader.tensor(named: "w"), reader.records[0])
}

func bits(_ matrix: CSRMatrix<Float>) -> [UInt32] { matrix.values.map(\.bitPattern) }

@Suite struct CodingTests {
  @Test(arguments: PatternKind.allCases) func patternsOfEveryShape(kind: PatternKind) throws {
    var random = SeededGenerator(seed: 1)
    for (rows, columns) in [
      (0, 0), (0, 5), (5, 0), (1, 1), (1, 300), (300, 1), (2, 2), (3, 70), (4, 64), (5, 65),
      (7, 129),
      (33, 200),
    ] {
      let pattern = try pattern(kind, rows, columns, using: &random)
      let kept = BitMask(pattern)
      #expect(
        try throughFile(.bitMask(kept)).tensor == .bitMask(kept), "\(kind) \(rows)×\(columns)")
    }
  }

  @Test(arguments: ValueKind.allCases) func valuesOfEveryKind(kind: ValueKind) throws {
    var random = SeededGenerator(seed: 2)
    for (rows, columns) in [(0, 0), (1, 1), (1, 7), (5, 9), (40, 300)] {
      let pattern = try pattern(.rowsDiffer, rows, columns, using: &random)
      let matrix = try CSRMatrix(
        pattern: pattern, values: values(kind, pattern, using: &random))
      guard
        case .f32(.csr(let read))? =
          try throughFile(.weights(SparseTensor(matrix))).tensor.weights?.storage
      else { throw Missing() }
      #expect(read.pattern == pattern && bits(read) == bits(matrix), "\(kind) \(rows)×\(columns)")
      if kind == .wild || kind == .special { continue }
      let quantised = StoredTensor.weights(SparseTensor(try QuantizedCSR(quantizing: matrix)))
      #expect(try throughFile(quantised).tensor == quantised, "\(kind) \(rows)×\(columns)")
    }
  }

  @Test func sizesAreNearTheEntropy() throws {
    var random = SeededGenerator(seed: 3)
    let (rows, columns) = (400, 1000)
    let uniform = try pattern(.uniform, rows, columns, using: &random)
    let slots = Double(rows * columns)
    let entropy = slots * 0.469 / 8
    let size = try throughFile(.bitMask(BitMask(uniform))).record.byteCount
    #expect(
      Double(size) < entropy * 1.02 && Double(size) > entropy * 0.97, "\(size), entropy \(entropy)")
    // What the model knows about rows, columns and neighbours: the expected entropy given the shares.
    for (kind, share) in [
      (PatternKind.rowsDiffer, 0.93), (.columnsDiffer, 0.95), (.lagged, 0.9), (.blocks, 0.3),
    ] {
      let pattern = try pattern(kind, rows, columns, using: &random)
      let p = pattern.density
      let flat = -slots * (p * log2(p) + (1 - p) * log2(1 - p)) / 8
      let size = try throughFile(.bitMask(BitMask(pattern))).record.byteCount
      #expect(Double(size) < flat * share, "\(kind): \(size), without structure \(flat)")
    }
  }

  @Test func gapsAreCodedWhereSlotsSaveLittle() throws {
    var random = SeededGenerator(seed: 6)
    for (kind, codec) in [(PatternKind.uniform, SectionCodec.gapClasses), (.lagged, .slots)] {
      let pattern = try pattern(kind, 400, 1000, using: &random)
      let (read, record) = try throughFile(.bitMask(BitMask(pattern)))
      #expect(record.sections[0].codec == codec && read == .bitMask(BitMask(pattern)), "\(kind)")
    }
    // Gaps of every length around one and two symbols, and rows that are empty or end far to the right.
    for gap in [253, 254, 255, 256, 509, 510, 511, 70_000] {
      let pattern = try CSRPattern(
        rows: 5, columns: 140_002, rowOffsets: [0, 2, 2, 3, 3, 4],
        columnIndices: [gap, 2 * gap + 1, 0, 140_001])
      let mask = StoredTensor.bitMask(BitMask(pattern))
      #expect(try throughFile(mask).tensor == mask, "\(gap)")
    }
    // Where a gap would take millions of symbols it is a number.
    let wide = try CSRPattern(
      rows: 2, columns: 4_000_000_000, rowOffsets: [0, 1, 2], columnIndices: [3_999_999_999, 5])
    let matrix = StoredTensor.weights(
      SparseTensor(try CSRMatrix(pattern: wide, values: [1, 2] as [Float])))
    let (read, record) = try throughFile(matrix)
    #expect(record.sections[0].codec == .gaps && read == matrix)
  }

  @Test func signsOfRowsCostNothing() throws {
    var random = SeededGenerator(seed: 4)
    let pattern = try pattern(.uniform, 200, 1000, using: &random)
    func size(_ kind: ValueKind) throws -> Int {
      let matrix = try CSRMatrix(pattern: pattern, values: values(kind, pattern, using: &random))
      return try throughFile(
        .weights(SparseTensor(try QuantizedCSR(quantizing: matrix)))
      ).record.byteCount(of: .values)
    }
    // Uniform magnitudes: 8 bits with the sign, 7 without.
    let (free, byRow) = (try size(.kept), try size(.signsByRow))
    #expect(Double(byRow) < Double(pattern.nnz) * 7.25 / 8, "\(byRow) of \(pattern.nnz)")
    #expect(free > byRow)
  }

  @Test func hugeEmptyMasksAreStored() throws {
    let mask = StoredTensor.bitMask(try BitMask(rows: 3, columns: 5_000_000))
    let (read, record) = try throughFile(mask)
    #expect(read == mask && record.sections[0].codec == .raw)
    let sparse = StoredTensor.bitMask(
      BitMask(
        try CSRPattern(
          rows: 1, columns: 3_000_000, rowOffsets: [0, 2], columnIndices: [5, 2_999_999])))
    #expect(try throughFile(sparse).tensor == sparse)
  }

  /// The coders check themselves behind the checksums: files whose checksums were made right again
  /// after the damage give an error or other values, and never trap.
  @Test func damageBehindTheChecksums() throws {
    var random = SeededGenerator(seed: 5)
    var tried = 0
    for seed in 0..<6 {
      let file = try sampleFile(seed: UInt64(seed), rows: 23, columns: 61)
      let bytes = try file.encoded()
      let reader = try LacunaReader(bytes: bytes)
      let end = reader.records.last!.sections.last!
      let start = reader.records[2].sections[0].offset
      for _ in 0..<1500 {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          damaged[.random(in: start..<end.offset + end.length, using: &random)] = .random(
            in: 0...255, using: &random)
        }
        if damaged == bytes { continue }
        tried += 1
        let read = try? LacunaFile(bytes: withChecksums(damaged, like: reader))
        #expect(read != file, "seed \(seed)")
      }
    }
    // A byte drawn at random may be the one that was there.
    #expect(tried > 6 * 1400)
  }
}

/// `bytes` with the checksums of sections, directory and header made right.
func withChecksums(_ bytes: [UInt8], like reader: LacunaReader) throws -> [UInt8] {
  var result = bytes
  func set(_ value: UInt32, at offset: Int) {
    for byte in 0..<4 {
      result[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte))
    }
  }
  func checksum(_ range: Range<Int>) -> UInt32 {
    result[range].withUnsafeBytes { crc32($0) }
  }
  // Walk the directory: entries are 32 bytes, the checksum at 4, offset and length behind it.
  func fix(entry: Int) {
    func number(_ at: Int) -> Int { (0..<8).reduce(0) { $0 | Int(result[at + $1]) << (8 * $1) } }
    let (offset, length) = (number(entry + 8), number(entry + 16))
    let (end, overflow) = offset.addingReportingOverflow(length)
    if overflow || offset < 0 || length < 0 || end > result.count { return }
    set(checksum(offset..<end), at: entry + 4)
  }
  var at = 64
  fix(entry: at)
  at += 32
  for record in reader.records {
    at += 2 + record.name.utf8.count + 2 + 8 * record.shape.count + 33
    for _ in record.sections {
      fix(entry: at)
      at += 32
    }
  }
  set(checksum(64..<at), at: 36)
  set(checksum(0..<60), at: 60)
  return result
}
