// ONNX files as networks: what onnxruntime makes of them, within rounding; what is not supported names its node.

import LacunaGraph
import LacunaIO
import LacunaModels
import TestSupport
import Testing

private let networks = GoldenNetworks("networks.npz")

private func model(_ name: String) throws -> [UInt8] { try networks.model(name) }

private func inputs(_ graph: Graph, of name: String) throws -> [String: GraphArray] {
  var arrays: [String: GraphArray] = [:]
  for input in graph.inputs {
    let array = try #require(networks["\(name)/x/\(input.name)"])
    switch input.element {
    case .f32: arrays[input.name] = try GraphArray(array.shape, array.floats())
    case .i64:
      arrays[input.name] = try GraphArray(shape: array.shape, values: .i64(array.integers()))
    case .bool:
      arrays[input.name] = try GraphArray(
        shape: array.shape, values: .bool(array.integers().map { $0 != 0 }))
    }
  }
  return arrays
}

@Suite struct NetworkTests {
  @Test(arguments: networks.names, [true, false])
  func `gives what onnxruntime gives`(name: String, fuses: Bool) throws {
    let graph = try ONNXModel(bytes: model(name)).network()
    let arrays = try inputs(graph, of: name)
    let plan = try GraphPlan(
      graph, shapes: arrays.mapValues(\.shape),
      options: GraphOptions(threads: fuses ? 1 : 2, deterministic: true, fuses: fuses))
    let found = try plan.run(arrays)
    for output in graph.outputs {
      let expected = try #require(networks["\(name)/y/\(output)"])
      let result = try #require(found[output])
      #expect(result.shape == expected.shape)
      let numbers: [Double]
      switch result.values {
      case .f32(let values): numbers = values.map { Double($0) }
      case .i64(let values): numbers = values.map { Double($0) }
      case .bool(let values): numbers = values.map { $0 ? 1 : 0 }
      }
      let wanted = try expected.doubles()
      let largest = wanted.filter(\.isFinite).map { abs($0) }.max() ?? 0
      // No sum here has more than a hundred terms; both sides round each.
      let bound = 100 * 0x1p-24 * largest
      for (a, b) in zip(numbers, wanted)
      where !(abs(a - b) <= bound || a == b || a.isNaN && b.isNaN) {
        Issue.record("\(output): \(a), onnxruntime has \(b)")
        break
      }
    }
  }

  @Test func `shapes that are computed leave nothing in a plan`() throws {
    let graph = try ONNXModel(bytes: model("shapes")).network()
    let plan = try GraphPlan(graph, shapes: ["x": [3, 4, 5]])
    #expect(plan.steps.map(\.operation) == ["add", "multiply", "divide", "add"])
  }

  @Test(arguments: ["matmul-initializer", "conv-initializer"])
  func `a sparse initialiser is a sparse matrix`(name: String) throws {
    let graph = try ONNXModel(bytes: model(name)).network()
    guard case .weights(let tensor)? = graph.constants["w"],
      case .f32(.csr(let matrix)) = tensor.storage
    else {
      Issue.record("w is dense")
      return
    }
    let shape = tensor.shape
    #expect(matrix.rows == shape[0] && matrix.columns == shape.dropFirst().reduce(1, *))
    #expect(matrix.pattern.density < 0.2)
  }

  @Test func `an operator that is not known names its node`() throws {
    let bytes = try replaced("Relu", by: "Rely", in: model("relu"))
    let problem = DataProblem.inside(
      "node \"Rely 0\" (Rely)", .unsupported(what: "operator", found: "Rely"))
    #expect(throws: NetworkError.data(problem)) { try ONNXModel(bytes: bytes).network() }
  }

  @Test func `an operator of an unknown version names its node`() throws {
    // opset_import { domain: "" version: 17 }
    let bytes = try model("relu")
    for (version, highest) in [(UInt8(99), 25), (5, 25)] {
      let changed = replaced(
        [0x42, 4, 0x0A, 0, 0x10, 17], by: [0x42, 4, 0x0A, 0, 0x10, version], in: bytes)
      let problem = DataProblem.inside(
        "node \"Relu 0\" (Relu)",
        .outOfRange(
          what: "version of the operator set", value: Int(version), lowest: version == 5 ? 6 : 1,
          highest: highest))
      #expect(throws: NetworkError.data(problem)) { try ONNXModel(bytes: changed).network() }
    }
  }

  @Test func `a setting that is not supported names its node`() throws {
    let bytes = try replaced("SAME_UPPER", by: "SAME_OTHER", in: model("conv-same"))
    let problem = DataProblem.inside(
      "node \"Conv 0\" (Conv)", .unsupported(what: "auto_pad", found: "SAME_OTHER"))
    #expect(throws: NetworkError.data(problem)) { try ONNXModel(bytes: bytes).network() }
  }

  @Test func `a file that is no network says so`() throws {
    let file = try ModelFile(contentsOf: golden("io/plain.safetensors"))
    #expect(
      throws: NetworkError.data(
        .unsupported(what: "a network", found: "in a file of format safetensors"))
    ) { try file.network() }
  }

  @Test(arguments: ["residual-block", "shapes", "attention", "resize-linear"])
  func `damaged files are refused with words or planned`(name: String) throws {
    damage(try model(name), stride: 7, seed: 12, rounds: 200) { bytes in
      let graph = try ONNXModel(bytes: bytes).network()
      let shapes = graph.inputs.map { input in
        (input.name, input.dimensions.map { if case .size(let size) = $0 { size } else { 3 } })
      }
      _ = try GraphPlan(
        graph, shapes: Dictionary(shapes) { first, _ in first },
        options: GraphOptions(deterministic: true, memory: 8 << 20))
    }
  }

  private func replaced(_ text: String, by other: String, in bytes: [UInt8]) throws -> [UInt8] {
    replaced(Array(text.utf8), by: Array(other.utf8), in: bytes)
  }

  /// The bytes with every occurrence of one sequence replaced by another of its length.
  private func replaced(_ old: [UInt8], by new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    for start in 0...(bytes.count - old.count) where Array(bytes[start..<start + old.count]) == old
    {
      result.replaceSubrange(start..<start + old.count, with: new)
    }
    return result
  }
}
