// What networks compute about shapes: known when a plan is made, and gone from it.

/// Sizes of the operand's dimensions from `start` to `end`.
struct ShapeRule: OperatorRule {
  let start: Int
  let end: Int?
  var inputs: ClosedRange<Int> { 1...1 }

  private func part(_ shape: [Int]) -> [Int] {
    func place(_ index: Int) -> Int {
      max(0, min(index < 0 ? index + shape.count : index, shape.count))
    }
    let (first, last) = (place(start), place(end ?? shape.count))
    return first < last ? Array(shape[first..<last]) : []
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    [GraphType(unchecked: .i64, [part(try x.required(0, "the operand").shape).count])]
  }

  func known(_ x: Operands, _ types: [GraphType]) throws(GraphProblem) -> [GraphArray]? {
    [GraphArray(part(try x.required(0, "the operand").shape))]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    throw .unsupported(what: "a shape", found: "that no plan knows")
  }
}

/// Number of the operand's elements.
struct SizeRule: OperatorRule {
  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    _ = try x.required(0, "the operand")
    return [GraphType(unchecked: .i64, [])]
  }

  func known(_ x: Operands, _ types: [GraphType]) throws(GraphProblem) -> [GraphArray]? {
    [GraphArray(try x.required(0, "the operand").type.count)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    throw .unsupported(what: "a size", found: "that no plan knows")
  }
}

/// One element again and again, in the shape that the operand says.
struct FilledRule: OperatorRule {
  /// Of one element.
  let value: GraphArray
  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    if value.values.count != 1 {
      throw .count(what: "elements to fill with", expected: 1, actual: value.values.count)
    }
    return [try GraphType(value.values.element, x.integers(0, "the shape") ?? [])]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    FillBody(value: value, count: request.outputs[0].count)
  }
}

private struct FillBody: GraphBody {
  let value: GraphArray
  let count: Int
  var kernel: String { "fill" }

  func run(_ call: StepCall) {
    func fill<T>(_ element: T) {
      call.output().assumingMemoryBound(to: T.self).update(repeating: element, count: count)
    }
    switch value.values {
    case .f32(let values): fill(values[0])
    case .i64(let values): fill(values[0])
    case .bool(let values): fill(values[0])
    }
  }
}

/// start, start + step, … below the limit; all three are operands.
struct RangeRule: OperatorRule {
  var inputs: ClosedRange<Int> { 3...3 }

  /// First, step and count.
  private func numbers(
    _ x: Operands
  ) throws(GraphProblem) -> (first: GraphArray, step: GraphArray, count: Int) {
    var found: [GraphArray] = []
    for (index, what) in ["the start", "the limit", "the step"].enumerated() {
      guard let array = try x.required(index, what).constant?.array else {
        throw .notConstant(what: what)
      }
      if array.values.count != 1 {
        throw .count(what: what, expected: 1, actual: array.values.count)
      }
      found.append(array)
    }
    switch (found[0].values, found[1].values, found[2].values) {
    case (.i64(let start), .i64(let limit), .i64(let step)):
      if step[0] == 0 { throw .outOfRange(what: "the step", value: 0, lowest: 1, highest: .max) }
      let (distance, overflow) = limit[0].subtractingReportingOverflow(start[0])
      if overflow { throw .tooManyElements([start[0], limit[0]]) }
      let up = step[0] > 0
      let stride = Int(clamping: step[0].magnitude)
      let length = up ? distance : distance == .min ? .max : -distance
      return (found[0], found[2], length <= 0 ? 0 : (length - 1) / stride + 1)
    case (.f32(let start), .f32(let limit), .f32(let step)):
      let count = ((limit[0] - start[0]) / step[0]).rounded(.up)
      guard count.isFinite, count < 1e9 else {
        throw .unsupported(what: "a range", found: "of \(count) numbers")
      }
      return (found[0], found[2], max(0, Int(count)))
    default: throw .element(what: "the step", found: found[2].values.element)
    }
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let (first, _, count) = try numbers(x)
    return [try GraphType(first.values.element, [count])]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let (first, step, count) = try numbers(request.inputs)
    return RangeBody(first: first, step: step, count: count)
  }
}

private struct RangeBody: GraphBody {
  let first: GraphArray, step: GraphArray
  let count: Int
  var kernel: String { "range" }

  func run(_ call: StepCall) {
    if let start = first.integers, let step = step.integers {
      let y = call.output().assumingMemoryBound(to: Int.self)
      for i in 0..<count { y[i] = start[0] &+ i &* step[0] }
    } else if let start = first.floats, let step = step.floats {
      for i in 0..<count { call.result[i] = start[0] + Float(i) * step[0] }
    }
  }
}

/// The operand's elements as another type.
struct CastRule: OperatorRule {
  let element: GraphElement
  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    [GraphType(unchecked: element, try x.required(0, "the operand").shape)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    CastBody(from: request.inputs[0]!.type.element, to: element, count: request.outputs[0].count)
  }
}

private struct CastBody: GraphBody {
  let from: GraphElement, to: GraphElement
  let count: Int
  var kernel: String { "cast" }

  func run(_ call: StepCall) {
    switch (from, to) {
    case (.f32, .f32): convert(call) { (x: Float) in x }
    // Cut towards zero; what does not fit becomes the nearest number that does, NaN becomes 0.
    case (.f32, .i64):
      convert(call) { (x: Float) in
        x.isNaN ? 0 : Int(exactly: x.rounded(.towardZero)) ?? (x < 0 ? .min : .max)
      }
    case (.f32, .bool): convert(call) { (x: Float) in x != 0 }
    case (.i64, .f32): convert(call) { (x: Int) in Float(x) }
    case (.i64, .i64): convert(call) { (x: Int) in x }
    case (.i64, .bool): convert(call) { (x: Int) in x != 0 }
    case (.bool, .f32): convert(call) { (x: Bool) -> Float in x ? 1 : 0 }
    case (.bool, .i64): convert(call) { (x: Bool) -> Int in x ? 1 : 0 }
    case (.bool, .bool): convert(call) { (x: Bool) in x }
    }
  }

  @inline(__always)
  private func convert<T, R>(_ call: StepCall, _ f: (T) -> R) {
    let x = call.input(0).assumingMemoryBound(to: T.self)
    let y = call.output().assumingMemoryBound(to: R.self)
    for i in 0..<count { y[i] = f(x[i]) }
  }
}

extension GraphOperator {
  /// The sizes of the operand's dimensions, or some of them.
  public static func shape(from start: Int = 0, to end: Int? = nil) -> GraphOperator {
    GraphOperator("shape", ShapeRule(start: start, end: end))
  }

  /// How many elements the operand has.
  public static let size = GraphOperator("size", SizeRule())

  /// The one element of `value`, in the shape that the operand says.
  public static func filled(_ value: GraphArray) -> GraphOperator {
    GraphOperator("filled", FilledRule(value: value))
  }

  /// From operand 0 by steps of operand 2 to below operand 1.
  public static let range = GraphOperator("range", RangeRule())

  /// The operand's elements as another type: cut towards zero, different from 0, 1 or 0.
  public static func cast(to element: GraphElement) -> GraphOperator {
    GraphOperator("cast", CastRule(element: element))
  }
}
