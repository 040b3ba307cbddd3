// Elements in another order or in another place: transposed, joined, cut up, repeated.

/// Axes in another order.
struct TransposeRule: OperatorRule {
  /// Nil reverses the axes.
  let order: [Int]?
  var inputs: ClosedRange<Int> { 1...1 }

  private func order(rank: Int) throws(GraphProblem) -> [Int] {
    guard let order else { return (0..<rank).reversed() }
    if order.sorted() != Array(0..<rank) {
      throw .unsupported(what: "transposing \(rank) axes by", found: "\(order)")
    }
    return order
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    return [
      GraphType(unchecked: type.element, try order(rank: type.rank).map { type.shape[$0] })
    ]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (shape, result) = (request.inputs[0]!.shape, request.outputs[0])
    let strides = rowMajorStrides(shape)
    return CopyBody(
      kernel: "copy",
      parts: [
        .init(
          input: 0,
          copy: StridedCopy(
            sizes: result.shape, source: try order(rank: shape.count).map { strides[$0] },
            target: rowMajorStrides(result.shape), elementSize: result.element.size,
            isa: request.options.isa ?? .selected))
      ], split: request.split)
  }
}

/// Arrays behind each other along one axis.
struct ConcatRule: OperatorRule {
  let place: Int
  var inputs: ClosedRange<Int> { 1...Int.max }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let first = try x.required(0, "the operand").type
    let place = try axis(place, rank: first.rank)
    var shape = first.shape
    for index in x.indices.dropFirst() {
      let next = try x.required(index, "the operand").type
      if next.element != first.element {
        throw .element(
          what: "joined to \(first.element.rawValue), operand \(index)", found: next.element)
      }
      var expected = first.shape
      if next.rank == first.rank { expected[place] = next.shape[place] }
      if expected != next.shape {
        throw .shapes(what: "joined along axis \(place)", [first.shape, next.shape])
      }
      shape[place] += next.shape[place]
    }
    return [try GraphType(first.element, shape)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let result = request.outputs[0]
    let place = try axis(place, rank: result.rank)
    let strides = rowMajorStrides(result.shape)
    var (parts, before): ([CopyBody.Part], Int) = ([], 0)
    for (index, operand) in request.inputs.enumerated() {
      let shape = operand!.shape
      parts.append(
        .init(
          input: index,
          copy: StridedCopy(
            sizes: shape, source: rowMajorStrides(shape), target: strides,
            targetOffset: before * strides[place], elementSize: result.element.size)))
      before += shape[place]
    }
    return CopyBody(kernel: "copy", parts: parts, split: request.split)
  }
}

/// Parts along one axis: as many as there are outputs, equal ones or of given sizes.
struct SplitRule: OperatorRule {
  let place: Int
  /// Sizes; nil for those of input 1, or else equal ones.
  let sizes: [Int]?
  /// How many parts.
  let count: Int

  var inputs: ClosedRange<Int> { 1...2 }
  var outputs: ClosedRange<Int> { count...count }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    let place = try axis(place, rank: type.rank)
    let size = type.shape[place]
    // Equal parts; the last one may be smaller.
    let equal = (size + count - 1) / count
    let sizes =
      try x.integers(1, "the sizes of the parts", unless: sizes)
      ?? (0..<count).map { max(0, min(equal, size - $0 * equal)) }
    if sizes.count != count { throw .count(what: "sizes", expected: count, actual: sizes.count) }
    if sizes.contains(where: { $0 < 0 || $0 > size }) || sizes.reduce(0, +) != size {
      throw .count(what: "as the sum of \(sizes)", expected: size, actual: sizes.reduce(0, &+))
    }
    return sizes.map { part in
      var shape = type.shape
      shape[place] = part
      return GraphType(unchecked: type.element, shape)
    }
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shape = request.inputs[0]!.shape
    let place = try axis(place, rank: shape.count)
    let strides = rowMajorStrides(shape)
    var (parts, before): ([CopyBody.Part], Int) = ([], 0)
    for (index, type) in request.outputs.enumerated() {
      parts.append(
        .init(
          input: 0, output: index,
          copy: StridedCopy(
            sizes: type.shape, source: strides, sourceOffset: before * strides[place],
            target: rowMajorStrides(type.shape), elementSize: type.element.size)))
      before += type.shape[place]
    }
    return CopyBody(kernel: "copy", parts: parts, split: request.split)
  }
}

/// The operand repeated to a shape that it can be broadcast to.
struct ExpandRule: OperatorRule {
  var inputs: ClosedRange<Int> { 2...2 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    let wanted = try x.integers(1, "the shape") ?? []
    _ = try GraphType(type.element, wanted)
    guard let shape = Broadcast.shape([type.shape, wanted]) else {
      throw .shapes(what: "cannot be broadcast", [type.shape, wanted])
    }
    return [try GraphType(type.element, shape)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (shape, result) = (request.inputs[0]!.shape, request.outputs[0])
    let strides = zip(shape, rowMajorStrides(shape)).map { $0 == 1 ? 0 : $1 }
    return CopyBody(
      kernel: "copy",
      parts: [
        .init(
          input: 0,
          copy: StridedCopy(
            sizes: result.shape,
            source: [Int](repeating: 0, count: result.rank - shape.count) + strides,
            target: rowMajorStrides(result.shape), elementSize: result.element.size))
      ], split: request.split)
  }
}

/// The operand repeated as often as input 1 says, along each axis.
struct TileRule: OperatorRule {
  var inputs: ClosedRange<Int> { 2...2 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    let times = try x.integers(1, "the repetitions") ?? []
    if times.count != type.rank {
      throw .count(what: "repetitions", expected: type.rank, actual: times.count)
    }
    var shape: [Int] = []
    for (size, count) in zip(type.shape, times) {
      let (product, overflow) = size.multipliedReportingOverflow(by: count)
      if overflow { throw .tooManyElements(type.shape) }
      shape.append(product)
    }
    return [try GraphType(type.element, shape)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (shape, result) = (request.inputs[0]!.shape, request.outputs[0])
    let (from, to) = (rowMajorStrides(shape), rowMajorStrides(result.shape))
    // Each axis as two: which repetition, and where in it.
    var (sizes, source, target): ([Int], [Int], [Int]) = ([], [], [])
    for place in shape.indices where shape[place] > 0 {
      sizes += [result.shape[place] / shape[place], shape[place]]
      source += [0, from[place]]
      target += [to[place] * shape[place], to[place]]
    }
    if result.count == 0 { sizes = [0] + sizes; source = [0] + source; target = [0] + target }
    return CopyBody(
      kernel: "copy",
      parts: [
        .init(
          input: 0,
          copy: StridedCopy(
            sizes: sizes, source: source, target: target, elementSize: result.element.size))
      ], split: request.split)
  }
}

extension GraphOperator {
  /// The axes in this order, or reversed.
  public static func transpose(_ order: [Int]? = nil) -> GraphOperator {
    GraphOperator("transpose", TransposeRule(order: order))
  }

  /// All operands behind each other along the axis.
  public static func concat(axis: Int) -> GraphOperator {
    GraphOperator("concat", ConcatRule(place: axis))
  }

  /// `parts` results along the axis, of these sizes, or those of operand 1, or equal ones.
  public static func split(axis: Int, into parts: Int, sizes: [Int]? = nil) -> GraphOperator {
    GraphOperator("split", SplitRule(place: axis, sizes: sizes, count: max(parts, 1)))
  }

  /// Operand 0 broadcast to the shape of operand 1, and to its own.
  public static let expand = GraphOperator("expand", ExpandRule())
  /// Operand 0 repeated as often as operand 1 says, along each axis.
  public static let tile = GraphOperator("tile", TileRule())
}
