// activation(factor · (W·X) + summand + residual) → one node: what follows a product becomes part of it.

import LacunaFormats
import LacunaOperations

extension PlannedGraph {
  /// Folds into every product and convolution what only it feeds: batch normalisation and numbers for each channel
  /// into the weights and the bias, then for convolutions the sum with an array of the result's shape, then an
  /// activation that products have.
  mutating func fuseWeights() {
    var (uses, readers) = (uses, readers)
    var gone: Set<Int> = []
    for place in nodes.indices where nodes[place].rule is WeightedNode {
      var place = place
      while let reader = next(place, uses, readers),
        let fused = merged(nodes[place], with: nodes[reader])
      {
        // The product runs where the node stood that it swallowed: a residual may be made in between.
        gone.insert(place)
        for input in nodes[reader].inputs.compactMap({ $0 }) { uses[input] -= 1 }
        for input in nodes[place].inputs.compactMap({ $0 }) { uses[input] -= 1 }
        for input in fused.inputs.compactMap({ $0 }) {
          uses[input] += 1
          readers[input] = reader
        }
        nodes[reader] = fused
        place = reader
      }
    }
    nodes = nodes.indices.filter { !gone.contains($0) }.map { nodes[$0] }
  }

  /// The last node that reads each value: the only one where there is one use.
  var readers: [Int: Int] {
    var readers: [Int: Int] = [:]
    for (place, node) in nodes.enumerated() {
      for input in node.inputs.compactMap({ $0 }) { readers[input] = place }
    }
    return readers
  }

  /// The only reader of a node's only result.
  func next(_ place: Int, _ uses: [Int], _ readers: [Int: Int]) -> Int? {
    guard nodes[place].outputs.count == 1, let output = nodes[place].outputs[0], uses[output] == 1
    else { return nil }
    return readers[output]
  }

  /// Both as one product; nil where they cannot be.
  private func merged(_ node: PlannedNode, with reader: PlannedNode) -> PlannedNode? {
    guard var product = node.rule as? WeightedNode, let output = node.outputs[0] else { return nil }
    var inputs = node.inputs
    switch reader.rule {
    case let rule as BatchNormalizationRule where reader.inputs[0] == output:
      guard product.isLinear, product.channelAxis == 1,
        let (factors, summands) = try? rule.factors(operands(reader))
      else { return nil }
      product.scale(factors)
      product.add(summands)
    case let rule as BinaryRule:
      guard product.activation == .none else { return nil }
      let isFirst = reader.inputs[0] == output
      guard let other = reader.inputs[isFirst ? 1 : 0], other != output else { return nil }
      if product.isLinear, let numbers = channelNumbers(other, of: product) {
        switch rule.function {
        case .add: product.add(numbers)
        case .subtract where isFirst: product.add(numbers.map { -$0 })
        case .subtract:
          product.scale(numbers.map { _ in -1 })
          product.add(numbers)
        case .multiply: product.scale(numbers)
        case .divide where isFirst && !numbers.contains(0): product.scale(numbers.map { 1 / $0 })
        default: return nil
        }
      } else if case .convolution = product.form, rule.function == .add, product.isLinear,
        values[other].type.shape == product.shape
      {
        product.addsResidual = true
        inputs.append(other)
      } else {
        return nil
      }
    case let rule as UnaryRule:
      guard let activation = activation(rule.function, after: product) else { return nil }
      product.activation = activation
    case let rule as ClipRule where reader.inputs[0] == output:
      guard let function = try? rule.function(operands(reader)),
        let activation = activation(function, after: product)
      else { return nil }
      product.activation = activation
    default: return nil
    }
    guard let result = reader.outputs[0], values[result].type.shape == product.shape else {
      return nil
    }
    return PlannedNode(
      name: node.name, operation: node.operation,
      fused: node.fused + [reader.operation] + reader.fused, rule: product, inputs: inputs,
      outputs: reader.outputs)
  }

  private func operands(_ node: PlannedNode) -> Operands {
    node.inputs.map { $0.map { values[$0].operand } }
  }

  private func activation(_ function: UnaryFunction, after product: WeightedNode) -> Activation? {
    if product.activation != .none { return nil }
    return switch function {
    case .clip(0, Float.infinity): .relu
    case .clip(let lower, let upper): .clamp(Double(lower), Double(upper))
    case .hardSwish: .hardSwish
    case .swish(1): .silu
    default: nil
    }
  }

  /// A known operand that has one number for each channel of a product, or one for all.
  private func channelNumbers(_ value: Int, of product: WeightedNode) -> [Float]? {
    let type = values[value].type
    guard type.element == .f32, let numbers = values[value].constant?.array.floats,
      type.rank <= product.shape.count
    else { return nil }
    if numbers.count == 1 { return [Float](repeating: numbers[0], count: product.channels) }
    // All its dimensions are 1 but that of the channels.
    let axis = product.channelAxis - (product.shape.count - type.rank)
    guard numbers.count == product.channels, axis >= 0, type.shape[axis] == product.channels else {
      return nil
    }
    return numbers
  }
}
