// Damaged and lying ONNX files: each is refused or read, none traps or asks for absurd memory.
import LacunaIO
import LacunaModels
import Testing

/// Everything that reading and writing a model does.
private func exercise(_ bytes: [UInt8]) throws {
  let model = try ONNXModel(bytes: bytes)
  var changes: [Int: TensorChange] = [:]
  for index in model.tensors.indices {
    guard let content = try? model.content(index).array else { continue }
    changes[index] = TensorChange { content }
  }
  let again = try model.rewritten(changes, dataName: nil).main.bytes()
  let read = try ONNXModel(bytes: again)
  for (index, change) in changes {
    #expect(try read.content(index).array == change.content(), "\(model.tensors[index].name)")
  }
}

@Suite struct ONNXDamageTests {
  @Test(arguments: ["layers", "sparse", "constants", "recurrent", "quantized", "external"])
  func damagedFiles(name: String) throws {
    damage(try fileBytes(golden("onnx/\(name).onnx")), seed: 21) { try exercise($0) }
  }

  @Test func damagedTypes() throws {
    damage(try fileBytes(golden("onnx/types.onnx")), flips: [0x81], seed: 22, rounds: 500) {
      try exercise($0)
    }
  }

  /// A model with one graph of those fields.
  private func model(_ fields: (inout ProtoMessage) -> Void) throws -> ONNXModel {
    var (graph, file) = (ProtoMessage(), ProtoMessage())
    fields(&graph)
    file.bytes(7, graph.bytes)
    return try ONNXModel(bytes: file.bytes)
  }

  private func tensor(_ fields: (inout ProtoMessage) -> Void) throws -> [UInt8] {
    var tensor = ProtoMessage()
    fields(&tensor)
    let model = try model { $0.bytes(5, tensor.bytes) }
    return try model.content(0).array
  }

  @Test func dimensionsAndNumbersPackedOrNot() throws {
    let floats: [Float] = [1, 2, 3, 4, 5, 6]
    let raw = floats.withUnsafeBytes { [UInt8]($0) }
    let packed = try tensor {
      $0.bytes(1, [2, 3])
      $0.varint(2, 1)
      $0.bytes(4, raw)
    }
    let apart = try tensor {
      $0.varint(1, 2)
      $0.varint(2, 1)
      for value in floats {
        // Tag of field 4 as 4 bytes.
        $0.bytes += [4 << 3 | 5] + value.bitPattern.bytes
      }
      $0.varint(1, 3)
    }
    #expect(packed == raw && apart == raw)
    let bytes = try tensor {
      $0.varint(1, 3)
      $0.varint(2, 3)
      $0.varint(5, UInt64(bitPattern: -7))
      $0.bytes(5, [1, 2])
    }
    #expect(bytes == [249, 1, 2])
  }

  @Test func liesAboutSizes() {
    func refused(_ comment: Comment, _ fields: @escaping (inout ProtoMessage) -> Void) {
      #expect(throws: DataProblem.self, comment) { try tensor(fields) }
    }
    refused("too few bytes") {
      $0.bytes(1, [2, 3])
      $0.varint(2, 1)
      $0.bytes(9, [UInt8](repeating: 0, count: 23))
    }
    refused("too many bytes") {
      $0.bytes(1, [2, 3])
      $0.varint(2, 1)
      $0.bytes(9, [UInt8](repeating: 0, count: 25))
    }
    refused("a negative dimension") {
      $0.varint(1, UInt64(bitPattern: -1))
      $0.varint(2, 1)
    }
    refused("an absurd shape") {
      for _ in 0..<3 { $0.varint(1, 1 << 40) }
      $0.varint(2, 1)
    }
    refused("absurd dimensions beside a zero") {
      for size: UInt64 in [1 << 62, 1 << 62, 0] { $0.varint(1, size) }
      $0.varint(2, 1)
    }
    refused("a type that does not exist") { $0.varint(2, 99) }
    refused("no type") { $0.bytes(1, [2]) }
    refused("a number that is no byte") {
      $0.varint(1, 1)
      $0.varint(2, 3)
      $0.varint(5, 256)
    }
    refused("a field longer than the message") { $0.bytes += [9 << 3 | 2, 0xFF, 0xFF, 0x7F] }
    refused("a length of 2⁶⁴ − 1") {
      $0.bytes += [9 << 3 | 2] + [UInt8](repeating: 0xFF, count: 9) + [1]
    }
    refused("a varint without an end") { $0.bytes += [UInt8](repeating: 0x80, count: 30) }
    refused("field number 0") { $0.bytes += [2, 0] }
    refused("a group") { $0.bytes += [100 << 1 | 1, 3] }
  }

  @Test func graphsNestedTooDeeply() throws {
    func nested(_ depth: Int) -> [UInt8] {
      var graph: [UInt8] = []
      for _ in 1..<depth {
        var (attribute, node, outer) = (ProtoMessage(), ProtoMessage(), ProtoMessage())
        attribute.bytes(6, graph)
        node.bytes(5, attribute.bytes)
        outer.bytes(1, node.bytes)
        graph = outer.bytes
      }
      var file = ProtoMessage()
      file.bytes(7, graph)
      return file.bytes
    }
    #expect(throws: Never.self) { try ONNXModel(bytes: nested(33)) }
    for depth in [34, 100, 10000] {
      #expect(
        throws: DataProblem.outOfRange(
          what: "depth of inner graphs", value: 34, lowest: 1, highest: 33)
      ) { try ONNXModel(bytes: nested(depth)) }
    }
  }

  @Test func sparsePositionsAreChecked() throws {
    func read(
      _ places: [Int64], columns: Int? = nil, dims: [UInt64] = [3, 4], values: Int = 2
    ) throws -> [UInt8] {
      var (v, i, sparse) = (ProtoMessage(), ProtoMessage(), ProtoMessage())
      v.varint(1, UInt64(values))
      v.varint(2, 2)
      v.bytes(9, [UInt8](repeating: 7, count: values))
      i.varint(1, UInt64(places.count / (columns ?? 1)))
      if let columns { i.varint(1, UInt64(columns)) }
      i.varint(2, 7)
      i.bytes(9, places.withUnsafeBytes { [UInt8]($0) })
      sparse.bytes(1, v.bytes)
      sparse.bytes(2, i.bytes)
      for size in dims { sparse.varint(3, size) }
      let model = try model { $0.bytes(15, sparse.bytes) }
      return try model.content(0).array
    }
    #expect(try read([1, 11]) == [0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])
    #expect(try read([0, 1, 2, 3], columns: 2) == [0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])
    for wrong: [Int64] in [
      [1], [1, 2, 3], [2, 1], [1, 1], [-1, 2], [0, 12], [0, .max], [.min, 0],
    ] {
      #expect(throws: DataProblem.self, "\(wrong)") { try read(wrong) }
    }
    for wrong: [Int64] in [
      [0, 4, 2, 3], [3, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 1], [1, 0, 0, 3],
    ] {
      #expect(throws: DataProblem.self, "\(wrong)") { try read(wrong, columns: 2) }
    }
    // 10 GB from 20 bytes.
    #expect(throws: DataProblem.self) { try read([1, 11], dims: [100_000, 100_000]) }
    #expect(throws: DataProblem.self) { try read([0, 0], dims: []) }
  }

  /// A name that thousands of operators share is looked at, but not without end.
  @Test func manyOperatorsOnOneName() throws {
    let chain = try model { graph in
      for node in 0..<3000 {
        var message = ProtoMessage()
        message.bytes(1, Array("w\(node % 6)".utf8))
        message.bytes(2, Array("w\(node % 6 + 1)".utf8))
        message.bytes(4, Array("Identity".utf8))
        graph.bytes(1, message.bytes)
      }
      for place in 0..<50 {
        var tensor = ProtoMessage()
        tensor.bytes(1, [0])
        tensor.varint(2, 1)
        tensor.bytes(8, Array((place == 0 ? "w0" : "v\(place)").utf8))
        graph.bytes(5, tensor.bytes)
      }
    }
    #expect(chain.tensors.count == 50 && chain.tensors[0].role == .unknown)
  }

  @Test func namesAreBytes() throws {
    func twice(_ names: [[UInt8]]) throws -> ONNXModel {
      try model { graph in
        for name in names {
          var tensor = ProtoMessage()
          tensor.bytes(1, [0])
          tensor.varint(2, 1)
          tensor.bytes(8, name)
          graph.bytes(5, tensor.bytes)
        }
      }
    }
    let composed = Array("\u{E9}".utf8)
    let decomposed = Array("e\u{301}".utf8)
    #expect(try twice([composed, decomposed]).tensors.count == 2)
    #expect(throws: DataProblem.self) { try twice([composed, composed]) }
  }
}

extension UInt32 {
  /// Little-endian.
  fileprivate var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}
