// A graph with all shapes known and constants computed: what is fused, ordered in memory and run.

import LacunaFormats
import LacunaOperations

/// A value of a plan that is being made.
struct PlannedValue {
  let name: String
  let type: GraphType
  /// The elements of a constant.
  var constant: GraphConstant?

  var operand: Operand { Operand(type: type, constant: constant) }
}

/// A node of a plan that is being made: values by number.
struct PlannedNode {
  let name: String
  let operation: String
  /// Other nodes that this one does the work of, in their order.
  var fused: [String] = []
  var rule: any OperatorRule
  var inputs: [Int?]
  var outputs: [Int?]
}

/// The nodes that are left after shapes and constants are known.
struct PlannedGraph {
  private(set) var values: [PlannedValue] = []
  var nodes: [PlannedNode] = []
  /// Values that a run is given, and that it gives.
  private(set) var inputs: [Int] = []
  private(set) var outputs: [Int] = []
  private let memory: MemoryLimit

  /// - Parameters:
  ///   - shapes: of the inputs whose dimensions are open.
  ///   - fixed: inputs that are constants of this plan.
  /// - Throws: ``GraphError``
  init(
    _ graph: Graph, shapes: [String: [Int]], fixed: [String: GraphArray], memory: MemoryLimit
  ) throws(GraphError) {
    self.memory = memory
    var place: [String: Int] = [:]
    for (input, type) in zip(graph.inputs, try graph.inputTypes(shapes, fixed)) {
      place[input.name] = add(
        PlannedValue(
          name: input.name, type: type, constant: fixed[input.name].map { .array($0) }))
      if fixed[input.name] == nil { inputs.append(values.count - 1) }
    }
    for (name, constant) in graph.constants {
      place[name] = add(PlannedValue(name: name, type: constant.type, constant: constant))
    }
    for node in graph.nodes { try plan(node, &place) }
    outputs = graph.outputs.map { place[$0]! }
    removeUnused()
  }

  private mutating func add(_ value: PlannedValue) -> Int {
    values.append(value)
    return values.count - 1
  }

  /// Plans a node, or the nodes of the branch that it stands for.
  private mutating func plan(_ node: GraphNode, _ place: inout [String: Int]) throws(GraphError) {
    let branch: GraphBranch?
    do throws(GraphProblem) { branch = try self.branch(node, place) } catch {
      throw .node(name: node.name, operation: node.operation.name, error)
    }
    guard let branch else {
      do throws(GraphProblem) { return try planned(node, &place) } catch {
        throw .node(name: node.name, operation: node.operation.name, error)
      }
    }
    // What the branch makes is seen in it alone.
    var inner = place
    for (name, constant) in branch.constants {
      inner[name] = add(PlannedValue(name: name, type: constant.type, constant: constant))
    }
    for node in branch.nodes { try plan(node, &inner) }
    for (name, output) in zip(node.outputs, branch.outputs) where !name.isEmpty {
      guard let value = inner[output] else { throw .missingValue(name: output, node: node.name) }
      place[name] = value
    }
  }

  /// The branch that a node takes; nil for a node that is no condition.
  private func branch(
    _ node: GraphNode, _ place: [String: Int]
  ) throws(GraphProblem) -> GraphBranch? {
    guard let rule = node.operation.rule as? ConditionalRule else { return nil }
    let branch = try rule.branch(node.inputs.map { name in place[name].map { values[$0].operand } })
    if branch.outputs.count < node.outputs.count {
      throw .count(
        what: "outputs of the branch", expected: node.outputs.count, actual: branch.outputs.count)
    }
    return branch
  }

  private mutating func planned(
    _ node: GraphNode, _ place: inout [String: Int]
  ) throws(GraphProblem) {
    let rule = node.operation.rule
    let inputs = node.inputs.map { place[$0] }
    let operands = inputs.map { $0.map { values[$0].operand } }
    let types = try rule.results(operands)
    // Before anything is made for them: tables of a body may be as long as a result.
    for type in types { try memory.check(type) }
    var constants = try rule.known(operands, types)
    if constants == nil && rule.folds && operands.allSatisfy({ $0 == nil || $0?.constant != nil }) {
      constants = try folded(rule, operands, types)
    }
    var outputs: [Int?] = []
    for (index, type) in types.enumerated() {
      guard index < node.outputs.count, !node.outputs[index].isEmpty else {
        outputs.append(nil)
        continue
      }
      let value = PlannedValue(
        name: node.outputs[index], type: type, constant: constants.map { .array($0[index]) })
      place[node.outputs[index]] = add(value)
      outputs.append(values.count - 1)
    }
    if constants != nil { return }
    var planned = PlannedNode(
      name: node.name, operation: node.operation.name, rule: rule, inputs: inputs,
      outputs: outputs)
    if let weighted = try rule.weighted(operands) {
      (planned.rule, planned.inputs) = (weighted, [inputs[weighted.input]])
    }
    nodes.append(planned)
  }

  /// The results of a node whose operands are known.
  private func folded(
    _ rule: any OperatorRule, _ operands: Operands, _ types: [GraphType]
  ) throws(GraphProblem) -> [GraphArray] {
    if rule.aliases, let array = operands.first??.constant?.array {
      return [array.reshaped(types[0].shape)]
    }
    try memory.take(types.reduce(0) { $0 + $1.byteCount })
    let body = try rule.body(
      BodyRequest(inputs: operands, outputs: types, options: PlanOptions(deterministic: true)))
    return evaluate(body, operands.map { $0?.constant?.array }, types)
  }

  /// Values that something still reads.
  var uses: [Int] {
    var uses = [Int](repeating: 0, count: values.count)
    for node in nodes { for input in node.inputs.compactMap({ $0 }) { uses[input] += 1 } }
    for output in outputs { uses[output] += 1 }
    return uses
  }

  /// Takes out nodes whose results nobody reads.
  mutating func removeUnused() {
    var uses = uses
    var kept: [PlannedNode] = []
    for node in nodes.reversed() {
      if node.outputs.contains(where: { $0.map { uses[$0] > 0 } ?? false }) {
        kept.append(node)
      } else {
        for input in node.inputs.compactMap({ $0 }) { uses[input] -= 1 }
      }
    }
    nodes = kept.reversed()
  }
}

/// Runs a body on arrays: what constants are folded with.
private func evaluate(
  _ body: any GraphBody, _ inputs: [GraphArray?], _ types: [GraphType]
) -> [GraphArray] {
  // A copy in memory of its own keeps every pointer good until the body has run.
  var memory: [UnsafeMutableRawPointer] = []
  defer { for pointer in memory { pointer.deallocate() } }
  func block(_ bytes: Int) -> UnsafeMutableRawPointer {
    let pointer = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
    memory.append(pointer)
    return pointer
  }
  var values: [UnsafeMutableRawPointer?] = []
  for input in inputs {
    guard let input else {
      values.append(nil)
      continue
    }
    let pointer = block(input.type.byteCount)
    input.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { pointer.copyMemory(from: start, byteCount: bytes.count) }
    }
    values.append(pointer)
  }
  let results = types.map { block($0.byteCount) }
  values += results
  let places = values.indices.map { values[$0] == nil ? -1 : $0 }
  let workspace = block(body.workspaceBytes)
  values.withUnsafeBufferPointer { values in
    places.withUnsafeBufferPointer { places in
      body.run(
        StepCall(
          values: values.baseAddress!, places: places.baseAddress!, inputCount: inputs.count,
          workspace: workspace))
    }
  }
  return zip(types, results).map { type, pointer in
    GraphArray.filled(type) { $0.copyMemory(from: pointer, byteCount: type.byteCount) }
  }
}

/// Bytes that a plan may still take.
final class MemoryLimit {
  private var left: Int?

  /// - Parameter bytes: nil for what the machine has.
  init(_ bytes: Int?) { left = bytes }

  /// Refuses a value that can never fit. One without elements counts as if its dimensions of 0 were not there.
  ///
  /// - Throws: ``GraphProblem/memory(needed:available:)``
  func check(_ type: GraphType) throws(GraphProblem) {
    let bytes = type.shape.reduce(type.element.size) { $0 * max($1, 1) }
    if bytes <= 1 << 20 { return }
    if let left, bytes > left { throw .memory(needed: bytes, available: left) }
    if left == nil && !AvailableMemory.has(bytes) {
      throw .memory(needed: bytes, available: AvailableMemory.bytes)
    }
  }

  /// - Throws: ``GraphProblem/memory(needed:available:)``
  func take(_ bytes: Int) throws(GraphProblem) {
    if let left {
      if bytes > left { throw .memory(needed: bytes, available: left) }
      self.left = left - bytes
    } else if bytes > 1 << 20 && !AvailableMemory.has(bytes) {
      throw .memory(needed: bytes, available: AvailableMemory.bytes)
    }
  }
}
