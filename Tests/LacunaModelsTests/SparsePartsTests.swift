// Weights in several arrays of a safetensors file, and what compression leaves of the numbers.
import LacunaFormats
import LacunaIO
import LacunaModels
import TestSupport
import Testing

@Suite struct SparsePartsTests {
  private func weights(_ rows: Int, _ columns: Int, every step: Int) -> [Float] {
    (0..<rows * columns).map { $0 % step == 0 ? Float($0 % 97) - 48.5 : 0 }
  }

  private func file(_ arrays: [(String, [Int], NumericValues)]) throws -> ModelFile {
    try ModelFile(
      bytes: Safetensors(
        metadata: ["note": "kept"],
        arrays: arrays.map {
          NamedArray(name: TensorName($0.0), array: try NumericArray(shape: $0.1, values: $0.2))
        }
      ).encoded())
  }

  @Test(arguments: SparsePartsForm.allCases)
  func thereAndBack(form: SparsePartsForm) throws {
    // Two of each four columns; with 64-bit indices beside each value only fewer make it smaller.
    let kept = form == .torchCSR ? 1...1 : 1...2
    let w = (0..<24 * 20).map { kept.contains($0 % 4) ? Float($0 + 1) : 0 }
    let dense = try file([
      ("layer.weight", [24, 20], .f32(w)),
      ("layer.bias", [24], .f32([Float](repeating: 1, count: 24))),
    ])
    let parts = try ModelFile(bytes: dense.converted(to: .safetensors, parts: form).bytes())
    #expect(parts.tensors.map(\.name) == ["layer.weight", "layer.bias"])
    #expect(parts.tensors[0].encoding != .dense && parts.tensors[0].shape == [24, 20])
    #expect(parts.tensors[0].byteCount < 24 * 20 * 4)
    #expect(try parts.numbers(0) == w && parts.weights(0).nnz == 120 * kept.count)
    #expect(parts.metadata == ["note": "kept"])
    #expect(try ModelDifference(dense, parts).isEmpty)
    let back = try ModelFile(bytes: parts.converted(to: .safetensors).bytes())
    #expect(back.tensors.map(\.encoding) == [.dense, .dense])
    #expect(try back.numbers(0) == w)
  }

  @Test func prunedPartsStayParts() throws {
    let w = weights(16, 32, every: 2)
    let dense = try file([("w", [16, 32], .f32(w)), ("n", [2], .i64([3, 4]))])
    let parts = try ModelFile(
      bytes: dense.converted(to: .safetensors, parts: .sparseBitmask).bytes())
    let pruning = ModelPruning(sparsity: 0.75)
    let outcomes = try pruning.outcomes(parts)
    let pruned = try ModelFile(bytes: pruning.image(parts, outcomes, output: nil).main.bytes())
    #expect(pruned.tensors.map(\.encoding) == parts.tensors.map(\.encoding))
    #expect(try pruned.weights(0).nnz == 128)
    #expect(pruned.tensors[0].byteCount < parts.tensors[0].byteCount)
    #expect(try pruned.content(1).array == parts.content(1).array)
  }

  @Test func blocksOfTorchAreBlocks() throws {
    let values = (1...24).map { Float($0) }
    let bsr = try file([
      ("w.crow_indices", [3], .i64([0, 1, 2])), ("w.col_indices", [2], .i64([1, 0])),
      ("w.values", [2, 3, 4], .f32(values)),
    ])
    #expect(bsr.tensors.map(\.shape) == [[6, 8]] && bsr.tensors[0].encoding == .sparse("bsr 3×4"))
    let numbers = try bsr.numbers(0)
    #expect(Array(numbers[4..<8]) == [1, 2, 3, 4] && Array(numbers[24..<28]) == [13, 14, 15, 16])
    #expect(numbers.count { $0 != 0 } == 24)
    #expect(try bsr.weights(0).dense().values == numbers)
  }

  /// What disagrees is refused, or left as the arrays that it is.
  @Test func partsThatDisagree() throws {
    func bitmask(
      offsets: [Int64] = [0, 2], mask: [UInt8] = [0b101, 0b11], values: [Float] = [1, 2, 3, 4],
      shape: [Int64] = [2, 3]
    ) throws -> ModelFile {
      try file([
        ("w.shape", [shape.count], .i64(shape)), ("w.compressed", [values.count], .f32(values)),
        ("w.bitmask", [2, 1], .u8(mask)), ("w.row_offsets", [offsets.count], .i64(offsets)),
      ])
    }
    #expect(try bitmask().numbers(0) == [1, 0, 2, 3, 4, 0])
    for wrong in [
      try bitmask(offsets: [0, 1]), try bitmask(offsets: [0]), try bitmask(values: [1, 2, 3]),
      try bitmask(mask: [0b101, 0b1011]),
    ] {
      #expect(wrong.tensors.map(\.name) == ["w"])
      #expect(throws: FileError.self) { try wrong.numbers(0) }
    }
    for apart in [
      try bitmask(shape: [3, 3]), try bitmask(shape: [2, 3, 1]), try bitmask(shape: [-2, 3]),
    ] {
      #expect(apart.tensors.count == 4)
    }
    func csr(_ crow: [Int64], _ columns: [Int64], _ values: [Float]) throws -> ModelFile {
      try file([
        ("w.crow_indices", [crow.count], .i64(crow)),
        ("w.col_indices", [columns.count], .i64(columns)),
        ("w.values", [values.count], .f32(values)), ("w.shape", [2], .i64([2, 3])),
      ])
    }
    #expect(try csr([0, 1, 2], [2, 0], [5, 6]).numbers(0) == [0, 0, 5, 6, 0, 0])
    for wrong in [
      try csr([0, 1, 3], [2, 0], [5, 6]), try csr([0, 2, 2], [2, 0], [5, 6]),
      try csr([0, 1, 2], [3, 0], [5, 6]), try csr([0, 1, 2], [-1, 0], [5, 6]),
      try csr([0, 1, 2], [2, 0], [5, 6, 7]),
    ] {
      #expect(throws: FileError.self) { try wrong.numbers(0) }
    }
  }
}

@Suite struct CompressionTests {
  @Test(arguments: [(CompressedValues.bits8, Float(127)), (.bits4, 7)])
  func valuesAreWithinHalfAStep(values: CompressedValues, levels: Float) throws {
    var random = SeededGenerator(seed: 5)
    let w = (0..<64 * 300).map { _ in
      Int.random(in: 0..<10, using: &random) == 0 ? Float.random(in: -1...1, using: &random) : 0
    }
    let array = try NumericArray(shape: [64, 300], values: .f32(w))
    let file = try ModelFile(bytes: NPY.encoded(array))
    let compressed = try file.compressed { _ in values }
    let again = try ModelFile(bytes: compressed.encoded()).numbers(0)
    for row in 0..<64 {
      let range = row * 300..<(row + 1) * 300
      let half = w[range].reduce(0) { max($0, abs($1)) } / levels / 2 * 1.0001
      #expect(range.allSatisfy { abs(w[$0] - again[$0]) <= half })
    }
    #expect(zip(w, again).allSatisfy { $0 != 0 || $1 == 0 })
  }

  /// What is stored takes no more than its entropy and 3 %, from some ten thousand values on.
  @Test(arguments: [CompressedValues.bits8, .bits4], [0.05, 0.1, 0.3])
  func bytesAreNearTheEntropy(values: CompressedValues, density: Double) throws {
    var random = SeededGenerator(seed: 6)
    let w = (0..<1024 * 1024).map { _ in
      Double.random(in: 0..<1, using: &random) < density
        ? (0..<6).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &random) } : 0
    }
    let array = try NumericArray(shape: [1024, 1024], values: .f32(w))
    let compressed = try ModelFile(bytes: NPY.encoded(array)).compressed { _ in values }
    let (bytes, entropy) = (
      try compressed.encoded().count, StoredEntropy(compressed.tensors).total
    )
    #expect(Double(bytes) <= entropy * 1.03, "\(bytes) bytes, entropy \(entropy)")
    #expect(Double(bytes) >= entropy * 0.9, "\(bytes) bytes, entropy \(entropy)")
  }
}
