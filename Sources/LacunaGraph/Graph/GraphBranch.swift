// Part of a graph that runs or does not: decided when a plan is made, and then as if it had always stood there.

/// Nodes that see the values around them: one way of a condition.
public struct GraphBranch: Sendable {
  /// What the branch brings along, by name.
  public let constants: [String: GraphConstant]
  /// In an order in which they can run.
  public let nodes: [GraphNode]
  /// Names of the values that the branch gives.
  public let outputs: [String]
  /// Names of the values around the branch that it reads.
  public let captures: [String]

  /// Checks and orders the nodes; names that nothing in the branch makes are those of values around it.
  ///
  /// - Throws: ``GraphError``
  public init(
    constants: [String: GraphConstant] = [:], nodes: [GraphNode], outputs: [String]
  ) throws(GraphError) {
    var made = Set(constants.keys)
    for node in nodes { made.formUnion(node.outputs) }
    var captures: [String] = []
    for name in nodes.flatMap({ $0.inputs + $0.operation.captures }) + outputs
    where !name.isEmpty && made.insert(name).inserted {
      captures.append(name)
    }
    let graph = try Graph(
      inputs: captures.map { GraphInput($0, .f32, [GraphDimension]()) }, constants: constants,
      nodes: nodes, outputs: outputs)
    (self.constants, self.nodes, self.outputs) = (constants, graph.nodes, outputs)
    self.captures = captures
  }
}

/// One of two branches, by a truth value that is known when a plan is made.
struct ConditionalRule: OperatorRule {
  let whenTrue: GraphBranch, whenFalse: GraphBranch

  /// The condition, then the values that the branches read.
  var inputs: ClosedRange<Int> { 1...Int.max }
  var outputs: ClosedRange<Int> { 1...max(whenTrue.outputs.count, 1) }
  var folds: Bool { false }

  /// - Throws: ``GraphProblem`` when the condition is not known.
  func branch(_ x: Operands) throws(GraphProblem) -> GraphBranch {
    guard let condition = x.optional(0)?.constant?.array else {
      throw .notConstant(what: "the condition")
    }
    guard case .bool(let values) = condition.values, values.count == 1 else {
      throw .shapes(what: "a condition is one truth value, not", [condition.shape])
    }
    return values[0] ? whenTrue : whenFalse
  }

  // The nodes of the branch stand in a plan, never the condition.
  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    throw .notConstant(what: "the condition")
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    throw .notConstant(what: "the condition")
  }
}

extension GraphOperator {
  /// One of two branches, by operand 0, which has to be known when a plan is made. The other operands are the
  /// ``GraphBranch/captures`` of both: `node.inputs = [condition] + operation.captures`.
  public static func conditional(
    _ whenTrue: GraphBranch, else whenFalse: GraphBranch
  ) -> GraphOperator {
    GraphOperator("if", ConditionalRule(whenTrue: whenTrue, whenFalse: whenFalse))
  }

  /// Names of the values around a node that its branches read; empty for other operators.
  public var captures: [String] {
    guard let rule = rule as? ConditionalRule else { return [] }
    var seen: Set<String> = []
    return (rule.whenTrue.captures + rule.whenFalse.captures).filter { seen.insert($0).inserted }
  }
}
