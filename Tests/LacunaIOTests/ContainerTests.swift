// .lacuna files: what is written is read back, and every damaged byte is an error.
import LacunaFormats
import LacunaIO
import TestSupport
import Testing

/// A random pattern: each entry is kept with the probability `density`.
func randomPattern(
  _ rows: Int, _ columns: Int, density: Double, using random: inout SeededGenerator
) throws -> CSRPattern {
  var (offsets, indices): ([Int], [Int]) = ([0], [])
  for _ in 0..<rows {
    for column in 0..<columns where Double.random(in: 0..<1, using: &random) < density {
      indices.append(column)
    }
    offsets.append(indices.count)
  }
  return try CSRPattern(
    rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
}

func randomValues(_ count: Int, using random: inout SeededGenerator) -> [Float] {
  (0..<count).map { _ in .random(in: -1...1, using: &random) }
}

/// One tensor of each kind.
func sampleFile(seed: UInt64, rows: Int = 5, columns: Int = 9) throws -> LacunaFile {
  var random = SeededGenerator(seed: seed)
  let pattern = try randomPattern(rows, columns, density: 0.3, using: &random)
  let matrix = try CSRMatrix(pattern: pattern, values: randomValues(pattern.nnz, using: &random))
  let block = try BlockSize(2, 4)
  let grid = block.grid(rows: rows, columns: columns)
  let blocks = try randomPattern(grid.rows, grid.columns, density: 0.5, using: &random)
  let blocked = try BSRMatrix(
    rows: rows, columns: columns, block: block, blockPattern: blocks,
    values: randomValues(blocks.nnz * block.area, using: &random))
  var mask = try BitMask(rows: rows, columns: columns)
  for row in 0..<rows {
    for column in 0..<columns { mask[row, column] = Bool.random(using: &random) }
  }
  func weights(_ name: String, _ tensor: SparseTensor) -> NamedTensor {
    NamedTensor(name: name, tensor: .weights(tensor))
  }
  return LacunaFile(
    metadata: ["architecture": "{\"layers\": []}", "note": "ünïcödé"],
    tensors: [
      NamedTensor(name: "bytes", tensor: .bytes([1, 2, 3])),
      NamedTensor(
        name: "dense",
        tensor: try .dense(shape: [3, 2], values: [0, -0.0, 1, 2, .nan, 4])),
      weights("sparse", SparseTensor(matrix)),
      weights("quantised", SparseTensor(try QuantizedCSR(quantizing: matrix))),
      weights("blocks", SparseTensor(blocked)),
      weights("quantised blocks", SparseTensor(try QuantizedBSR(quantizing: blocked))),
      weights("bf16", SparseTensor(matrix).converted(to: BFloat16.self)),
      weights("half blocks", SparseTensor(blocked).converted(to: Float16.self)),
      NamedTensor(name: "mask", tensor: .bitMask(mask)),
      weights(
        "codebook",
        SparseTensor(
          try CodebookCSR(
            pattern: pattern, codes: (0..<pattern.nnz).map { UInt8($0 * $0 % 11) },
            codebook: (0..<11).map { Float($0) / 8 - 0.7 }))),
    ])
}

/// The error of reading `bytes` as a `.lacuna` file.
func problem(_ bytes: [UInt8]) -> DataProblem? {
  do throws(FileError) { _ = try LacunaFile(bytes: bytes) } catch {
    guard case .malformed(_, let problem) = error else { return nil }
    return problem
  }
  return nil
}

@Suite struct ContainerTests {
  @Test(arguments: [UInt64](1...20)) func roundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let (rows, columns) = (
      Int.random(in: 0...40, using: &random), Int.random(in: 0...300, using: &random)
    )
    let file = try sampleFile(seed: seed, rows: rows, columns: columns)
    let bytes = try file.encoded()
    let read = try LacunaFile(bytes: bytes)
    #expect(read.metadata == file.metadata)
    #expect(read.tensors.map(\.name) == file.tensors.map(\.name))
    for (a, b) in zip(read.tensors, file.tensors) where a.name != "dense" {
      #expect(a == b, "\(a.name), \(rows)×\(columns), seed \(seed)")
    }
    // Bit patterns: one of the dense values is NaN.
    let values = try #require(read["dense"]?.denseValues)
    #expect(read["dense"]?.shape == [3, 2])
    #expect(
      values.map(\.bitPattern) == [0, -0.0, 1, 2, .nan, 4].map { (v: Float) in v.bitPattern })
    #expect(try file.encoded() == bytes, "the same content gives the same bytes")
  }

  @Test func `Names are the same when their bytes are: two spellings of one letter are two names`()
    throws
  {
    let names = ["caf\u{e9}", "cafe\u{301}"]
    let file = LacunaFile(
      tensors: try names.enumerated().map { number, name in
        NamedTensor(name: name, tensor: try .dense(shape: [1], values: [Float(number)]))
      })
    let reader = try LacunaReader(bytes: try file.encoded())
    for (number, name) in names.enumerated() {
      #expect(try reader.tensor(named: name) == .dense(shape: [1], values: [Float(number)]))
      #expect(try file[name] == .dense(shape: [1], values: [Float(number)]))
    }
    let twice = LacunaFile(tensors: [file.tensors[1], file.tensors[1]])
    #expect(throws: DataProblem.self) { try twice.encoded() }
  }

  @Test func emptyFile() throws {
    #expect(try LacunaFile(bytes: LacunaFile().encoded()) == LacunaFile())
  }

  @Test(arguments: [false, true]) func readsOneTensorFromDisk(mapped: Bool) throws {
    try withTemporaryFolder { folder in
      let file = try sampleFile(seed: 1)
      try file.write(to: folder + "/a.lacuna")
      let reader = try LacunaReader(contentsOf: folder + "/a.lacuna", mapped: mapped)
      #expect(reader.metadata == file.metadata)
      #expect(try reader.tensor(named: "sparse") == file["sparse"])
      let sum = try reader.withDenseValues(named: "dense") { values in
        #expect(Int(bitPattern: values.baseAddress) % 64 == 0)
        return values[2] + values[3]
      }
      #expect(sum == 3)
      #expect(throws: FileError.malformed(path: folder + "/a.lacuna", .absent(what: "tensor x"))) {
        try reader.tensor(named: "x")
      }
    }
  }

  @Test func recordsDescribeTensors() throws {
    let reader = try LacunaReader(bytes: sampleFile(seed: 3).encoded())
    let record = try #require(reader["blocks"])
    #expect(record.block == (try BlockSize(2, 4)))
    #expect(record.rows == 5 && record.columns == 9)
    #expect(record.byteCount == record.byteCount(of: .positions) + record.byteCount(of: .values))
    #expect(reader.records.reduce(0) { $0 + $1.byteCount } < reader.byteCount)
  }

  @Test(arguments: [UInt8(0x01), 0x80, 0xFF]) func everyFlipIsAnError(flip: UInt8) throws {
    let bytes = try sampleFile(seed: 7).encoded()
    for position in bytes.indices {
      var flipped = bytes
      flipped[position] ^= flip
      #expect(problem(flipped) != nil, "byte \(position) of \(bytes.count) ^ \(flip)")
    }
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = try sampleFile(seed: 8).encoded()
    for length in 0..<bytes.count {
      #expect(problem(Array(bytes[..<length])) != nil, "truncated to \(length)")
    }
    #expect(problem(bytes + [0]) == .trailingBytes(count: 1))
  }

  @Test func namesAreChecked() throws {
    let tensor = StoredTensor.bytes([1])
    func problem(_ names: [String]) -> DataProblem? {
      let file = LacunaFile(tensors: names.map { NamedTensor(name: $0, tensor: tensor) })
      do throws(DataProblem) { _ = try file.encoded() } catch { return error }
      return nil
    }
    #expect(problem(["a", "b", "a"]) == .duplicateName("a"))
    #expect(problem([""]) == .absent(what: "a tensor's name"))
    #expect(
      problem([String(repeating: "x", count: 65536)])
        == .outOfRange(
          what: "length of a tensor's name", value: 65536, lowest: 1, highest: 65535))
  }

  @Test func `what no file holds is refused when it is written, by its type`() throws {
    let matrix = try DenseMatrix<Float>(rows: 2, columns: 2, values: [1, 0, 0, 2])
    for (tensor, name) in [
      (SparseTensor(matrix).converted(to: BFloat16.self), "dense bf16 weights"),
      (SparseTensor(matrix).converted(to: Float16.self), "dense f16 weights"),
      (SparseTensor(CSRMatrix(dense: matrix)).converted(to: Double.self), "f64 weights"),
    ] {
      let stored = StoredTensor.weights(tensor)
      #expect(stored.kind == nil && stored.kindName == tensor.type.rawValue)
      #expect(throws: DataProblem.unsupported(what: name, found: "in a .lacuna file")) {
        try LacunaFile(tensors: [NamedTensor(name: "w", tensor: stored)]).encoded()
      }
    }
  }

  @Test func failedSaveKeepsThePreviousFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.lacuna"
      let file = try sampleFile(seed: 1)
      try file.write(to: path)
      var wrong = file
      wrong.tensors.append(file.tensors[0])
      #expect(throws: FileError.malformed(path: path, .duplicateName("bytes"))) {
        try wrong.write(to: path)
      }
      let kept = try LacunaReader(contentsOf: path)
      #expect(kept.records.count == file.tensors.count)
    }
  }
}
