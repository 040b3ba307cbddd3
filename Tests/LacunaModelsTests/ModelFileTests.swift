// One door for every format: what is opened, and that what was not asked for stays as it was.
import Foundation
import LacunaFormats
import LacunaIO
import LacunaModels
import LacunaPruning
import TestSupport
import Testing

extension ModelFile {
  /// The number of the tensor of that name.
  func index(_ name: String) throws -> Int {
    try #require(tensors.firstIndex { $0.name == name }, "\(tensors.map(\.name))")
  }
}

@Suite struct ModelFileTests {
  @Test(arguments: [
    ("onnx/layers.onnx", ModelFormat.onnx), ("onnx/constants.onnx", .onnx),
    ("tflite/dense80.tflite", .tflite), ("io/plain.safetensors", .safetensors),
    ("io/deflated.npz", .npz), ("io/stored.npz", .npz), ("io/little-f4.npy", .npy),
    ("io/csr.npz", .scipy), ("io/bsr.npz", .scipy), ("io/general.mtx", .matrixMarket),
    ("io/pattern.smtx", .smtx),
  ])
  func contentSaysTheFormat(path: String, format: ModelFormat) throws {
    let bytes = try fileBytes(golden(path))
    // No name, no suffix.
    let file = try ModelFile(bytes: bytes)
    #expect(file.format == format && !file.tensors.isEmpty)
    let mapped = try ModelFile(contentsOf: golden(path))
    #expect(mapped.tensors.map(\.shape) == file.tensors.map(\.shape))
  }

  @Test(arguments: [
    "onnx/layers.onnx", "tflite/dense80.tflite", "io/plain.safetensors", "io/deflated.npz",
    "io/stored.npz", "io/little-f4.npy", "io/fortran.npy",
  ])
  func untouchedFilesAreTheSame(path: String) throws {
    let image = try ModelFile(contentsOf: golden(path)).rewritten([:], output: nil)
    #expect(try image.main.bytes() == fileBytes(golden(path)))
  }

  @Test func otherBytesAreRefused() {
    for bytes: [UInt8] in [[], [1], Array("not a model".utf8), [UInt8](repeating: 0, count: 100)] {
      #expect(throws: DataProblem.self) { try ModelFile(bytes: bytes) }
    }
    #expect(throws: FileError.self) { try ModelFile(contentsOf: "/nonexistent/model.onnx") }
  }

  @Test func aPrunedModelIsZeroWhereTheMaskSays() throws {
    try withTemporaryFolder { folder in
      let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
      let pruning = ModelPruning(sparsity: 0.5, exclude: ["conv*"])
      let outcomes = try pruning.prune(file, to: folder + "/out.onnx").outcomes
      #expect(Set(outcomes.map(\.name)) == ["gemm.w", "turned.w", "matmul.w", "up.w"])
      let pruned = try ModelFile(contentsOf: folder + "/out.onnx")
      for (index, tensor) in file.tensors.enumerated() {
        let (old, new) = (try file.numbers(index), try pruned.numbers(index))
        guard let outcome = outcomes.first(where: { $0.name == tensor.name }) else {
          #expect(old == new, "\(tensor.name)")
          continue
        }
        #expect(outcome.kept == (old.count + 1) / 2, "\(tensor.name)")
        let dropped = zip(old, new).filter { $0 != $1 }
        #expect(dropped.allSatisfy { $0.1 == 0 }, "\(tensor.name)")
        let least = zip(old, new).filter { $0 == $1 && $0 != 0 }.map { abs($0.0) }.min() ?? 0
        #expect(dropped.allSatisfy { abs($0.0) <= least }, "\(tensor.name)")
      }
    }
  }

  /// Of each four inputs of an output two are kept, whatever the file's layout: [in, out] for MatMul,
  /// channels of one tap for a convolution.
  @Test func patternsRunAlongTheInputs() throws {
    var random = SeededGenerator(seed: 41)
    let (inputs, outputs) = (8, 3)
    let values = (0..<inputs * outputs).map { _ in Float.random(in: 0.1...1, using: &random) }
    let conv = (0..<2 * 4 * 3 * 3).map { _ in Float.random(in: 0.1...1, using: &random) }
    func tensor(_ name: String, _ shape: [Int], _ values: [Float]) -> [UInt8] {
      var message = ProtoMessage()
      for size in shape { message.varint(1, UInt64(size)) }
      message.varint(2, 1)
      message.bytes(8, Array(name.utf8))
      message.bytes(9, values.withUnsafeBytes { [UInt8]($0) })
      return message.bytes
    }
    func node(_ operation: String, _ inputs: [String], _ output: String) -> [UInt8] {
      var message = ProtoMessage()
      for input in inputs { message.bytes(1, Array(input.utf8)) }
      message.bytes(2, Array(output.utf8))
      message.bytes(4, Array(operation.utf8))
      return message.bytes
    }
    var (graph, model) = (ProtoMessage(), ProtoMessage())
    graph.bytes(1, node("MatMul", ["x", "w"], "y"))
    graph.bytes(1, node("Conv", ["i", "c"], "z"))
    graph.bytes(5, tensor("w", [inputs, outputs], values))
    graph.bytes(5, tensor("c", [2, 4, 3, 3], conv))
    model.varint(1, 8)
    model.bytes(7, graph.bytes)
    let file = try ModelFile(bytes: model.bytes)
    let pruning = ModelPruning(sparsity: 0.5, granularity: .pattern(keep: 2, of: 4))
    let outcomes = try pruning.outcomes(file)
    let pruned = try ModelFile(
      bytes: pruning.image(file, outcomes, output: nil).main.bytes())
    let w = try pruned.numbers(0)
    for output in 0..<outputs {
      for group in stride(from: 0, to: inputs, by: 4) {
        #expect((group..<group + 4).count { w[$0 * outputs + output] != 0 } == 2)
      }
    }
    let c = try pruned.numbers(1)
    for output in 0..<2 {
      for tap in 0..<9 {
        #expect((0..<4).count { c[(output * 4 + $0) * 9 + tap] != 0 } == 2)
      }
    }
  }

  /// A dropped weight of an asymmetric tensor is its zero point, which stands for 0.
  @Test func quantisedWeightsKeepTheirZeroPoint() throws {
    let file = try ModelFile(contentsOf: golden("onnx/quantized.onnx"))
    let pruning = ModelPruning(sparsity: 0.5)
    let outcomes = try pruning.outcomes(file)
    #expect(
      Set(outcomes.map(\.name)) == ["columns.q", "one.q", "conv.q", "integer.q"])
    let pruned = try ModelFile(bytes: pruning.image(file, outcomes, output: nil).main.bytes())
    let index = try file.index("one.q")
    let bytes = try pruned.content(index).array
    #expect(bytes.count { $0 == 128 } >= 6 && !bytes.contains(0))
    #expect(try pruned.numbers(index).count { $0 == 0 } == bytes.count { $0 == 128 })
    #expect(try TensorFacts(pruned, index).zeros == bytes.count { $0 == 128 })
  }

  @Test func budgetsAreShared() throws {
    let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
    for budget in Budget.allCases {
      let outcomes = try ModelPruning(sparsity: 0.6, budget: budget).outcomes(file)
      let (weights, kept) = outcomes.reduce((0, 0)) { ($0.0 + $1.weights, $0.1 + $1.kept) }
      #expect(abs(Double(kept) / Double(weights) - 0.4) < 0.05, "\(budget)")
    }
  }

  @Test func nothingToPruneIsSaid() throws {
    let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
    #expect(throws: ModelPruningError.self) {
      try ModelPruning(sparsity: 0.5, exclude: ["*"]).outcomes(file)
    }
  }

  @Test func sparseTensorsOfTFLiteStaySparse() throws {
    let file = try ModelFile(contentsOf: golden("tflite/dense80_block41.tflite"))
    let pruning = ModelPruning(
      sparsity: 0.9, granularity: .block(try BlockSize(1, 4)))
    let outcomes = try pruning.outcomes(file)
    let pruned = try ModelFile(bytes: pruning.image(file, outcomes, output: nil).main.bytes())
    let index = try #require(file.tensors.firstIndex { $0.encoding != .dense })
    #expect(pruned.tensors[index].encoding == file.tensors[index].encoding)
    #expect(pruned.tensors[index].byteCount < file.tensors[index].byteCount)
    #expect(try TensorFacts(pruned, index).zeros >= 48 * 64 * 9 / 10 - 3)
  }

  @Test(arguments: [ModelFormat.safetensors, .npz, .lacuna])
  func conversionsKeepNumbersAndNames(format: ModelFormat) throws {
    let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
    let converted = try ModelFile(bytes: file.converted(to: format).bytes())
    #expect(converted.format == format)
    #expect(Set(converted.tensors.map(\.name)) == Set(file.tensors.map(\.name)))
    for (index, tensor) in file.tensors.enumerated() {
      let other = try converted.index(tensor.name)
      #expect(converted.tensors[other].shape == tensor.shape)
      #expect(try converted.numbers(other) == file.numbers(index), "\(tensor.name)")
    }
    #expect(try ModelDifference(file, converted).isEmpty)
  }

  @Test func oneMatrixGoesIntoItsOwnFile() throws {
    let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
    for format in [ModelFormat.scipy, .matrixMarket] {
      let matrix = try ModelFile(
        bytes: file.converted(to: format, name: "matmul.w").bytes())
      #expect(matrix.format == format && matrix.tensors[0].shape == [2, 5])
      // As the matrix [out, in], the transpose of MatMul's own.
      let old = try file.numbers(file.index("matmul.w"))
      #expect(
        try matrix.numbers(0) == (0..<10).map { old[$0 % 5 * 2 + $0 / 5] })
    }
    #expect(throws: FileError.self) { try file.converted(to: .matrixMarket) }
    #expect(throws: FileError.self) { try file.converted(to: .npy, name: "absent") }
    #expect(throws: FileError.self) { try file.converted(to: .onnx) }
  }

  @Test(arguments: [
    ("io/text.npy", ModelFormat.safetensors), ("io/carried.safetensors", .npz),
    ("io/mixed.npz", .safetensors),
  ])
  func typesOfOneFormatAreRefusedInAnother(path: String, format: ModelFormat) throws {
    let file = try ModelFile(contentsOf: golden(path))
    let error = #expect(throws: FileError.self) { try file.converted(to: format).bytes() }
    #expect("\(error!)".hasPrefix(golden(path)), "\(error!)")
  }

  @Test(arguments: ["f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"])
  func numbersAreThoseOfTheFileInAnyByteOrder(type: String) throws {
    let little = try ModelFile(contentsOf: golden("io/little-\(type).npy"))
    let big = try ModelFile(contentsOf: golden("io/big-\(type).npy"))
    #expect(try big.content(0).array == little.content(0).array)
    // New elements are turned back.
    let same = try big.content(0).array
    let again = try big.rewritten([0: TensorChange { same }], output: nil).main.bytes()
    #expect(try again == fileBytes(golden("io/big-\(type).npy")))
  }

  @Test(arguments: ["io/deflated.npz", "io/stored.npz"])
  func archivesAreWrittenMemberByMember(path: String) throws {
    let (file, arrays) = try (
      ModelFile(contentsOf: golden(path)), ArrayFile(contentsOf: golden(path))
    )
    let index = try #require(file.tensors.firstIndex { $0.type == .f32 })
    let zeros = [UInt8](repeating: 0, count: file.tensors[index].byteCount)
    let image = try file.rewritten([index: TensorChange { zeros }], output: nil)
    #expect(try image.main.bytes() == arrays.encoded(replacing: [index: zeros]))
  }

  @Test func tensorsOfAContainerThatStayAreCopied() throws {
    let container = LacunaFile(
      metadata: ["a": "b"],
      tensors: try ["w", "v"].map { name in
        NamedTensor(
          name: name,
          tensor: .weights(
            SparseTensor(
              CSRMatrix(
                dense: try DenseMatrix(
                  rows: 4, columns: 8, values: (0..<32).map { $0 % 3 == 0 ? Float($0) : 0 })))))
      })
    let bytes = try container.encoded()
    let file = try ModelFile(bytes: bytes)
    #expect(try file.rewritten([:], output: nil).main.bytes() == bytes)
    let ones = TensorChange { [Float](repeating: 1, count: 32).withUnsafeBytes { [UInt8]($0) } }
    let changed = try ModelFile(
      bytes: file.rewritten([try file.index("w"): ones], output: nil).main.bytes())
    #expect(try changed.numbers(changed.index("w")).allSatisfy { $0 == 1 })
    #expect(try changed.numbers(changed.index("v")) == file.numbers(file.index("v")))
    // A change of a byte in what is copied is found: the file says which tensor is damaged.
    var damaged = bytes
    damaged[damaged.count - 1] ^= 1
    let broken = try ModelFile(bytes: damaged)
    let error = #expect(throws: FileError.self) { try broken.rewritten([:], output: nil) }
    #expect("\(error!)".contains("of v"), "\(error!)")
  }

  @Test func shardsAreOneModel() throws {
    try withTemporaryFolder { folder in
      func shard(_ name: String, _ value: Float) throws -> [UInt8] {
        try Safetensors(arrays: [
          NamedArray(
            name: TensorName(name),
            array: try NumericArray(
              shape: [4, 8], values: .f32((0..<32).map { value + Float($0) })))
        ]).encoded()
      }
      try AtomicFile.write(shard("a.weight", 1), to: folder + "/model-1.safetensors")
      try AtomicFile.write(shard("b.weight", 2), to: folder + "/model-2.safetensors")
      let index =
        #"{"metadata": {"total_size": 256}, "weight_map": {"a.weight": "model-1.safetensors", "#
        + #""b.weight": "model-2.safetensors"}}"#
      let path = folder + "/model.safetensors.index.json"
      try AtomicFile.write(Array(index.utf8), to: path)
      let file = try ModelFile(contentsOf: path)
      #expect(file.format == .safetensorsIndex)
      #expect(file.tensors.map(\.name) == ["a.weight", "b.weight"])
      let out = folder + "/out"
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
      try ModelPruning(sparsity: 0.75).prune(file, to: out + "/index.json")
      let pruned = try ModelFile(contentsOf: out + "/index.json")
      for tensor in 0..<2 { #expect(try pruned.numbers(tensor).count { $0 == 0 } == 24) }
      #expect(try fileBytes(out + "/index.json") == Array(index.utf8))
      for wrong in ["../model-1.safetensors", "absent.safetensors", "", "/etc/passwd"] {
        try AtomicFile.write(
          Array(index.replacing("model-1.safetensors", with: wrong).utf8), to: path)
        #expect(throws: FileError.self, "\(wrong)") { try ModelFile(contentsOf: path) }
      }
      try AtomicFile.write(
        Array(index.replacing("\"a.weight\"", with: "\"c.weight\"").utf8), to: path)
      #expect(throws: FileError.self) { try ModelFile(contentsOf: path) }
    }
  }

  @Test func differencesAreFound() throws {
    let file = try ModelFile(contentsOf: golden("onnx/layers.onnx"))
    let pruning = ModelPruning(sparsity: 0.5, include: ["gemm.w"])
    let pruned = try ModelFile(
      bytes: pruning.image(file, try pruning.outcomes(file), output: nil).main.bytes())
    let difference = try ModelDifference(file, pruned)
    #expect(!difference.isEmpty)
    #expect(difference.tensors.filter { !$0.isEqual }.map(\.name) == ["gemm.w"])
    #expect(try ModelDifference(file, file).isEmpty)
  }
}

@Suite struct TensorFactsTests {
  @Test func aRealMatrixInBlocks() throws {
    let file = try ModelFile(contentsOf: golden("wavernn_gru_95_4x4.npz"))
    let facts = try TensorFacts(file, 0)
    #expect(facts.elements == 3072 * 1024 && facts.elements - facts.zeros == 155_552)
    #expect(facts.block == "4×4" && facts.blockShare == 1)
  }

  @Test(arguments: [(1, 1), (1, 4), (2, 1), (4, 2), (8, 8), (1, 32)])
  func blocksOfAnySizeAreFound(rows: Int, columns: Int) throws {
    var random = SeededGenerator(seed: UInt64(rows * 100 + columns))
    // Ragged at both edges.
    let (height, width) = (rows * 23 + rows / 2, columns * 19 + columns / 2)
    var values = [Float](repeating: 0, count: height * width)
    for top in stride(from: 0, to: height, by: rows) {
      for left in stride(from: 0, to: width, by: columns)
      where Int.random(in: 0..<6, using: &random) == 0 {
        for i in top..<min(top + rows, height) {
          for j in left..<min(left + columns, width) { values[i * width + j] = 1 }
        }
      }
    }
    let array = try NumericArray(shape: [height, width], values: .f32(values))
    let facts = try TensorFacts(try ModelFile(bytes: NPY.encoded(array)), 0)
    #expect(facts.block == "\(rows)×\(columns)" && facts.blockShare == 1)
    #expect(facts.zeros == values.count { $0 == 0 })
  }

  @Test func twoOfFourIsFound() throws {
    let file = try ModelFile(contentsOf: golden("tflite/dense_2by4.tflite"))
    let index = try #require(file.tensors.firstIndex { $0.encoding != .dense })
    #expect(try TensorFacts(file, index).pattern == "2:4")
  }

  @Test func withoutZerosThereIsNoBlock() throws {
    let array = try NumericArray(shape: [3, 5], values: .f32([Float](repeating: 2, count: 15)))
    let facts = try TensorFacts(try ModelFile(bytes: NPY.encoded(array)), 0)
    #expect(facts.zeros == 0 && facts.block == nil && facts.sizes == ["dense": 60])
  }
}
