// y ← fₖ(… f₂(f₁(x, …), …)): functions of single elements, as many in a row as follow each other, in one pass.

import LacunaOperations

/// One function of a chain. The other operand of a binary one is a number, or an array of the result's shape.
enum ElementStage: Hashable, Sendable {
  case unary(UnaryFunction)
  /// f(x, c), or f(c, x) when it is reversed.
  case number(BinaryFunction, Float, reversed: Bool)
  /// The same with an array: the operand's place among the inputs.
  case array(BinaryFunction, Int, reversed: Bool)
}

/// A chain of functions of f32 on arrays of one shape.
struct ElementChain: OperatorRule {
  var stages: [ElementStage]
  /// Arrays that the chain reads, the one that it begins with included.
  var operands = 1

  var inputs: ClosedRange<Int> { operands...operands }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    [try x.numbers(0, "the operand").type]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    ElementChainBody(
      stages: stages, count: request.outputs[0].count, split: request.split,
      operands: operands)
  }
}

private struct ElementChainBody: GraphBody {
  let stages: [ElementStage]
  let count: Int
  let split: WorkSplit
  let operands: Int

  var kernel: String { stages.count == 1 ? "elementwise" : "elementwise ×\(stages.count)" }
  var inPlace: Int? { 0 }

  /// Elements that go through all functions while they are in the first cache.
  private static let stretch = 2048

  func run(_ call: StepCall) {
    split(count) { range, _ in
      var first = range.lowerBound
      while first < range.upperBound {
        let size = min(Self.stretch, range.upperBound - first)
        let y = call.result + first
        var x = call.floats(0) + first
        for stage in stages {
          switch stage {
          case .unary(let function): function.apply(x, y, size)
          case .number(let function, let number, let reversed):
            withUnsafePointer(to: number) {
              if reversed {
                function.apply($0, 0, x, 1, y, size)
              } else {
                function.apply(x, 1, $0, 0, y, size)
              }
            }
          case .array(let function, let place, let reversed):
            let other = call.floats(place) + first
            if reversed {
              function.apply(other, 1, x, 1, y, size)
            } else {
              function.apply(x, 1, other, 1, y, size)
            }
          }
          x = UnsafePointer(y)
        }
        first += size
      }
    }
  }
}

/// A function of one number.
struct UnaryRule: OperatorRule {
  let function: UnaryFunction
  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    if type.element == .bool || type.element == .i64 && function.integer(0) == nil {
      throw .element(what: "the operand", found: type.element)
    }
    return [type]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    if request.outputs[0].element == .f32 {
      return try ElementChain(stages: [.unary(function)]).body(request)
    }
    let function = function
    return IntegerMap(count: request.outputs[0].count) { function.integer($0) ?? 0 }
  }
}

/// y ← f(x) for integers: shapes and positions, so that speed is no concern.
private struct IntegerMap: GraphBody {
  let count: Int
  let function: @Sendable (Int) -> Int
  var kernel: String { "integers" }

  init(count: Int, _ function: @escaping @Sendable (Int) -> Int) {
    (self.count, self.function) = (count, function)
  }

  func run(_ call: StepCall) {
    let x = call.input(0).assumingMemoryBound(to: Int.self)
    let y = call.output().assumingMemoryBound(to: Int.self)
    for i in 0..<count { y[i] = function(x[i]) }
  }
}

/// min(max(x, lower), upper) with bounds that are operands, known when the plan is made.
struct ClipRule: OperatorRule {
  var inputs: ClosedRange<Int> { 1...3 }

  /// - Throws: ``GraphProblem`` when the bounds are not known, or are no interval.
  func function(_ x: Operands) throws(GraphProblem) -> UnaryFunction {
    func bound(_ index: Int, _ what: String) throws(GraphProblem) -> Float? {
      guard x.optional(index) != nil else { return nil }
      let operand = try x.numbers(index, what)
      guard let values = operand.floats else { throw .notConstant(what: what) }
      if values.count != 1 { throw .count(what: what, expected: 1, actual: values.count) }
      return values[0]
    }
    let lower = try bound(1, "the lower bound") ?? -.infinity
    let upper = try bound(2, "the upper bound") ?? .infinity
    if !(lower <= upper) {
      throw .operation(.invalidClamp(lower: Double(lower), upper: Double(upper)))
    }
    return .clip(lower, upper)
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    _ = try function(x)
    return [try x.numbers(0, "the operand").type]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    try ElementChain(stages: [.unary(try function(request.inputs))]).body(request)
  }
}

extension GraphOperator {
  /// A function of every element.
  public static func unary(_ function: UnaryFunction) -> GraphOperator {
    GraphOperator("\(function)".prefix { $0 != "(" }.description, UnaryRule(function: function))
  }

  /// max(x, 0)
  public static let relu = GraphOperator("relu", UnaryRule(function: .relu))

  /// min(max(x, lower), upper), with bounds as operands 1 and 2, each of which may be left out.
  public static let clip = GraphOperator("clip", ClipRule())
}
