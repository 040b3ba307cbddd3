// x · σ(x) → SiLU, x · hardσ(x) and x · clip(x + 3, 0, 6) / 6 → hard-swish: how files write them whose version has no operator
// for them.

extension PlannedGraph {
  /// Makes one node of a number times its own gate, so that a product can take it up. Runs first.
  mutating func fuseGates() {
    fuseHardSwish()
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

extension PlannedGraph {
  /// The four operations of a hard-swish that is written out, as one node in the place of the last.
  private mutating func fuseHardSwish() {
    let uses = uses
    let readers = readers
    var makers: [Int: Int] = [:]
    for (place, node) in nodes.enumerated() {
      for output in node.outputs.compactMap({ $0 }) { makers[output] = place }
    }
    var gone: Set<Int> = []
    for place in nodes.indices {
      guard let product = nodes[place].rule as? BinaryRule, product.function == .multiply,
        let a = nodes[place].inputs[0], let b = nodes[place].inputs[1], a != b,
        let last = next(place, uses, readers), dividesBySix(nodes[last], nodes[place].outputs[0])
      else { continue }
      for (number, gate) in [(a, b), (b, a)] {
        guard uses[gate] == 1, let clip = makers[gate], isClipOfSix(nodes[clip]),
          let sum = nodes[clip].inputs[0], uses[sum] == 1, let add = makers[sum],
          addsThree(nodes[add], to: number)
        else { continue }
        gone.formUnion([add, clip, place])
        nodes[last] = PlannedNode(
          name: nodes[add].name, operation: nodes[add].operation,
          fused: [nodes[clip].operation, nodes[place].operation, nodes[last].operation],
          rule: UnaryRule(function: .hardSwish), inputs: [number], outputs: nodes[last].outputs)
        break
      }
    }
    nodes = nodes.indices.filter { !gone.contains($0) }.map { nodes[$0] }
  }

  private func addsThree(_ node: PlannedNode, to value: Int) -> Bool {
    guard let rule = node.rule as? BinaryRule, rule.function == .add,
      let a = node.inputs[0], let b = node.inputs[1], a == value || b == value
    else { return false }
    return number(a == value ? b : a) == 3
  }

  private func isClipOfSix(_ node: PlannedNode) -> Bool {
    switch node.rule {
    case let rule as UnaryRule: return rule.function == .clip(0, 6)
    case let rule as ClipRule:
      let operands = node.inputs.map { $0.map { values[$0].operand } }
      return (try? rule.function(operands)) == .clip(0, 6)
    default: return false
    }
  }

  private func dividesBySix(_ node: PlannedNode, _ value: Int?) -> Bool {
    guard let rule = node.rule as? BinaryRule, let a = node.inputs[0], let b = node.inputs[1]
    else { return false }
    if rule.function == .divide { return a == value && number(b) == 6 }
    guard rule.function == .multiply, let factor = number(a == value ? b : a) else { return false }
    return abs(factor * 6 - 1) < 1e-6
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
