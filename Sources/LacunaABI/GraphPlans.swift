// lcn_graph_plan_…: graphs planned for shapes, and run on the caller's memory.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaGraph
import LacunaOperations

/// The object behind an lcn_graph_plan.
final class GraphPlanObject: Sendable {
  let plan: GraphPlan
  let inputs: GraphValueTable
  let outputs: GraphValueTable
  let threads: Int
  /// Bytes of each port, and of what an address has to be a multiple.
  let inputSizes: [(bytes: Int, alignment: Int)]
  let outputSizes: [(bytes: Int, alignment: Int)]

  init(_ plan: GraphPlan, threads: Int) {
    (self.plan, self.threads) = (plan, threads)
    func table(_ ports: [GraphPort]) -> GraphValueTable {
      GraphValueTable(
        ports.map { ($0.name, constant($0.type.element), $0.type.shape.map { Int64($0) }) })
    }
    (inputs, outputs) = (table(plan.inputs), table(plan.outputs))
    inputSizes = plan.inputs.map { ($0.type.byteCount, $0.type.element.size) }
    outputSizes = plan.outputs.map { ($0.type.byteCount, $0.type.element.size) }
  }

  /// A run on addresses from C.
  func run(
    _ inputs: UnsafePointer<UnsafeRawPointer?>?, _ outputs: UnsafePointer<UnsafeMutableRawPointer?>?
  ) throws(Failure) {
    let (ins, outs) = (inputSizes.count, outputSizes.count)
    if inputs == nil && ins > 0 { throw Failure(.nullPointer, "inputs is NULL") }
    guard let outputs else { throw Failure(.nullPointer, "outputs is NULL") }
    // Tables of checked addresses, on the stack when they are short.
    try withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: ins) {
      (from) throws(Failure) in
      try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: outs) {
        (into) throws(Failure) in
        for i in 0..<ins {
          (from.baseAddress! + i).initialize(
            to: try checked(inputs![i], inputSizes[i], "input", i, plan.inputs[i].name))
        }
        for o in 0..<outs {
          let address = try checked(
            outputs[o], outputSizes[o], "output", o, plan.outputs[o].name)
          (into.baseAddress! + o).initialize(to: UnsafeMutableRawPointer(mutating: address))
        }
        try checkOverlaps(from, into)
        try checkTruthValues(from)
        plan.run(inputs: UnsafeBufferPointer(from), outputs: UnsafeBufferPointer(into))
      }
    }
  }

  private func checked(
    _ pointer: UnsafeRawPointer?, _ size: (bytes: Int, alignment: Int), _ what: StaticString,
    _ index: Int, _ name: String
  ) throws(Failure) -> UnsafeRawPointer {
    guard let pointer else {
      // Nothing is read through the stand-in: there are no elements.
      if size.bytes == 0 { return UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped }
      throw Failure(
        .nullPointer, "\(what) \(index), \"\(name)\", is NULL, but has \(size.bytes) bytes")
    }
    if Int(bitPattern: pointer) & (size.alignment - 1) != 0 {
      throw Failure(
        .misaligned,
        "\(what) \(index), \"\(name)\", is not aligned to its \(size.alignment)-byte elements")
    }
    return pointer
  }

  private func checkOverlaps(
    _ from: UnsafeMutableBufferPointer<UnsafeRawPointer>,
    _ into: UnsafeMutableBufferPointer<UnsafeMutableRawPointer>
  ) throws(Failure) {
    for o in into.indices {
      let output = UnsafeRawPointer(into[o])
      for i in from.indices
      where overlap(from[i], inputSizes[i].bytes, output, outputSizes[o].bytes) {
        throw Failure(
          .invalidArgument,
          "output \"\(plan.outputs[o].name)\" overlaps input \"\(plan.inputs[i].name)\"")
      }
      for other in 0..<o
      where overlap(
        UnsafeRawPointer(into[other]), outputSizes[other].bytes, output, outputSizes[o].bytes)
      {
        throw Failure(
          .invalidArgument,
          "output \"\(plan.outputs[o].name)\" overlaps output \"\(plan.outputs[other].name)\"")
      }
    }
  }

  /// Bytes that are neither 0 nor 1 are no Boolean values, and must not be read as such.
  private func checkTruthValues(
    _ from: UnsafeMutableBufferPointer<UnsafeRawPointer>
  ) throws(Failure) {
    for (i, port) in plan.inputs.enumerated() where port.type.element == .bool {
      try checkTruth(from[i], port.type.count, port.name)
    }
  }
}

/// Fails for a byte that is neither 0 nor 1.
private func checkTruth(
  _ bytes: UnsafeRawPointer, _ count: Int, _ name: String
) throws(Failure) {
  let values = UnsafeRawBufferPointer(start: bytes, count: count)
  if let place = values.firstIndex(where: { $0 > 1 }) {
    throw Failure(
      .invalidArgument, "element \(place) of \"\(name)\" is \(values[place]), must be 0 or 1")
  }
}

/// What callers say of inputs when a plan is made.
private struct GraphRequest {
  var shapes: [String: [Int]] = [:]
  var constants: [String: GraphArray] = [:]

  init(
    _ inputs: UnsafePointer<UnsafePointer<lcn_graph_input>?>?, _ count: Int64, _ graph: Graph
  ) throws(Failure) {
    // Each is an input of its own.
    if count < 0 || count > Int64(graph.inputs.count) {
      throw Failure(
        .invalidArgument, "count is \(count), the graph has \(graph.inputs.count) inputs")
    }
    if count == 0 { return }
    guard let inputs else { throw Failure(.nullPointer, "inputs is NULL") }
    for i in 0..<Int(count) { try add(try descriptor(inputs[i], "inputs"), graph) }
  }

  private mutating func add(_ input: lcn_graph_input, _ graph: Graph) throws(Failure) {
    guard let pointer = input.name else { throw Failure(.nullPointer, "name is NULL") }
    let name = try text(pointer, limit: 1 << 16, "name")
    guard let known = graph.inputs.first(where: { $0.name == name }) else {
      throw Failure(GraphError.unknownInput(name))
    }
    if shapes[name] != nil || constants[name] != nil {
      throw Failure(.invalidArgument, "the input \"\(name)\" is given twice")
    }
    if input.rank < 0 || input.rank > 64 {
      throw Failure(.invalidArgument, "rank of \"\(name)\" is \(input.rank), must be in 0...64")
    }
    let rank = Int(input.rank)
    let sizes = try array(input.shape, count: rank, size: 8, "shape")
      .assumingMemoryBound(to: Int64.self)
    var shape: [Int] = []
    for axis in 0..<rank { shape.append(try dimension(sizes[axis], "a dimension")) }
    if let elements = input.constant {
      constants[name] = try Self.constant(elements, known, shape)
    } else {
      shapes[name] = shape
    }
  }

  private static func constant(
    _ elements: UnsafeRawPointer, _ input: GraphInput, _ shape: [Int]
  ) throws(Failure) -> GraphArray {
    let type = try Failure.graph { () throws(GraphProblem) in
      try GraphType(input.element, shape)
    }
    try reserve(type.byteCount)
    _ = try array(elements, count: type.count, size: input.element.size, "constant")
    if input.element == .bool { try checkTruth(elements, type.count, input.name) }
    return try Failure.graph { () throws(GraphProblem) in
      try GraphArray(type, copying: elements)
    }
  }
}

extension GraphArray {
  /// A copy of packed elements. Not checked: that they are there, and aligned.
  fileprivate init(_ type: GraphType, copying elements: UnsafeRawPointer) throws(GraphProblem) {
    func copy<T>(_: T.Type) -> [T] {
      [T](
        UnsafeBufferPointer(
          start: elements.assumingMemoryBound(to: T.self), count: type.count))
    }
    switch type.element {
    case .f32: try self.init(shape: type.shape, values: .f32(copy(Float.self)))
    case .i64: try self.init(shape: type.shape, values: .i64(copy(Int.self)))
    case .bool: try self.init(shape: type.shape, values: .bool(copy(Bool.self)))
    }
  }
}

@c @implementation
public func lcn_graph_plan_create(
  _ graph: OpaquePointer?, _ inputs: UnsafePointer<UnsafePointer<lcn_graph_input>?>?,
  _ count: Int64, _ options: UnsafePointer<lcn_graph_options>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    _ = try Failure.operation { () throws(OperationError) in try ISA.validated() }
    var chosen = GraphOptions()
    if let options {
      let o = try descriptor(options, "options")
      if o.memory < 0 {
        throw Failure(.invalidArgument, "memory is \(o.memory), must be 0 or more")
      }
      chosen = GraphOptions(
        threads: try threadCount(o.threads),
        deterministic: try flag(o.deterministic, "deterministic"),
        excludesDense: try flag(o.exclude_dense, "exclude_dense"),
        memory: o.memory == 0 ? nil : Int(o.memory))
    }
    let made = chosen
    try HandleTable.use(graph, .graph, as: GraphObject.self) { (object) throws(Failure) in
      let request = try GraphRequest(inputs, count, object.graph)
      let plan: GraphPlan
      do throws(GraphError) {
        plan = try GraphPlan(
          object.graph, shapes: request.shapes, constants: request.constants, options: made)
      } catch { throw Failure(error) }
      try deliver(GraphPlanObject(plan, threads: made.threads), .graphPlan, to: out)
    }
  }
}

@c @implementation
public func lcn_graph_plan_get_info(
  _ plan: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_graph_plan_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(plan, .graphPlan, as: GraphPlanObject.self) {
        (object) throws(Failure) in
        info.threads = Int32(object.threads)
        info.inputs = Int64(object.plan.inputs.count)
        info.outputs = Int64(object.plan.outputs.count)
        info.steps = Int64(object.plan.steps.count)
        info.arena_bytes = Int64(object.plan.arenaBytes)
      }
    }
  }
}

@c @implementation
public func lcn_graph_plan_get_input(
  _ plan: OpaquePointer?, _ index: Int64, _ value: UnsafeMutablePointer<lcn_graph_value>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .graphPlan, as: GraphPlanObject.self) { (object) throws(Failure) in
      try object.inputs.describe(index, value)
    }
  }
}

@c @implementation
public func lcn_graph_plan_get_output(
  _ plan: OpaquePointer?, _ index: Int64, _ value: UnsafeMutablePointer<lcn_graph_value>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .graphPlan, as: GraphPlanObject.self) { (object) throws(Failure) in
      try object.outputs.describe(index, value)
    }
  }
}

@c @implementation
public func lcn_graph_plan_describe(
  _ plan: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int,
  _ length: UnsafeMutablePointer<Int>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .graphPlan, as: GraphPlanObject.self) { (object) throws(Failure) in
      try give(object.plan.description, to: text, capacity, length)
    }
  }
}

@c @implementation
public func lcn_graph_plan_run(
  _ plan: OpaquePointer?, _ inputs: UnsafePointer<UnsafeRawPointer?>?,
  _ outputs: UnsafePointer<UnsafeMutableRawPointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(plan, .graphPlan, as: GraphPlanObject.self) { (object) throws(Failure) in
      try object.run(inputs, outputs)
    }
  }
}

@c @implementation
public func lcn_graph_plan_run_on(
  _ plan: OpaquePointer?, _ inputs: UnsafePointer<UnsafeRawPointer?>?,
  _ outputs: UnsafePointer<UnsafeMutableRawPointer?>?, _ run: lcn_run_tasks?,
  _ context: UnsafeMutableRawPointer?
) -> lcn_status {
  guard let run else {
    return call { () throws(Failure) in throw Failure(.nullPointer, "run is NULL") }
  }
  // As the pool's own: the task's context is never NULL.
  let runner = unsafeBitCast(run, to: ThreadPool.Runner.self)
  return ThreadPool.withRunner(runner, context: context) {
    lcn_graph_plan_run(plan, inputs, outputs)
  }
}

@c @implementation
public func lcn_graph_plan_destroy(_ plan: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(plan, .graphPlan) }
}
