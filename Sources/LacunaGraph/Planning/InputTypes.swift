// Open dimensions of a graph's inputs → sizes, by the shapes that a plan is made for.

extension Graph {
  /// The types of all inputs.
  ///
  /// - Throws: ``GraphError`` for a shape that does not fit, is missing, or belongs to no input, and for symbols
  ///   that are given two sizes.
  func inputTypes(
    _ shapes: [String: [Int]], _ fixed: [String: GraphArray]
  ) throws(GraphError) -> [GraphType] {
    for name in Array(shapes.keys) + Array(fixed.keys)
    where !inputs.contains(where: { $0.name == name }) {
      throw .unknownInput(name)
    }
    var symbols: [String: Int] = [:]
    var types: [GraphType] = []
    for input in inputs {
      if let array = fixed[input.name], array.values.element != input.element {
        throw .inputType(
          input: input.name, expected: GraphType(unchecked: input.element, array.shape),
          actual: array.type)
      }
      if let shape = fixed[input.name]?.shape ?? shapes[input.name] {
        try input.check(shape, &symbols)
      }
    }
    for input in inputs {
      let shape: [Int]
      if let given = fixed[input.name]?.shape ?? shapes[input.name] {
        shape = given
      } else {
        // Symbols that another input's shape has bound are known.
        var sizes: [Int] = []
        for dimension in input.dimensions {
          switch dimension {
          case .size(let size): sizes.append(size)
          case .symbol(let name) where symbols[name] != nil: sizes.append(symbols[name]!)
          case .symbol, .any:
            throw .openShape(input: input.name, dimensions: input.dimensions)
          }
        }
        shape = sizes
      }
      do throws(GraphProblem) { types.append(try GraphType(input.element, shape)) } catch {
        throw .node(name: input.name, operation: "input", error)
      }
    }
    return types
  }
}

extension GraphInput {
  fileprivate func check(_ shape: [Int], _ symbols: inout [String: Int]) throws(GraphError) {
    if shape.count != dimensions.count {
      throw .inputShape(input: name, expected: dimensions, actual: shape)
    }
    for (size, dimension) in zip(shape, dimensions) {
      switch dimension {
      case .size(let expected):
        if size != expected {
          throw .inputShape(input: name, expected: dimensions, actual: shape)
        }
      case .symbol(let symbol):
        if let first = symbols[symbol], first != size {
          throw .symbol(name: symbol, first: first, second: size)
        }
        symbols[symbol] = size
      case .any: break
      }
    }
  }
}
