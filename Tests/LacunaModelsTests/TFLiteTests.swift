// TFLite models that TensorFlow's converter wrote: Tests/Golden/tflite; see the make.py there.
import Foundation
import LacunaIO
import LacunaModels
import TestSupport
import Testing

private let names = [
  "dense80", "dense80_block41", "dense80_block161", "dense_2by4", "dense80_block161_dynint8",
]

private func goldenTFLite(_ name: String) throws -> TFLiteModel {
  try TFLiteModel(contentsOf: golden("tflite/\(name).tflite"))
}

/// The number of the only sparse tensor.
private func sparseIndex(_ model: TFLiteModel) throws -> Int {
  try #require(model.tensors.firstIndex { $0.encoding != .dense })
}

/// Everything that reading and writing a model does.
private func exercise(_ bytes: [UInt8], _ storage: TensorStorage = .asBefore) throws {
  let model = try TFLiteModel(bytes: bytes)
  var changes: [Int: TensorChange] = [:]
  for index in model.tensors.indices {
    guard let content = try? model.content(index).array else { continue }
    changes[index] = TensorChange(storage: storage) { content }
  }
  let again = try model.rewritten(changes).main.bytes()
  _ = try TFLiteModel(bytes: again)
}

@Suite struct TFLiteTests {
  /// Bit for bit what TensorFlow's own converter made of the files.
  @Test(arguments: names) func sparseTensorsUnfold(name: String) throws {
    let model = try goldenTFLite(name)
    let index = try sparseIndex(model)
    let expected = try #require(NPZ(contentsOf: golden("tflite/expected.npz"))[name])
    let tensor = model.tensors[index]
    #expect(tensor.shape == [48, 64] && tensor.shape == expected.shape)
    let bytes = try model.content(index).array
    switch expected.values {
    case .f32(let values): #expect(bytes == values.withUnsafeBytes { [UInt8]($0) })
    case .i8(let values): #expect(bytes == values.withUnsafeBytes { [UInt8]($0) })
    default: Issue.record("another type")
    }
  }

  @Test func whatIsKnownOfATensor() throws {
    let model = try goldenTFLite("dense80_block161_dynint8")
    let tensor = model.tensors[try sparseIndex(model)]
    #expect(tensor.type == .i8 && tensor.role == .weight && tensor.operation == "FULLY_CONNECTED")
    #expect(tensor.encoding == .sparse("csr blocks of 16"))
    #expect(tensor.quantization?.scales.count == 48 && tensor.quantization?.axis == 0)
    #expect(tensor.quantization?.isSymmetric == true)
    #expect(tensor.view.size(of: tensor.shape) == (48, 64))
    let plain = try goldenTFLite("dense80")
    #expect(plain.tensors[try sparseIndex(plain)].encoding == .sparse("csr"))
    #expect(plain.tensors.contains { $0.role == .bias })
  }

  @Test(arguments: names) func nothingChangedIsTheSameFile(name: String) throws {
    let bytes = try goldenTFLite(name).rewritten([:]).main.bytes()
    #expect(bytes == (try fileBytes(golden("tflite/\(name).tflite"))))
  }

  /// The same elements in the same encoding: what the file holds is what it held.
  @Test(arguments: names) func sparseTensorsAreEncodedAgain(name: String) throws {
    let model = try goldenTFLite(name)
    let index = try sparseIndex(model)
    let old = try model.content(index).array
    let bytes = try model.rewritten([index: TensorChange { old }]).main.bytes()
    let again = try TFLiteModel(bytes: bytes)
    #expect(again.tensors[index].byteCount <= model.tensors[index].byteCount)
    #expect(again.tensors[index].encoding == model.tensors[index].encoding)
    for other in model.tensors.indices {
      #expect(try again.content(other).array == model.content(other).array)
      #expect(again.tensors[other].name == model.tensors[other].name)
      #expect(again.tensors[other].quantization == model.tensors[other].quantization)
      #expect(again.tensors[other].operation == model.tensors[other].operation)
    }
  }

  @Test(arguments: names) func fewerNonzerosMakeASmallerFile(name: String) throws {
    let model = try goldenTFLite(name)
    let index = try sparseIndex(model)
    var elements = try model.content(index).array
    for place in elements.indices where place >= elements.count / 8 { elements[place] = 0 }
    let bytes = try model.rewritten([index: TensorChange { [elements] in elements }]).main.bytes()
    let again = try TFLiteModel(bytes: bytes)
    #expect(try again.content(index).array == elements)
    #expect(again.tensors[index].byteCount < model.tensors[index].byteCount)
  }

  /// Weights that were dense become sparse, with DENSIFY between them and their operator.
  @Test func denseBecomesSparse() throws {
    let name = "plain"
    let model = try goldenTFLite(name)
    let index = try #require(model.tensors.firstIndex { $0.role == .weight })
    #expect(model.tensors[index].encoding == .dense)
    let elements = try model.content(index).array
    let bytes = try model.rewritten([index: TensorChange(storage: .sparse) { elements }])
      .main.bytes()
    let sparse = try TFLiteModel(bytes: bytes)
    #expect(bytes.count < (try fileBytes(golden("tflite/\(name).tflite"))).count)
    #expect(sparse.tensors.count == model.tensors.count)
    for (other, old) in model.tensors.enumerated() {
      let place = try #require(sparse.tensors.firstIndex { $0.name == old.name })
      let new = sparse.tensors[place]
      #expect(try sparse.content(place).array == model.content(other).array)
      #expect(new.quantization == old.quantization && new.shape == old.shape)
      // DENSIFY is looked through.
      #expect(new.role == old.role && new.operation == old.operation)
      #expect(new.encoding == (other == index ? .sparse("csr") : .dense))
    }
    // The encoding is now the tensor's own.
    let place = try #require(sparse.tensors.firstIndex { $0.encoding != .dense })
    #expect(throws: DataProblem.self) {
      try sparse.rewritten([place: TensorChange(storage: .dense) { elements }])
    }
    let again = try sparse.rewritten([place: TensorChange(storage: .sparse) { elements }])
    #expect(try TFLiteModel(bytes: again.main.bytes()).content(place).array == elements)
  }

  /// LiteRT's default delegate does not prepare an int8 product behind DENSIFY, nor does a bias gain.
  @Test(arguments: [("plain", TensorRole.bias), ("plain_int8", .weight)])
  func whatNoRuntimeReadsSparseStaysDense(name: String, role: TensorRole) throws {
    let model = try goldenTFLite(name)
    let index = try #require(model.tensors.firstIndex { $0.role == role })
    let elements = try model.content(index).array
    #expect(throws: DataProblem.self) {
      try model.rewritten([index: TensorChange(storage: .sparse) { elements }])
    }
  }

  @Test func denseTensorsAreReplacedInPlace() throws {
    let model = try goldenTFLite("dense80")
    let index = try #require(model.tensors.firstIndex { $0.role == .bias })
    let old = try fileBytes(golden("tflite/dense80.tflite"))
    let zeros = [UInt8](repeating: 7, count: try model.content(index).count)
    let new = try model.rewritten([index: TensorChange { zeros }]).main.bytes()
    #expect(new.count == old.count)
    #expect(zip(new, old).count { $0 != $1 } <= zeros.count)
    #expect(try TFLiteModel(bytes: new).content(index).array == zeros)
  }

  /// An absurd vector or offset in a file of a few bytes is refused, as is any shorter file.
  @Test(arguments: ["dense80", "dense80_block161_dynint8"]) func damagedFiles(name: String) throws {
    damage(
      try fileBytes(golden("tflite/\(name).tflite")), flips: [0x01, 0x80], seed: 31, rounds: 3000
    ) { try exercise($0) }
  }

  @Test func damagedFilesThatBecomeSparse() throws {
    let bytes = try fileBytes(golden("tflite/plain.tflite"))
    damage(bytes, flips: [0x01, 0x80], stride: 2, seed: 32, rounds: 1000) {
      let model = try TFLiteModel(bytes: $0)
      for index in model.tensors.indices where model.tensors[index].role == .weight {
        let content = try model.content(index).array
        _ = try model.rewritten([index: TensorChange(storage: .sparse) { content }]).main.bytes()
      }
    }
  }

  @Test func otherFilesAreRefused() {
    #expect(throws: DataProblem.self) { try TFLiteModel(bytes: []) }
    #expect(throws: DataProblem.self) { try TFLiteModel(bytes: [8, 0, 0, 0] + "TFL2".utf8) }
    #expect(throws: DataProblem.self) { try TFLiteModel(bytes: [8, 0, 0, 0] + "TFL3".utf8) }
  }
}

/// Encodings that no golden file has.
@Suite struct TFLiteSparsityTests {
  private typealias Level = TFLiteSparsity.Level

  private func unfold(
    _ sparsity: TFLiteSparsity, _ values: [UInt8], _ shape: [Int]
  ) throws -> [UInt8] {
    try sparsity.unfolded(ByteSlice(values), shape: shape, width: 1, name: "w").array
  }

  @Test func columnsFirst() throws {
    let sparsity = TFLiteSparsity(
      order: [1, 0], blockMap: [],
      levels: [.dense(3), .compressed(segments: [0, 1, 1, 3], indices: [1, 0, 1])])
    #expect(try unfold(sparsity, [1, 2, 3], [2, 3]) == [0, 0, 2, 1, 0, 3])
  }

  @Test func bothDimensionsCompressedAndBlocksOfTwoByTwo() throws {
    let sparsity = TFLiteSparsity(
      order: [0, 1, 2, 3], blockMap: [0, 1],
      levels: [
        .compressed(segments: [0, 1], indices: [1]), .compressed(segments: [0, 1], indices: [0]),
        .dense(2), .dense(2),
      ])
    #expect(
      try unfold(sparsity, [1, 2, 3, 4], [4, 4]) == [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0,
      ])
    // The inside of blocks column by column.
    let turned = TFLiteSparsity(
      order: [0, 1, 3, 2], blockMap: [0, 1], levels: sparsity.levels)
    #expect(
      try unfold(turned, [1, 2, 3, 4], [4, 4]) == [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 2, 4, 0, 0,
      ])
  }

  @Test(arguments: 0..<40) func everyEncodingComesBack(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let rank = Int.random(in: 1...4, using: &random)
    var (shape, maps, blocks): ([Int], [Int], [Int]) = ([], [], [])
    for axis in 0..<rank {
      let block = [1, 2, 4].randomElement(using: &random)!
      shape.append(block * Int.random(in: 1...4, using: &random))
      if block > 1 && Bool.random(using: &random) {
        maps.append(axis)
        blocks.append(block)
      }
    }
    let order = Array(0..<rank + maps.count).shuffled(using: &random)
    let levels = order.map { axis -> Level in
      if axis >= rank { return .dense(blocks[axis - rank]) }
      let size = shape[axis] / (maps.firstIndex(of: axis).map { blocks[$0] } ?? 1)
      return Bool.random(using: &random)
        ? .dense(size) : .compressed(segments: [], indices: [])
    }
    let template = TFLiteSparsity(order: order, blockMap: maps, levels: levels)
    for width in [1, 2, 4] {
      let elements = (0..<shape.reduce(1, *)).flatMap { _ in
        let isZero = Int.random(in: 0..<10, using: &random) < 8
        return (0..<width).map { _ in isZero ? 0 : UInt8.random(in: 0...255, using: &random) }
      }
      let (sparsity, values) = try template.encoding(
        elements, shape: shape, width: width, name: "w")
      let back = try sparsity.unfolded(
        ByteSlice(values), shape: shape, width: width, name: "w")
      #expect(back.array == elements, "\(template), seed \(seed)")
    }
  }

  @Test func contradictionsAreRefused() {
    func refused(
      _ order: [Int], _ map: [Int], _ levels: [TFLiteSparsity.Level],
      _ comment: Comment, values count: Int = 2, shape: [Int] = [2, 4]
    ) {
      #expect(throws: DataProblem.self, comment) {
        try unfold(
          TFLiteSparsity(order: order, blockMap: map, levels: levels),
          [UInt8](repeating: 1, count: count), shape)
      }
    }
    func columns(_ segments: [Int], _ indices: [Int]) -> [TFLiteSparsity.Level] {
      [.dense(2), .compressed(segments: segments, indices: indices)]
    }
    #expect(throws: Never.self) {
      try unfold(
        TFLiteSparsity(order: [0, 1], blockMap: [], levels: columns([0, 1, 2], [3, 0])), [1, 2],
        [2, 4])
    }
    refused([0, 1], [], columns([0, 1, 2], [4, 0]), "a column outside")
    refused([0, 1], [], columns([0, 1, 2], [-1, 0]), "a negative column")
    refused([0, 1], [], columns([0, 2, 2], [1, 1]), "a column twice")
    refused([0, 1], [], columns([0, 2, 2], [2, 1]), "columns that fall")
    refused([0, 1], [], columns([0, 3, 2], [1, 2]), "segments that fall")
    refused([0, 1], [], columns([0, .max, 2], [1, 2]), "a huge segment")
    refused([0, 1], [], columns([0, 1, 1], [1, 2]), "a last segment too small")
    refused([0, 1], [], columns([1, 1, 2], [1, 2]), "a first segment that is not 0")
    refused([0, 1], [], columns([0, 2], [1, 2]), "too few segments")
    refused([0, 1], [], columns([], []), "no segments", values: 0)
    refused([0, 1], [], columns([0, 1, 2], [3, 0]), "too many values", values: 3)
    refused([0, 1], [], columns([0, 1, 2], [3, 0]), "too few values", values: 1)
    refused([0, 0], [], columns([0, 1, 2], [3, 0]), "no permutation")
    refused([0, 2], [], columns([0, 1, 2], [3, 0]), "an axis that is not there")
    refused([0], [], [.dense(2)], "too few levels")
    refused(
      [0, 1], [], [.dense(3), .compressed(segments: [0, 0, 1, 2], indices: [0, 0])], "a size")
    refused([0, 1, 2], [5], columns([0, 1, 2], [0, 0]) + [.dense(1)], "blocks of no axis")
    refused(
      [0, 1, 2], [1], columns([0, 1, 2], [0, 0]) + [.dense(3)], "blocks that do not divide",
      values: 6)
    refused([0, 1, 2], [1], columns([0, 1, 2], [0, 0]) + [.dense(0)], "empty blocks", values: 0)
    refused(
      [0, 1], [], [.dense(1 << 20), .compressed(segments: [0], indices: [])], "a terabyte of zeros",
      values: 0, shape: [1 << 20, 1 << 20])
    refused(
      Array(0..<20), [], (0..<20).map { _ in .dense(1) }, "twenty dimensions", values: 1,
      shape: [Int](repeating: 1, count: 20))
  }
}
