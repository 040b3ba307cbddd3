// What does not fit is refused when a plan is made or run, with the node and the numbers.

import LacunaGraph
import LacunaOperations
import Testing

@Suite struct PlanErrorTests {
  private static let graph = try! Graph(
    inputs: [
      GraphInput("a", .f32, [.symbol("n"), .size(3)]), GraphInput("b", .f32, [.symbol("n"), .any]),
    ], nodes: [GraphNode("y", .add, ["a", "b"])], outputs: ["y"])

  @Test func `open dimensions have to be given, and have to agree`() throws {
    #expect(throws: GraphError.openShape(input: "a", dimensions: [.symbol("n"), .size(3)])) {
      try GraphPlan(Self.graph)
    }
    #expect(throws: GraphError.symbol(name: "n", first: 2, second: 4)) {
      try GraphPlan(Self.graph, shapes: ["a": [2, 3], "b": [4, 3]])
    }
    #expect(
      throws: GraphError.inputShape(
        input: "a", expected: [.symbol("n"), .size(3)], actual: [2, 4])
    ) { try GraphPlan(Self.graph, shapes: ["a": [2, 4], "b": [2, 3]]) }
    #expect(throws: GraphError.unknownInput("c")) {
      try GraphPlan(Self.graph, shapes: ["c": [2, 4]])
    }
    #expect(throws: GraphError.openShape(input: "b", dimensions: [.symbol("n"), .any])) {
      try GraphPlan(Self.graph, shapes: ["a": [2, 3]])
    }
  }

  @Test func `a run takes the arrays that the plan was made for`() throws {
    let plan = try GraphPlan(Self.graph, shapes: ["a": [1, 3], "b": [1, 3]])
    let row = try GraphArray([1, 3], [1, 2, 3])
    #expect(throws: GraphError.missingInput("b")) { try plan.run(["a": row]) }
    #expect(throws: GraphError.unknownInput("c")) { try plan.run(["a": row, "b": row, "c": row]) }
    #expect(
      throws: GraphError.inputType(
        input: "b", expected: try GraphType(.f32, [1, 3]), actual: try GraphType(.i64, [3]))
    ) { try plan.run(["a": row, "b": GraphArray([1, 2, 3])]) }
  }

  @Test func `a node that cannot be is named, with what does not fit`() {
    func refused(
      _ operation: GraphOperator, _ shapes: [Int]..., constants: [String: GraphConstant] = [:]
    ) -> GraphProblem? {
      let names = shapes.indices.map { "x\($0)" }
      do throws(GraphError) {
        let graph = try Graph(
          inputs: zip(names, shapes).map { GraphInput($0, $1) }, constants: constants,
          nodes: [
            GraphNode(name: "node", operation, names + constants.keys.sorted(), ["y"])
          ], outputs: ["y"])
        _ = try GraphPlan(graph)
      } catch {
        if case .node("node", _, let problem) = error { return problem }
      }
      return nil
    }
    func known(_ integers: Int...) -> [String: GraphConstant] {
      ["z": .array(GraphArray(integers))]
    }
    #expect(
      refused(.add, [2, 3], [4, 3])
        == .shapes(what: "operands that cannot be broadcast", [[2, 3], [4, 3]]))
    #expect(
      refused(.matMul, [2, 3], [4, 3]) == .shapes(what: "factors do not fit", [[2, 3], [4, 3]]))
    #expect(
      refused(.reshape(), [2, 3], constants: known(4, 2))
        == .count(what: "elements", expected: 6, actual: 8))
    #expect(
      refused(.reshape(), [2, 3], constants: known(-1, -1))
        == .unsupported(what: "more than one −1 in", found: "[-1, -1]"))
    #expect(refused(.reshape(), [2, 3], [2]) == .element(what: "the new shape", found: .f32))
    #expect(
      refused(.gather(axis: 2), [2, 3], constants: known(0))
        == .outOfRange(what: "the axis", value: 2, lowest: -2, highest: 1))
    #expect(
      refused(.gather(), [2, 3], constants: known(2))
        == .outOfRange(what: "a position", value: 2, lowest: -2, highest: 1))
    #expect(
      refused(.concat(axis: 0), [2, 3], [2, 4])
        == .shapes(what: "joined along axis 0", [[2, 3], [2, 4]]))
    #expect(
      refused(.transpose([0, 0]), [2, 3])
        == .unsupported(what: "transposing 2 axes by", found: "[0, 0]"))
    #expect(
      refused(.squeeze([0]), [2, 3])
        == .outOfRange(what: "the squeezed dimension", value: 2, lowest: 1, highest: 1))
    #expect(
      refused(.slice(starts: [0], ends: [1, 2]), [2, 3])
        == .count(what: "ends", expected: 1, actual: 2))
    #expect(
      refused(.maxPool(kernel: [3, 3]), [1, 1, 2, 5])
        == .outOfRange(what: "the height of the dilated kernel", value: 3, lowest: 1, highest: 2))
    #expect(
      refused(.maxPool(kernel: [2, 2], padding: .explicit([2, 0, 0, 0])), [1, 1, 5, 5])
        == .operation(.convolution(.paddingTooLarge(edge: "top", padding: 2, extent: 2))))
    #expect(
      refused(.maxPool(kernel: [2, 2]), [1, 1, 0, 5])
        == .outOfRange(
          what: "the image height", value: 0, lowest: 1, highest: Int(Int32.max)))
    #expect(
      refused(.convolution(groups: 2), [1, 3, 5, 5], [4, 1, 3, 3])
        == .count(what: "channels of the kernel in all groups", expected: 3, actual: 2))
    #expect(
      refused(.convolution(), [1, 3, 5, 5], [4, 3, 3, 3]) == .notConstant(what: "the kernel"))
    #expect(
      refused(.expand, [2, 3], constants: known(4, 3))
        == .shapes(what: "cannot be broadcast", [[2, 3], [4, 3]]))
    #expect(
      refused(.pad([-3, 0]), [2])
        == .outOfRange(
          what: "the padding of a dimension of 2", value: -3, lowest: -2, highest: .max))
    #expect(
      refused(.split(axis: 0, into: 1, sizes: [4]), [3])
        == .count(what: "as the sum of [4]", expected: 3, actual: 4))
  }

  @Test func `constants may not grow beyond the memory that a plan may take`() throws {
    let graph = try Graph(
      inputs: [GraphInput("x", [1])],
      constants: ["big": .array(GraphArray([1 << 20, 1 << 10]))],
      nodes: [
        GraphNode("k", .filled(GraphArray(Float(1))), ["big"]), GraphNode("y", .add, ["x", "k"]),
      ], outputs: ["y"])
    #expect(
      throws: GraphError.node(
        name: "k", operation: "filled", .memory(needed: 4 << 30, available: 1 << 20))
    ) { try GraphPlan(graph, options: GraphOptions(memory: 1 << 20)) }
  }

  @Test func `threads are at least one`() {
    #expect(
      throws: GraphError.option(
        .outOfRange(name: "threads", value: 0, minimum: 1, maximum: .max))
    ) {
      try GraphPlan(
        Self.graph, shapes: ["a": [1, 3], "b": [1, 3]], options: GraphOptions(threads: 0))
    }
  }
}
