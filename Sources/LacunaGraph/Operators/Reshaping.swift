// The same elements in another shape: nothing is copied where they can stay where they are.

/// Another shape for the first input.
struct ReshapeRule: OperatorRule {
  /// How the new shape is found.
  enum Form: Sendable {
    /// Input 1; −1 stands for what is left, 0 for the same dimension of the input unless zeros are meant.
    case shape(zeroCopies: Bool)
    /// [product before the axis, product from it on].
    case flatten(axis: Int)
    /// Without the dimensions of 1 at these axes, all of them, or those of input 1.
    case squeeze([Int]?)
    /// With dimensions of 1 at these axes of the result, or those of input 1.
    case unsqueeze([Int]?)
    /// The same shape.
    case identity
  }

  let form: Form

  var inputs: ClosedRange<Int> {
    switch form {
    case .shape: 2...2
    case .flatten, .identity: 1...1
    case .squeeze, .unsqueeze: 1...2
    }
  }
  var aliases: Bool { true }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    return [try GraphType(type.element, shape(type.shape, x))]
  }

  private func shape(_ shape: [Int], _ x: Operands) throws(GraphProblem) -> [Int] {
    switch form {
    case .identity: return shape
    case .flatten(let place):
      if place == shape.count { return [shape.reduce(1, *), 1] }
      let first = try axis(place, rank: shape.count)
      return [shape[..<first].reduce(1, *), shape[first...].reduce(1, *)]
    case .squeeze(let list):
      guard let list = try x.integers(1, "the axes") ?? list else {
        return shape.filter { $0 != 1 }
      }
      let gone = try axes(list, rank: shape.count)
      for place in gone where shape[place] != 1 {
        throw .outOfRange(
          what: "the squeezed dimension", value: shape[place], lowest: 1, highest: 1)
      }
      return shape.indices.filter { !gone.contains($0) }.map { shape[$0] }
    case .unsqueeze(let list):
      guard let list = try x.integers(1, "the axes") ?? list else {
        throw .count(what: "the axes", expected: 1, actual: 0)
      }
      let new = try axes(list, rank: shape.count + list.count)
      var rest = shape[...]
      return (0..<shape.count + new.count).map { new.contains($0) ? 1 : rest.removeFirst() }
    case .shape(let zeroCopies):
      return try reshaped(shape, to: try x.integers(1, "the new shape") ?? [], zeroCopies)
    }
  }

  private func reshaped(
    _ shape: [Int], to wanted: [Int], _ zeroCopies: Bool
  ) throws(GraphProblem) -> [Int] {
    var result = wanted
    for place in wanted.indices where wanted[place] == 0 && zeroCopies {
      if place >= shape.count {
        throw .shapes(what: "no dimension to copy to \(wanted)", [shape])
      }
      result[place] = shape[place]
    }
    let open = result.indices.filter { result[$0] == -1 }
    if open.count > 1 { throw .unsupported(what: "more than one −1 in", found: "\(wanted)") }
    let count = shape.reduce(1, *)
    if let open = open.first {
      result[open] = 1
      let rest = try GraphType(.f32, result).count
      if rest == 0 || count % rest != 0 {
        throw .shapes(what: "elements do not divide into \(wanted)", [shape])
      }
      result[open] = count / rest
    }
    let found = try GraphType(.f32, result).count
    if found != count { throw .count(what: "elements", expected: count, actual: found) }
    return result
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let type = request.outputs[0]
    return CopyBody(
      kernel: "copy",
      parts: [
        .init(
          input: 0,
          copy: StridedCopy(
            sizes: [type.count], source: [1], target: [1], elementSize: type.element.size))
      ], split: request.split)
  }
}

extension GraphOperator {
  /// The elements of operand 0 in the shape of operand 1, in which −1 stands for what is left and 0 for the same
  /// dimension of operand 0, or for itself.
  public static func reshape(zeroCopies: Bool = true) -> GraphOperator {
    GraphOperator("reshape", ReshapeRule(form: .shape(zeroCopies: zeroCopies)))
  }

  /// The dimensions before the axis as one, and those from it on.
  public static func flatten(axis: Int = 1) -> GraphOperator {
    GraphOperator("flatten", ReshapeRule(form: .flatten(axis: axis)))
  }

  /// Without the dimensions of 1 at these axes, or those of operand 1, or all.
  public static func squeeze(_ axes: [Int]? = nil) -> GraphOperator {
    GraphOperator("squeeze", ReshapeRule(form: .squeeze(axes)))
  }

  /// With dimensions of 1 at these axes of the result, or those of operand 1.
  public static func unsqueeze(_ axes: [Int]? = nil) -> GraphOperator {
    GraphOperator("unsqueeze", ReshapeRule(form: .unsqueeze(axes)))
  }

  /// The operand.
  public static let identity = GraphOperator("identity", ReshapeRule(form: .identity))
}
