// Networks of ONNX files through lacuna.h: onnxruntime's results, and every misuse by its status.

import CLacuna
import Foundation
import LacunaABI
import LacunaGraph
import LacunaIO
import LacunaModels
import TestSupport
import Testing

/// Small networks with inputs and onnxruntime's outputs.
private let networks: [String: NumericArray] = {
  let archive = try! NPZ(contentsOf: golden("networks/networks.npz"))
  return Dictionary(uniqueKeysWithValues: archive.arrays.map { ("\($0.name)", $0.array) })
}()

/// The path of a file in Tests/Golden.
private func golden(_ name: String) -> String {
  #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    .joined(separator: "/") + "/Golden/" + name
}

private func graphInput(
  _ name: UnsafePointer<CChar>?, _ shape: [Int64], constant: UnsafeRawPointer? = nil
) -> lcn_graph_input {
  lcn_graph_input(
    struct_size: UInt32(MemoryLayout<lcn_graph_input>.size), rank: Int32(shape.count), name: name,
    shape: pinned(shape), constant: constant)
}

private func graphValue() -> lcn_graph_value {
  var value = lcn_graph_value()
  value.struct_size = UInt32(MemoryLayout<lcn_graph_value>.size)
  return value
}

@Suite struct GraphTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    guard case .u8(let bytes) = networks[name + "/model"]?.values else {
      throw DataProblem.absent(what: name)
    }
    return bytes
  }

  /// The graph of a golden network.
  private func loaded(_ name: String, change: (inout [UInt8]) -> Void = { _ in }) throws
    -> (status: lcn_status, graph: OpaquePointer?)
  {
    var bytes = try bytes(name)
    change(&bytes)
    return try withTemporaryFolder { folder in
      try Data(bytes).write(to: URL(filePath: folder + "/model.onnx"))
      var graph: OpaquePointer?
      return (lcn_graph_load(folder + "/model.onnx", &graph), graph)
    }
  }

  /// A plan for these inputs.
  private func plan(
    _ graph: OpaquePointer?, _ inputs: [lcn_graph_input], _ status: String = "LCN_OK",
    threads: Int32 = 1, memory: Int64 = 0
  ) -> OpaquePointer? {
    var options = lcn_graph_options(
      struct_size: UInt32(MemoryLayout<lcn_graph_options>.size), threads: threads,
      deterministic: 1, exclude_dense: 0, memory: memory)
    let pointers = pinned(inputs.map { UnsafePointer(pinned([$0])) as UnsafePointer? })
    var plan: OpaquePointer?
    expect(
      lcn_graph_plan_create(graph, pointers, Int64(inputs.count), &options, &plan), status)
    return plan
  }

  @Test(arguments: ["matmul-initializer", "conv-same", "concat", "gru-after"])
  func `a network computes the same through C`(name: String) throws {
    let (status, handle) = try loaded(name)
    expect(status, "LCN_OK")
    let graph = try ONNXModel(bytes: try bytes(name)).network()
    var arrays: [String: GraphArray] = [:]
    for input in graph.inputs {
      let array = try #require(networks["\(name)/x/\(input.name)"])
      arrays[input.name] = try GraphArray(array.shape, array.floats())
    }
    let swift = try GraphPlan(
      graph, shapes: arrays.mapValues(\.shape), options: GraphOptions(deterministic: true))
    let expected = try swift.run(arrays)

    var info = lcn_graph_info()
    info.struct_size = UInt32(MemoryLayout<lcn_graph_info>.size)
    expect(lcn_graph_get_info(handle, &info), "LCN_OK")
    #expect(info.inputs == Int64(graph.inputs.count) && info.nodes == Int64(graph.nodes.count))
    #expect(info.outputs == Int64(graph.outputs.count))
    var inputs: [lcn_graph_input] = []
    var memory: [UnsafeRawPointer?] = []
    for place in graph.inputs.indices {
      var value = graphValue()
      expect(lcn_graph_get_input(handle, Int64(place), &value), "LCN_OK")
      #expect(String(cString: value.name) == graph.inputs[place].name)
      #expect(value.dtype == Int32(LCN_F32))
      let array = try #require(arrays[graph.inputs[place].name])
      inputs.append(graphInput(value.name, array.shape.map { Int64($0) }))
      memory.append(UnsafeRawPointer(pinned(try #require(array.floats))))
    }
    let made = plan(handle, inputs)
    // The plan does not need the graph any more.
    expect(lcn_graph_destroy(handle), "LCN_OK")
    var results: [UnsafeMutableRawPointer?] = []
    for (place, port) in swift.outputs.enumerated() {
      var value = graphValue()
      expect(lcn_graph_plan_get_output(made, Int64(place), &value), "LCN_OK")
      #expect(String(cString: value.name) == port.name)
      #expect((0..<Int(value.rank)).map { Int(value.shape[$0]) } == port.type.shape)
      results.append(pinned([Float](repeating: .nan, count: port.type.count)))
    }
    expect(lcn_graph_plan_run(made, memory, results), "LCN_OK")
    for (place, port) in swift.outputs.enumerated() {
      let found = UnsafeBufferPointer(
        start: results[place]!.assumingMemoryBound(to: Float.self), count: port.type.count)
      #expect(Array(found) == expected[port.name]?.floats)
    }
    var planInfo = lcn_graph_plan_info()
    planInfo.struct_size = UInt32(MemoryLayout<lcn_graph_plan_info>.size)
    expect(lcn_graph_plan_get_info(made, &planInfo), "LCN_OK")
    #expect(planInfo.steps == Int64(swift.steps.count) && planInfo.threads == 1)
    #expect(planInfo.inputs == Int64(swift.inputs.count))
    #expect(planInfo.arena_bytes == Int64(swift.arenaBytes))
    var length = 0
    expect(lcn_graph_plan_describe(made, nil, 0, &length), "LCN_OK")
    #expect(length == swift.description.utf8.count)
    expect(lcn_graph_plan_destroy(made), "LCN_OK")
    expect(lcn_graph_plan_destroy(made), "LCN_INVALID_HANDLE")
  }

  @Test func `an input that is always the same is none of the plan`() throws {
    let (_, graph) = try loaded("add")
    var names: [String] = []
    var inputs: [lcn_graph_input] = []
    for place in 0..<2 {
      var value = graphValue()
      expect(lcn_graph_get_input(graph, Int64(place), &value), "LCN_OK")
      let name = String(cString: value.name)
      let array = try #require(networks["add/x/\(name)"])
      names.append(name)
      inputs.append(
        graphInput(
          value.name, array.shape.map { Int64($0) },
          constant: place == 0 ? nil : UnsafeRawPointer(pinned(try array.floats()))))
    }
    let made = plan(graph, inputs)
    var value = graphValue()
    expect(lcn_graph_plan_get_input(made, 0, &value), "LCN_OK")
    #expect(String(cString: value.name) == names[0])
    expect(lcn_graph_plan_get_input(made, 1, &value), "LCN_INVALID_ARGUMENT")
    let expected = try #require(networks.first { $0.key.hasPrefix("add/y/") }).value
    let y = pinned([Float](repeating: .nan, count: expected.count))
    let x = pinned(try #require(networks["add/x/\(names[0])"]).floats())
    expect(
      lcn_graph_plan_run(made, [UnsafeRawPointer(x)], [UnsafeMutableRawPointer(y)]), "LCN_OK")
    #expect(try Array(UnsafeBufferPointer(start: y, count: expected.count)) == expected.floats())
    expect(lcn_graph_plan_destroy(made), "LCN_OK")
    expect(lcn_graph_destroy(graph), "LCN_OK")
  }

  @Test func `truth values are bytes that are 0 or 1`() throws {
    let (_, graph) = try loaded("where")
    var inputs: [lcn_graph_input] = []
    var memory: [UnsafeRawPointer?] = []
    var truth: UnsafeMutablePointer<UInt8>?
    var info = lcn_graph_info()
    info.struct_size = UInt32(MemoryLayout<lcn_graph_info>.size)
    expect(lcn_graph_get_info(graph, &info), "LCN_OK")
    for place in 0..<info.inputs {
      var value = graphValue()
      expect(lcn_graph_get_input(graph, place, &value), "LCN_OK")
      let array = try #require(networks["where/x/\(String(cString: value.name))"])
      inputs.append(graphInput(value.name, array.shape.map { Int64($0) }))
      if value.dtype == Int32(LCN_BOOL) {
        truth = pinned(try array.integers().map { UInt8($0) })
        memory.append(UnsafeRawPointer(truth))
      } else {
        memory.append(UnsafeRawPointer(pinned(try array.floats())))
      }
    }
    let made = plan(graph, inputs)
    let expected = try #require(networks.first { $0.key.hasPrefix("where/y/") }).value
    let y = pinned([Float](repeating: .nan, count: expected.count))
    expect(lcn_graph_plan_run(made, memory, [UnsafeMutableRawPointer(y)]), "LCN_OK")
    #expect(try Array(UnsafeBufferPointer(start: y, count: expected.count)) == expected.floats())
    try #require(truth)[0] = 2
    y[0] = -77
    expect(
      lcn_graph_plan_run(made, memory, [UnsafeMutableRawPointer(y)]), "LCN_INVALID_ARGUMENT")
    #expect(y[0] == -77)
    expect(lcn_graph_plan_destroy(made), "LCN_OK")
    expect(lcn_graph_destroy(graph), "LCN_OK")
  }

  @Test func `a model in memory is the same network, on the caller's threads too`() throws {
    let bytes = try bytes("conv-same")
    var graph: OpaquePointer?
    expect(bytes.withUnsafeBytes { lcn_graph_read($0.baseAddress, $0.count, &graph) }, "LCN_OK")
    let (_, loaded) = try loaded("conv-same")
    let network = try ONNXModel(bytes: bytes).network()
    let x = try #require(networks["conv-same/x/\(network.inputs[0].name)"])
    let floats = try #require(try GraphArray(x.shape, x.floats()).floats)
    var results: [[Float]] = []
    for (handle, threads) in [(loaded, Int32(1)), (graph, 1), (graph, 3)] {
      var value = graphValue()
      expect(lcn_graph_get_input(handle, 0, &value), "LCN_OK")
      let made = plan(handle, [graphInput(value.name, x.shape.map { Int64($0) })], threads: threads)
      expect(lcn_graph_plan_get_output(made, 0, &value), "LCN_OK")
      let count = (0..<Int(value.rank)).reduce(1) { $0 * Int(value.shape[$1]) }
      let y = pinned([Float](repeating: .nan, count: count))
      let from: [UnsafeRawPointer?] = [UnsafeRawPointer(pinned(floats))]
      expect(
        lcn_graph_plan_run_on(
          made, from, [UnsafeMutableRawPointer(y)],
          { _, task, context, tasks in
            // Backwards: in whatever order.
            for i in (0..<tasks).reversed() { task!(context, i) }
          }, nil), "LCN_OK")
      results.append(Array(UnsafeBufferPointer(start: y, count: count)))
      expect(
        lcn_graph_plan_run_on(made, from, [UnsafeMutableRawPointer(y)], nil, nil),
        "LCN_NULL_POINTER")
      expect(lcn_graph_plan_destroy(made), "LCN_OK")
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    expect(lcn_graph_destroy(graph), "LCN_OK")
    expect(lcn_graph_destroy(loaded), "LCN_OK")
    expect(bytes.withUnsafeBytes { lcn_graph_read($0.baseAddress, 7, &graph) }, "LCN_BAD_DATA")
    expect(lcn_graph_read(nil, 7, &graph), "LCN_NULL_POINTER")
    expect(
      bytes.withUnsafeBytes { lcn_graph_read($0.baseAddress, -1, &graph) }, "LCN_SIZE_OVERFLOW")
  }

  @Test func `what does not fit has its status`() throws {
    var graph: OpaquePointer?
    expect(lcn_graph_load("/nonexistent.onnx", &graph), "LCN_FILE_NOT_FOUND")
    expect(lcn_graph_load(nil, &graph), "LCN_NULL_POINTER")
    expect(lcn_graph_load("/nonexistent.onnx", nil), "LCN_NULL_POINTER")
    let arrays = golden("io/plain.safetensors")
    expect(lcn_graph_load(arrays, &graph), "LCN_UNSUPPORTED")
    #expect(String(cString: lcn_last_error()).contains("safetensors"))
    let broken = try loaded("relu") { $0[0] = 0xFF }
    expect(broken.status, "LCN_BAD_DATA")
    let unknown = try loaded("relu") { bytes in
      let place = bytes.indices.first { bytes[$0...].starts(with: Array("Relu".utf8)) }!
      bytes[place + 3] = UInt8(ascii: "y")
    }
    expect(unknown.status, "LCN_UNSUPPORTED")
    #expect(String(cString: lcn_last_error()).contains("Rely"))
    let status: lcn_status
    (status, graph) = try loaded("relu")
    expect(status, "LCN_OK")
    let name = UnsafePointer(pinned(Array("x\0".utf8.map { CChar($0) })))
    let other = UnsafePointer(pinned(Array("z\0".utf8.map { CChar($0) })))
    let cases: [(lcn_graph_input, String)] = [
      (graphInput(name, [5, 8]), "LCN_SHAPE_MISMATCH"),
      (graphInput(name, [5]), "LCN_SHAPE_MISMATCH"),
      (graphInput(name, [-5, 9]), "LCN_INVALID_ARGUMENT"),
      (graphInput(name, [1 << 40, 9]), "LCN_SIZE_OVERFLOW"),
      (graphInput(other, [5, 9]), "LCN_INVALID_ARGUMENT"),
      (graphInput(nil, [5, 9]), "LCN_NULL_POINTER"),
    ]
    for (input, expected) in cases { #expect(plan(graph, [input], expected) == nil) }
    var deep = graphInput(name, [5, 9])
    deep.rank = 65
    _ = plan(graph, [deep], "LCN_INVALID_ARGUMENT")
    deep.rank = 2
    deep.shape = nil
    _ = plan(graph, [deep], "LCN_NULL_POINTER")
    let right = graphInput(name, [5, 9])
    _ = plan(graph, [right, right], "LCN_INVALID_ARGUMENT")
    _ = plan(graph, [right], "LCN_INVALID_ARGUMENT", threads: 0)
    _ = plan(graph, [right], "LCN_INVALID_ARGUMENT", memory: -1)
    let (_, large) = try loaded("attention")
    _ = plan(large, [], "LCN_OUT_OF_MEMORY", memory: 10)
    expect(lcn_graph_destroy(large), "LCN_OK")
    _ = plan(nil, [right], "LCN_NULL_POINTER")
    var made: OpaquePointer?
    expect(lcn_graph_plan_create(graph, nil, 1, nil, &made), "LCN_NULL_POINTER")
    expect(lcn_graph_plan_create(graph, nil, -1, nil, &made), "LCN_INVALID_ARGUMENT")
    expect(lcn_graph_plan_create(graph, nil, 0, nil, nil), "LCN_NULL_POINTER")
    expect(lcn_graph_plan_create(graph, nil, 0, nil, &made), "LCN_OK")

    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 100)
    defer { memory.deallocate() }
    memory.initialize(repeating: -1, count: 100)
    let x = UnsafeRawPointer(memory)
    let y = UnsafeMutableRawPointer(memory + 45)
    expect(lcn_graph_plan_run(made, [x], [y]), "LCN_OK")
    #expect(memory[45] == 0)
    expect(lcn_graph_plan_run(made, nil, [y]), "LCN_NULL_POINTER")
    expect(lcn_graph_plan_run(made, [x], nil), "LCN_NULL_POINTER")
    expect(lcn_graph_plan_run(made, [nil], [y]), "LCN_NULL_POINTER")
    expect(lcn_graph_plan_run(made, [x], [nil]), "LCN_NULL_POINTER")
    expect(lcn_graph_plan_run(made, [x + 1], [y]), "LCN_MISALIGNED")
    expect(lcn_graph_plan_run(made, [x], [y - 4]), "LCN_INVALID_ARGUMENT")
    expect(lcn_graph_plan_run(graph, [x], [y]), "LCN_INVALID_HANDLE")
    expect(lcn_graph_destroy(made), "LCN_INVALID_HANDLE")
    expect(lcn_graph_plan_destroy(made), "LCN_OK")
    expect(lcn_graph_destroy(graph), "LCN_OK")
    expect(lcn_graph_destroy(nil), "LCN_OK")
    expect(lcn_graph_plan_destroy(nil), "LCN_OK")
  }
}
