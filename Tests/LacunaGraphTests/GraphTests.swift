// A graph is checked when it is made: names, numbers of operands, cycles.

import LacunaGraph
import Testing

@Suite struct GraphTests {
  private func graph(
    _ nodes: [GraphNode], inputs: [GraphInput] = [GraphInput("x", [2])],
    constants: [String: GraphConstant] = [:], outputs: [String] = ["y"]
  ) throws(GraphError) -> Graph {
    try Graph(inputs: inputs, constants: constants, nodes: nodes, outputs: outputs)
  }

  @Test func `nodes are put in an order in which they can run`() throws {
    let graph = try graph([
      GraphNode("y", .add, ["b", "a"]), GraphNode("b", .relu, ["a"]), GraphNode("a", .relu, ["x"]),
    ])
    #expect(graph.nodes.map(\.name) == ["a", "b", "y"])
  }

  @Test func `a cycle is refused with its nodes`() {
    #expect(throws: GraphError.cycle(["a", "b"])) {
      try graph([
        GraphNode("a", .relu, ["b"]), GraphNode("b", .relu, ["a"]), GraphNode("y", .relu, ["a"]),
      ])
    }
    #expect(throws: GraphError.cycle(["y"])) { try graph([GraphNode("y", .relu, ["y"])]) }
  }

  @Test func `a value is made once`() {
    #expect(throws: GraphError.duplicateName("y")) {
      try graph([GraphNode("y", .relu, ["x"]), GraphNode("y", .relu, ["x"])])
    }
    #expect(throws: GraphError.duplicateName("x")) { try graph([GraphNode("x", .relu, ["x"])]) }
    #expect(throws: GraphError.duplicateName("x")) {
      try graph([GraphNode("y", .relu, ["x"])], constants: ["x": .array(GraphArray([1]))])
    }
    #expect(throws: GraphError.duplicateName("y")) {
      try graph([GraphNode("y", .relu, ["x"])], outputs: ["y", "y"])
    }
  }

  @Test func `what is read is made`() {
    #expect(throws: GraphError.missingValue(name: "z", node: "y")) {
      try graph([GraphNode("y", .relu, ["z"])])
    }
    #expect(throws: GraphError.missingOutput("y")) { try graph([GraphNode("z", .relu, ["x"])]) }
    #expect(throws: GraphError.empty) { try graph([], outputs: []) }
  }

  @Test func `an operator has as many operands as it takes`() {
    #expect(
      throws: GraphError.arity(
        node: "y", operation: "add", what: "inputs", lowest: 2, highest: 2, actual: 1)
    ) { try graph([GraphNode("y", .add, ["x"])]) }
    #expect(
      throws: GraphError.arity(
        node: "n", operation: "relu", what: "outputs", lowest: 1, highest: 1, actual: 2)
    ) { try graph([GraphNode(name: "n", .relu, ["x"], ["y", "z"])]) }
  }

  @Test func `every error is one line`() throws {
    let errors: [GraphError] = [
      .duplicateName("a"), .missingValue(name: "a", node: "b"), .missingOutput("a"),
      .cycle(["a", "b"]), .empty, .unknownInput("a"), .missingInput("a"),
      .arity(node: "a", operation: "b", what: "inputs", lowest: 1, highest: 2, actual: 3),
      .openShape(input: "a", dimensions: [.size(1), .any, .symbol("n")]),
      .inputShape(input: "a", expected: [.size(1)], actual: [2]),
      .symbol(name: "n", first: 1, second: 2), .memory(needed: 1, available: 0),
      .inputType(input: "a", expected: try GraphType(.f32, []), actual: try GraphType(.i64, [1])),
      .constant(name: "a", .negativeDimension([-1])),
      .node(name: "a", operation: "b", .shapes(what: "c", [[1], [2, 3]])),
      .node(name: "a", operation: "b", .tooManyElements([1])),
      .node(name: "a", operation: "b", .count(what: "c", expected: 1, actual: 2)),
      .node(name: "a", operation: "b", .outOfRange(what: "c", value: 1, lowest: 2, highest: .max)),
      .node(name: "a", operation: "b", .element(what: "c", found: .bool)),
      .node(name: "a", operation: "b", .notConstant(what: "c")),
      .node(name: "a", operation: "b", .unsupported(what: "c", found: "d")),
      .node(name: "a", operation: "b", .memory(needed: 1, available: 0)),
      .option(.outOfRange(name: "threads", value: 0, minimum: 1, maximum: .max)),
    ]
    for error in errors {
      #expect(!"\(error)".isEmpty && !"\(error)".contains("\n"))
    }
  }
}
