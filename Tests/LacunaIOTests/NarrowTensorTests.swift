// Tensors of 16 bits: every bit comes back, in little more than 16 bits each; what is no such number is refused.

import LacunaFormats
import LacunaIO
import TestSupport
import Testing

@Suite struct NarrowTensorTests {
  private func encoded(_ tensor: SparseTensor) throws -> [UInt8] {
    try LacunaFile(tensors: [NamedTensor(name: "w", tensor: .weights(tensor))]).encoded()
  }

  /// In bf16, and in half precision.
  private func rounded(_ tensor: SparseTensor) -> [SparseTensor] {
    [tensor.converted(to: BFloat16.self), tensor.converted(to: Float16.self)]
  }

  @Test("every pattern of bits comes back, NaN payloads and subnormals too")
  func everyPattern() throws {
    let pattern = try CSRPattern(
      rows: 256, columns: 256, rowOffsets: (0...256).map { $0 * 256 },
      columnIndices: (0..<65536).map { $0 % 256 })
    let bf16 = try CSRMatrix(
      pattern: pattern, values: (0...UInt16.max).map { BFloat16(bitPattern: $0) })
    let f16 = try CSRMatrix(
      pattern: pattern, values: (0...UInt16.max).map { Float16(bitPattern: $0) })
    for matrix in [SparseTensor(bf16), SparseTensor(f16)] {
      let file = try LacunaFile(bytes: encoded(matrix))
      switch file["w"]?.weights?.storage {
      case .bf16(.csr(let read)): #expect(read.values.map(\.bitPattern) == Array(0...UInt16.max))
      case .f16(.csr(let read)): #expect(read.values.map(\.bitPattern) == Array(0...UInt16.max))
      case let other: Issue.record("\(String(describing: other))")
      }
    }
  }

  @Test("blocks and single weights of both types, with the widened matrix beside them")
  func forms() throws {
    var random = SeededGenerator(seed: 31)
    let pattern = try randomPattern(40, 90, density: 0.1, using: &random)
    let floats = try CSRMatrix(pattern: pattern, values: randomValues(pattern.nnz, using: &random))
    let blocks = BSRMatrix(floats, block: try BlockSize(4, 4))
    for (single, blocked) in zip(rounded(SparseTensor(floats)), rounded(SparseTensor(blocks))) {
      #expect(single.matrix(of: Float.self).csr == blocked.matrix(of: Float.self).csr)
      for (tensor, kinds) in [
        (single, [TensorKind.bf16Sparse, .f16Sparse]),
        (blocked, [.bf16BlockSparse, .f16BlockSparse]),
      ] {
        let bytes = try encoded(tensor)
        #expect(bytes[8] == 3)
        let reader = try LacunaReader(bytes: bytes)
        #expect(kinds.contains(reader.records[0].kind))
        #expect(try reader.tensor(named: "w") == .weights(tensor), "\(tensor)")
        try withTemporaryFolder { folder in
          let path = "\(folder)/w.lacuna"
          try AtomicFile.write(bytes, to: path)
          let loaded: LoadedMatrix<Double> = try MatrixFile.read(contentsOf: path)
          #expect(try loaded.dense() == tensor.matrix(of: Double.self).dense())
        }
      }
    }
  }

  @Test("16 bits and a few bytes for each weight at most, fewer where exponents repeat")
  func size() throws {
    var random = SeededGenerator(seed: 32)
    let pattern = try randomPattern(200, 500, density: 0.1, using: &random)
    let values = (0..<pattern.nnz).map { _ in Float.random(in: -1...1, using: &random) }
    let floats = try CSRMatrix(pattern: pattern, values: values)
    for tensor in rounded(SparseTensor(floats)) {
      let reader = try LacunaReader(bytes: encoded(tensor))
      #expect(reader.records[0].byteCount(of: .values) < 2 * pattern.nnz)
    }
  }

  @Test("a coded value that no number of 16 bits widens to is named")
  func foreignValues() throws {
    let floats = try CSRMatrix(
      pattern: CSRPattern(
        rows: 60, columns: 70, rowOffsets: (0...60).map { $0 * 70 },
        columnIndices: (0..<4200).map { $0 % 70 }),
      values: (0..<4200).map { Float($0 % 7) / 8 + 1.0000001 })
    let file = LacunaFile(tensors: [
      NamedTensor(name: "w", tensor: .weights(SparseTensor(floats)))
    ])
    var bytes = try file.encoded()
    let reader = try LacunaReader(bytes: bytes)
    #expect(reader.records[0].sections[1].codec == .floatHeads)
    let map = DirectoryMap(reader)
    // The kind follows the name, and the version has to have it.
    bytes[map.names[0] + 1] = TensorKind.bf16Sparse.rawValue
    bytes[8] = 3
    guard case .unsupported(let what, let found) = problem(try withChecksums(bytes, like: reader))
    else { throw Missing() }
    #expect(what == "value 0 of w" && found.hasSuffix("which is not one of bf16"))
  }
}
