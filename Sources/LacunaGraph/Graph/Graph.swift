// A network as a value: named inputs, constants and nodes, checked and in an order in which they can run.

/// An input of a graph.
public struct GraphInput: Hashable, Sendable {
  /// The value's name.
  public var name: String
  /// The type of its elements.
  public var element: GraphElement
  /// Its dimensions, outermost first.
  public var dimensions: [GraphDimension]

  /// Joins name, type and dimensions.
  public init(_ name: String, _ element: GraphElement, _ dimensions: [GraphDimension]) {
    (self.name, self.element, self.dimensions) = (name, element, dimensions)
  }

  /// An input of fixed size.
  public init(_ name: String, _ element: GraphElement, _ shape: [Int]) {
    self.init(name, element, shape.map { .size($0) })
  }

  /// Numbers of fixed size.
  public init(_ name: String, _ shape: [Int]) { self.init(name, .f32, shape) }
}

/// An operator with the values that it reads and makes.
public struct GraphNode: Sendable {
  /// What errors call the node.
  public var name: String
  /// What it computes.
  public var operation: GraphOperator
  /// Names of values; an empty one stands for an input that is left out.
  public var inputs: [String]
  /// Names of the values that it makes; an empty one for a result that nobody wants.
  public var outputs: [String]

  /// A node that makes one value, named after it.
  public init(_ output: String, _ operation: GraphOperator, _ inputs: [String]) {
    self.init(name: output, operation, inputs, [output])
  }

  /// A node with a name of its own.
  public init(
    name: String, _ operation: GraphOperator, _ inputs: [String], _ outputs: [String]
  ) {
    (self.name, self.operation, self.inputs, self.outputs) = (name, operation, inputs, outputs)
  }
}

/// A network that knows nothing of files, training or memory.
///
/// ```swift
/// let graph = try Graph(
///   inputs: [GraphInput("x", [1, 3])],
///   constants: ["w": .array(try GraphArray([3, 2], [1, 0, 0, 2, 0, 0]))],
///   nodes: [GraphNode("h", .matMul, ["x", "w"]), GraphNode("y", .relu, ["h"])],
///   outputs: ["y"])
/// let plan = try GraphPlan(graph)
/// let y = try plan.run(["x": GraphArray([1, 3], [1, 2, 3])])["y"]
/// ```
///
/// If you hold one, every name is made once, every value that is read is made, numbers of inputs and outputs fit
/// the operators, and no node waits for itself. Shapes are checked when a ``GraphPlan`` is made for them.
public struct Graph: Sendable {
  /// What a run is given.
  public let inputs: [GraphInput]
  /// What the graph brings along, by name.
  public let constants: [String: GraphConstant]
  /// In an order in which they can run.
  public let nodes: [GraphNode]
  /// Names of the values that a run gives.
  public let outputs: [String]

  /// Checks and orders the nodes.
  ///
  /// - Parameter nodes: in any order.
  /// - Throws: ``GraphError``
  /// - Complexity: O(nodes + edges)
  public init(
    inputs: [GraphInput], constants: [String: GraphConstant] = [:], nodes: [GraphNode],
    outputs: [String]
  ) throws(GraphError) {
    if outputs.isEmpty { throw .empty }
    var names: Set<String> = []
    for input in inputs {
      if !names.insert(input.name).inserted { throw .duplicateName(input.name) }
    }
    for (name, constant) in constants {
      if !names.insert(name).inserted { throw .duplicateName(name) }
      do throws(GraphProblem) { try constant.validate() } catch {
        throw .constant(name: name, error)
      }
    }
    for node in nodes {
      try node.checkArity()
      for name in node.outputs where !name.isEmpty {
        if !names.insert(name).inserted { throw .duplicateName(name) }
      }
    }
    for node in nodes {
      for name in node.inputs where !name.isEmpty && !names.contains(name) {
        throw .missingValue(name: name, node: node.name)
      }
    }
    var seen: Set<String> = []
    for name in outputs {
      if !names.contains(name) { throw .missingOutput(name) }
      if !seen.insert(name).inserted { throw .duplicateName(name) }
    }
    (self.inputs, self.constants, self.outputs) = (inputs, constants, outputs)
    self.nodes = try ordered(nodes)
  }
}

extension GraphNode {
  fileprivate func checkArity() throws(GraphError) {
    for (what, range, count) in [
      ("inputs", operation.rule.inputs, inputs.count),
      ("outputs", operation.rule.outputs, outputs.count),
    ] where !range.contains(count) {
      throw .arity(
        node: name, operation: operation.name, what: what, lowest: range.lowerBound,
        highest: range.upperBound, actual: count)
    }
  }
}

/// The nodes, each behind those whose values it reads; otherwise in the order given.
private func ordered(_ nodes: [GraphNode]) throws(GraphError) -> [GraphNode] {
  var maker: [String: Int] = [:]
  for (place, node) in nodes.enumerated() {
    for name in node.outputs where !name.isEmpty { maker[name] = place }
  }
  var waits = [Int](repeating: 0, count: nodes.count)
  var readers = [[Int]](repeating: [], count: nodes.count)
  for (place, node) in nodes.enumerated() {
    for source in Set(node.inputs.compactMap { maker[$0] }) {
      waits[place] += 1
      readers[source].append(place)
    }
  }
  // Files are in order already.
  if readers.indices.allSatisfy({ place in readers[place].allSatisfy { $0 > place } }) {
    return nodes
  }
  var order: [Int] = []
  order.reserveCapacity(nodes.count)
  var ready = nodes.indices.filter { waits[$0] == 0 }
  var next = 0
  while next < ready.count {
    let place = ready[next]
    next += 1
    order.append(place)
    for reader in readers[place] {
      waits[reader] -= 1
      if waits[reader] == 0 { ready.append(reader) }
    }
  }
  if order.count < nodes.count {
    // Whoever still waits has a maker that still waits: following them ends in a cycle.
    var place = waits.firstIndex { $0 > 0 }!
    var path: [Int] = []
    var passed: Set<Int> = []
    while passed.insert(place).inserted {
      path.append(place)
      place = nodes[place].inputs.compactMap { maker[$0] }.first { waits[$0] > 0 }!
    }
    throw .cycle(path[path.firstIndex(of: place)!...].map { nodes[$0].name })
  }
  return order.map { nodes[$0] }
}
