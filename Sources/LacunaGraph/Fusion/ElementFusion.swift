// f(g(h(x))) → one pass: elementwise nodes that follow each other become a chain.

extension PlannedGraph {
  /// Joins functions of single elements, on arrays of one shape and single numbers, where only the next one reads
  /// what one makes.
  mutating func fuseElements() {
    for place in nodes.indices {
      if let chain = chain(nodes[place]) { nodes[place] = chain }
    }
    let uses = uses
    var readers = readers
    var gone: Set<Int> = []
    for start in nodes.indices where nodes[start].rule is ElementChain {
      var place = start
      while let reader = next(place, uses, readers),
        let joined = joined(nodes[place], with: nodes[reader])
      {
        gone.insert(place)
        for input in joined.inputs.compactMap({ $0 }) { readers[input] = reader }
        nodes[reader] = joined
        place = reader
      }
    }
    nodes = nodes.indices.filter { !gone.contains($0) }.map { nodes[$0] }
  }

  /// The node as a chain of one function; nil for all others.
  private func chain(_ node: PlannedNode) -> PlannedNode? {
    guard let result = node.outputs.first ?? nil, values[result].type.element == .f32 else {
      return nil
    }
    var node = node
    switch node.rule {
    case let rule as UnaryRule: node.rule = ElementChain(stages: [.unary(rule.function)])
    case let rule as ClipRule:
      let operands = node.inputs.map { $0.map { values[$0].operand } }
      guard let function = try? rule.function(operands) else { return nil }
      (node.rule, node.inputs) = (ElementChain(stages: [.unary(function)]), [node.inputs[0]])
    case let rule as BinaryRule:
      guard let a = node.inputs[0], let b = node.inputs[1] else { return nil }
      let shape = values[result].type.shape
      if values[a].type.shape == shape, let number = number(b) {
        node.rule = ElementChain(stages: [.number(rule.function, number, reversed: false)])
        node.inputs = [a]
      } else if values[b].type.shape == shape, let number = number(a) {
        node.rule = ElementChain(stages: [.number(rule.function, number, reversed: true)])
        node.inputs = [b]
      } else if values[a].type.shape == shape && values[b].type.shape == shape {
        node.rule = ElementChain(
          stages: [.array(rule.function, 1, reversed: false)], operands: 2)
      } else {
        return nil
      }
    default: return nil
    }
    return node
  }

  /// The number that a constant of one element is.
  func number(_ value: Int) -> Float? {
    guard values[value].type.count == 1 else { return nil }
    return values[value].constant?.array.floats?.first
  }

  /// The first chain continued by the second one; nil where the second does something else.
  private func joined(_ first: PlannedNode, with second: PlannedNode) -> PlannedNode? {
    guard let start = first.rule as? ElementChain, let end = second.rule as? ElementChain,
      let output = first.outputs[0], let result = second.outputs[0],
      values[output].type.shape == values[result].type.shape
    else { return nil }
    var (stages, inputs) = (end.stages, second.inputs)
    if inputs[0] != output {
      // A function of two arrays may read the chain as its second operand.
      guard stages.count == 1, inputs.count == 2, inputs[1] == output,
        case .array(let function, 1, let reversed) = stages[0]
      else { return nil }
      stages = [.array(function, 1, reversed: !reversed)]
      inputs = [inputs[1], inputs[0]]
    }
    if inputs.dropFirst().contains(output) { return nil }
    // Arrays of the second chain are numbered behind those of the first.
    let before = start.operands
    let moved = stages.map { stage -> ElementStage in
      guard case .array(let function, let place, let reversed) = stage else { return stage }
      return .array(function, place - 1 + before, reversed: reversed)
    }
    let operands = first.inputs + inputs.dropFirst()
    return PlannedNode(
      name: first.name, operation: first.operation,
      fused: first.fused + [second.operation] + second.fused,
      rule: ElementChain(stages: start.stages + moved, operands: operands.count),
      inputs: operands, outputs: second.outputs)
  }
}
