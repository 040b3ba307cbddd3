// x · σ(x) → SiLU, x · hardσ(x) → hard-swish: how files write them whose version has no operator for them.

extension PlannedGraph {
  /// Makes one node of a number times its own gate, so that a product can take it up. Runs first.
  mutating func fuseGates() {
    let uses = uses
    var makers: [Int: Int] = [:]
    for (place, node) in nodes.enumerated() {
      for output in node.outputs.compactMap({ $0 }) { makers[output] = place }
    }
    var gone: Set<Int> = []
    for place in nodes.indices {
      guard let rule = nodes[place].rule as? BinaryRule, rule.function == .multiply,
        let a = nodes[place].inputs[0], let b = nodes[place].inputs[1], a != b
      else { continue }
      for (number, gate) in [(a, b), (b, a)] {
        guard uses[gate] == 1, let maker = makers[gate], nodes[maker].inputs == [number],
          let function = (nodes[maker].rule as? UnaryRule)?.function.gated
        else { continue }
        gone.insert(maker)
        nodes[place] = PlannedNode(
          name: nodes[maker].name, operation: nodes[maker].operation,
          fused: [nodes[place].operation], rule: UnaryRule(function: function), inputs: [number],
          outputs: nodes[place].outputs)
        break
      }
    }
    nodes = nodes.indices.filter { !gone.contains($0) }.map { nodes[$0] }
  }
}

extension UnaryFunction {
  /// x · f(x), where that has a name.
  fileprivate var gated: UnaryFunction? {
    switch self {
    case .sigmoid: .swish(1)
    case .hardSigmoid(1 / 6, 0.5): .hardSwish
    default: nil
    }
  }
}
