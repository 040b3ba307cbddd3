// A rewritten ONNX model: the changed tensors are new, everything else is as it was, byte for byte.
import LacunaIO
import LacunaModels
import TestSupport
import Testing

private let names = [
  "layers", "types", "sparse", "constants", "recurrent", "quantized",
]

@Suite struct ONNXWritingTests {
  @Test(arguments: names) func nothingChangedIsTheSameFile(name: String) throws {
    let model = try goldenONNX(name)
    let image = try model.rewritten([:], dataName: nil)
    #expect(try image.main.bytes() == fileBytes(golden("onnx/\(name).onnx")))
  }

  /// Each tensor in turn is replaced by its own elements reversed.
  @Test(arguments: names) func oneTensorChanged(name: String) throws {
    let model = try goldenONNX(name)
    for (index, tensor) in model.tensors.enumerated() {
      let old = try model.content(index).array
      let width = try #require(tensor.type.bits) / 8
      let new = stride(from: old.count - width, through: 0, by: -width).flatMap {
        old[$0..<$0 + width]
      }
      let bytes = try model.rewritten([index: TensorChange { new }], dataName: nil).main.bytes()
      let changed = try ONNXModel(bytes: bytes)
      #expect(changed.tensors.map(\.name) == model.tensors.map(\.name))
      for other in model.tensors.indices {
        #expect(
          try changed.content(other).array == (other == index ? new : model.content(other).array),
          "\(tensor.name), then \(model.tensors[other].name)")
        #expect(changed.tensors[other].encoding == model.tensors[other].encoding)
        #expect(changed.tensors[other].operation == model.tensors[other].operation)
      }
      // Put back, and read again: a second rewriting of the same elements changes nothing.
      let again = try changed.rewritten([index: TensorChange { new }], dataName: nil)
      #expect(try again.main.bytes() == bytes, "\(tensor.name)")
    }
  }

  @Test func denseBecomesSparseAndDenseAgain() throws {
    let model = try goldenONNX("layers")
    let index = try #require(model.tensors.firstIndex { $0.name == "gemm.w" })
    let values = goldenNumbers(24).map { Float($0 > 2 ? $0 : 0) }
    let elements = values.withUnsafeBytes { [UInt8]($0) }
    let sparse = try ONNXModel(
      bytes: model.rewritten([index: TensorChange(storage: .sparse) { elements }], dataName: nil)
        .main.bytes())
    #expect(sparse.tensors[index].encoding == .sparse("linear"))
    #expect(try sparse.numbers("gemm.w") == values.map { Double($0) })
    #expect(sparse.tensors[index].view == model.tensors[index].view)
    #expect(sparse.tensors[index].byteCount == values.count { $0 != 0 } * 12)
    let dense = try ONNXModel(
      bytes: sparse.rewritten([index: TensorChange(storage: .dense) { elements }], dataName: nil)
        .main.bytes())
    #expect(dense.tensors[index].encoding == .dense)
    #expect(try dense.numbers("gemm.w") == values.map { Double($0) })
  }

  @Test func constantsDoNotBecomeSparse() throws {
    let model = try goldenONNX("constants")
    let index = try #require(model.tensors.firstIndex { $0.name == "k" })
    let elements = try model.content(index).array
    #expect(throws: DataProblem.self) {
      try model.rewritten([index: TensorChange(storage: .sparse) { elements }], dataName: nil)
    }
  }

  @Test func unknownFieldsSurvive() throws {
    let model = try goldenONNX("layers")
    let index = try #require(model.tensors.firstIndex { $0.name == "matmul.w" })
    let elements = try model.content(index).array
    // Field 1999 of the tensor, and one of the model behind its graph.
    var tensor = ProtoMessage()
    tensor.varint(1, 5)
    tensor.varint(1, 2)
    tensor.varint(2, 1)
    tensor.bytes(1999, Array("inside".utf8))
    tensor.bytes(8, Array("w".utf8))
    tensor.bytes(9, elements)
    var graph = ProtoMessage()
    graph.bytes(1998, Array("before".utf8))
    graph.bytes(5, tensor.bytes)
    graph.bytes(1997, Array("behind".utf8))
    var file = ProtoMessage()
    file.varint(1, 9)
    file.bytes(7, graph.bytes)
    file.bytes(1996, Array("the end".utf8))
    let own = try ONNXModel(bytes: file.bytes)
    for storage in [TensorStorage.dense, .sparse] {
      let bytes = try own.rewritten([0: TensorChange(storage: storage) { elements }], dataName: nil)
        .main.bytes()
      let text = String(decoding: bytes, as: UTF8.self)
      for mark in ["inside", "before", "behind", "the end"] {
        #expect(text.contains(mark), "\(mark), \(storage)")
      }
      #expect(try ONNXModel(bytes: bytes).content(0).array == elements)
    }
  }

  @Test func externalDataMovesBesideTheNewModelOrIntoIt() throws {
    let model = try goldenONNX("external")
    let elements = [UInt8](repeating: 0, count: 48)
    try withTemporaryFolder { folder in
      let image = try model.rewritten([0: TensorChange { elements }], dataName: "new.data")
      try image.write(to: folder + "/new.onnx")
      let beside = try ONNXModel(contentsOf: folder + "/new.onnx")
      #expect(beside.hasExternalData)
      #expect(try beside.numbers("first") == [Double](repeating: 0, count: 12))
      #expect(try beside.numbers("second") == goldenNumbers(8))
      let inside = try ONNXModel(bytes: model.rewritten([:], dataName: nil).main.bytes())
      #expect(!inside.hasExternalData)
      #expect(try inside.numbers("first") == goldenNumbers(12))
      #expect(try inside.numbers("second") == goldenNumbers(8))
    }
  }
}

/// A protobuf message for tests: fields in the order they are added.
struct ProtoMessage {
  var bytes: [UInt8] = []

  static func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
  }

  mutating func varint(_ field: UInt64, _ value: UInt64) {
    bytes += Self.varint(field << 3) + Self.varint(value)
  }

  mutating func bytes(_ field: UInt64, _ content: [UInt8]) {
    bytes += Self.varint(field << 3 | 2) + Self.varint(UInt64(content.count)) + content
  }
}
