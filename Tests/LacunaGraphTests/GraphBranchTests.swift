// A condition is decided when a plan is made: the nodes of one branch stand in it.

import LacunaGraph
import Testing

@Suite struct GraphBranchTests {
  private func graph(_ condition: GraphConstant?) throws -> Graph {
    let branches = try [2, 3].map { factor in
      try GraphBranch(
        constants: ["k": .array(GraphArray(Float(factor)))],
        nodes: [GraphNode("m", .multiply, ["x", "k"])], outputs: ["m"])
    }
    let operation = GraphOperator.conditional(branches[0], else: branches[1])
    return try Graph(
      inputs: [GraphInput("x", [2])] + (condition == nil ? [GraphInput("c", .bool, [Int]())] : []),
      constants: condition.map { ["c": $0] } ?? [:],
      nodes: [GraphNode("y", operation, ["c"] + operation.captures)], outputs: ["y"])
  }

  @Test(arguments: [true, false])
  func `one branch is left`(condition: Bool) throws {
    let known = try GraphArray(shape: [], values: .bool([condition]))
    let plan = try GraphPlan(graph(.array(known)))
    let x = try GraphArray([2], [1, 5])
    #expect(try plan.run(["x": x])["y"]?.floats == (condition ? [2, 10] : [3, 15]))
    #expect(plan.steps.count == 1)
    // The same by an input that is a constant of the plan.
    let other = try GraphPlan(graph(nil), constants: ["c": known])
    #expect(try other.run(["x": x]) == plan.run(["x": x]))
  }

  @Test func `a condition that only a run knows is refused`() throws {
    #expect(
      throws: GraphError.node(
        name: "y", operation: "if", .notConstant(what: "the condition"))
    ) { try GraphPlan(graph(nil)) }
  }

  @Test func `a branch reads what is around it, and is checked like a graph`() throws {
    let branch = try GraphBranch(
      nodes: [GraphNode("b", .add, ["a", "z"]), GraphNode("a", .relu, ["x"])], outputs: ["b"])
    #expect(branch.captures == ["z", "x"] && branch.nodes.map(\.name) == ["a", "b"])
    #expect(throws: GraphError.duplicateName("a")) {
      try GraphBranch(
        nodes: [GraphNode("a", .relu, ["x"]), GraphNode("a", .relu, ["x"])], outputs: ["a"])
    }
  }
}
