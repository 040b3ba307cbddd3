// y ← f(a, b) with broadcasting, claims about numbers, and a choice between two arrays.

/// A function of two arrays of one type.
struct BinaryRule: OperatorRule {
  let function: BinaryFunction
  var inputs: ClosedRange<Int> { 2...2 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let element = try x.required(0, "the first operand").type.element
    if element == .bool { throw .element(what: "the first operand", found: element) }
    return [try broadcastType(x, element)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shapes = request.inputs.map { $0?.shape ?? [] }
    let walk = Broadcast(shapes, to: request.outputs[0].shape)
    if request.outputs[0].element == .i64 {
      let function = function
      return PairBody<Int, Int>(walk, request.split, kernel: "integers") { run in
        run.each { function.integer($0, $1) }
      }
    }
    return BinaryBody(function: function, walk: walk, split: request.split)
  }
}

/// Operands 0 and 1 have one type; their shape together, with another element type.
private func broadcastType(
  _ x: Operands, _ element: GraphElement, first: Int = 0
) throws(GraphProblem) -> GraphType {
  let (a, b) = (try x.required(first, "an operand"), try x.required(first + 1, "an operand"))
  if a.type.element != b.type.element {
    throw .element(
      what: "one operand is \(a.type.element.rawValue), the other", found: b.type.element)
  }
  let shapes = x.compactMap { $0?.shape }
  guard let shape = Broadcast.shape(shapes) else {
    throw .shapes(what: "operands that cannot be broadcast", shapes)
  }
  return try GraphType(element, shape)
}

private struct BinaryBody: GraphBody {
  let function: BinaryFunction
  let walk: Broadcast
  let split: WorkSplit
  var kernel: String { "broadcast" }

  func run(_ call: StepCall) {
    let (a, b, y) = (call.floats(0), call.floats(1), call.result)
    let (stepA, stepB) = (walk.steps[0], walk.steps[1])
    walk.forEachRun(split) { row, first, count in
      function.apply(
        a + walk.offset(0, row: row) + first * stepA, stepA,
        b + walk.offset(1, row: row) + first * stepB, stepB, y + row * walk.count + first, count)
    }
  }
}

/// Elements of two operands and of their result, in which an operand goes on by 0 or 1.
struct PairRun<T, R> {
  let a: UnsafePointer<T>, b: UnsafePointer<T>, y: UnsafeMutablePointer<R>
  let stepA: Int, stepB: Int, count: Int

  @inline(__always)
  func each(_ function: (T, T) -> R) {
    switch (stepA, stepB) {
    case (1, 1): for i in 0..<count { y[i] = function(a[i], b[i]) }
    case (0, 1):
      let a = a[0]
      for i in 0..<count { y[i] = function(a, b[i]) }
    case (1, 0):
      let b = b[0]
      for i in 0..<count { y[i] = function(a[i], b) }
    default: y.update(repeating: function(a[0], b[0]), count: count)
    }
  }
}

/// y ← f(a, b), one run after the other: `function` knows its types, which this loop does not have to.
struct PairBody<T: BitwiseCopyable & Sendable, R: BitwiseCopyable & Sendable>: GraphBody {
  let walk: Broadcast
  let split: WorkSplit
  let kernel: String
  let function: @Sendable (PairRun<T, R>) -> Void

  init(
    _ walk: Broadcast, _ split: WorkSplit, kernel: String,
    _ function: @escaping @Sendable (PairRun<T, R>) -> Void
  ) {
    (self.walk, self.split, self.kernel, self.function) = (walk, split, kernel, function)
  }

  func run(_ call: StepCall) {
    let a = call.input(0).assumingMemoryBound(to: T.self)
    let b = call.input(1).assumingMemoryBound(to: T.self)
    let y = call.output().assumingMemoryBound(to: R.self)
    let (stepA, stepB) = (walk.steps[0], walk.steps[1])
    walk.forEachRun(split) { row, first, count in
      function(
        PairRun(
          a: a + walk.offset(0, row: row) + first * stepA,
          b: b + walk.offset(1, row: row) + first * stepB, y: y + row * walk.count + first,
          stepA: stepA, stepB: stepB, count: count))
    }
  }
}

/// A claim about two arrays of one type.
struct ComparisonRule: OperatorRule {
  let comparison: Comparison
  var inputs: ClosedRange<Int> { 2...2 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let element = try x.required(0, "the first operand").type.element
    if element == .bool && comparison != .equal {
      throw .element(what: "the first operand", found: element)
    }
    return [try broadcastType(x, .bool)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shapes = request.inputs.map { $0?.shape ?? [] }
    let (walk, claim) = (Broadcast(shapes, to: request.outputs[0].shape), comparison)
    switch request.inputs[0]!.type.element {
    case .f32:
      return PairBody<Float, Bool>(walk, request.split, kernel: "claims") { claim.mark($0) }
    case .i64:
      return PairBody<Int, Bool>(walk, request.split, kernel: "claims") { claim.mark($0) }
    case .bool:
      return PairBody<Bool, Bool>(walk, request.split, kernel: "claims") { $0.each(==) }
    }
  }
}

/// A function of two arrays of truth values.
struct LogicalRule: OperatorRule {
  let function: LogicalFunction
  var inputs: ClosedRange<Int> { 2...2 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let element = try x.required(0, "the first operand").type.element
    if element != .bool { throw .element(what: "the first operand", found: element) }
    return [try broadcastType(x, .bool)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shapes = request.inputs.map { $0?.shape ?? [] }
    let (walk, function) = (Broadcast(shapes, to: request.outputs[0].shape), function)
    return PairBody<Bool, Bool>(walk, request.split, kernel: "truths") { run in
      switch function {
      case .and: run.each { $0 && $1 }
      case .or: run.each { $0 || $1 }
      case .exclusiveOr: run.each(!=)
      }
    }
  }
}

/// Not x.
struct NotRule: OperatorRule {
  var inputs: ClosedRange<Int> { 1...1 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    if type.element != .bool { throw .element(what: "the operand", found: type.element) }
    return [type]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    NotBody(count: request.outputs[0].count)
  }
}

private struct NotBody: GraphBody {
  let count: Int
  var kernel: String { "truths" }

  func run(_ call: StepCall) {
    let x = call.input(0).assumingMemoryBound(to: Bool.self)
    let y = call.output().assumingMemoryBound(to: Bool.self)
    for i in 0..<count { y[i] = !x[i] }
  }
}

/// a where the condition holds, else b.
struct WhereRule: OperatorRule {
  var inputs: ClosedRange<Int> { 3...3 }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let condition = try x.required(0, "the condition").type.element
    if condition != .bool { throw .element(what: "the condition", found: condition) }
    let element = try x.required(1, "the second operand").type.element
    return [try broadcastType(x, element, first: 1)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let shapes = request.inputs.map { $0?.shape ?? [] }
    let walk = Broadcast(shapes, to: request.outputs[0].shape)
    switch request.outputs[0].element {
    case .f32: return WhereBody<Float>(walk: walk, split: request.split)
    case .i64: return WhereBody<Int>(walk: walk, split: request.split)
    case .bool: return WhereBody<Bool>(walk: walk, split: request.split)
    }
  }
}

private struct WhereBody<T: BitwiseCopyable & Sendable>: GraphBody {
  let walk: Broadcast
  let split: WorkSplit
  var kernel: String { "choice" }

  func run(_ call: StepCall) {
    let condition = call.input(0).assumingMemoryBound(to: Bool.self)
    let a = call.input(1).assumingMemoryBound(to: T.self)
    let b = call.input(2).assumingMemoryBound(to: T.self)
    let y = call.output().assumingMemoryBound(to: T.self)
    let steps = (walk.steps[0], walk.steps[1], walk.steps[2])
    walk.forEachRun(split) { row, first, count in
      choose(
        condition + walk.offset(0, row: row) + first * steps.0,
        a + walk.offset(1, row: row) + first * steps.1,
        b + walk.offset(2, row: row) + first * steps.2, steps, y + row * walk.count + first, count)
    }
  }
}

@specialized(where T == Float)
@specialized(where T == Int)
@specialized(where T == Bool)
private func choose<T: BitwiseCopyable>(
  _ condition: UnsafePointer<Bool>, _ a: UnsafePointer<T>, _ b: UnsafePointer<T>,
  _ steps: (Int, Int, Int), _ y: UnsafeMutablePointer<T>, _ count: Int
) {
  for i in 0..<count { y[i] = condition[i &* steps.0] ? a[i &* steps.1] : b[i &* steps.2] }
}

extension GraphOperator {
  /// A function of two arrays, broadcast to one shape.
  public static func binary(_ function: BinaryFunction) -> GraphOperator {
    GraphOperator(function.rawValue, BinaryRule(function: function))
  }

  /// a + b, broadcast.
  public static let add = binary(.add)
  /// a · b, element by element and broadcast.
  public static let multiply = binary(.multiply)

  /// A claim about two arrays, broadcast.
  public static func compare(_ comparison: Comparison) -> GraphOperator {
    GraphOperator(comparison.rawValue, ComparisonRule(comparison: comparison))
  }

  /// A function of two arrays of truth values, broadcast.
  public static func logical(_ function: LogicalFunction) -> GraphOperator {
    GraphOperator(function.rawValue, LogicalRule(function: function))
  }

  /// The other truth value.
  public static let not = GraphOperator("not", NotRule())
  /// Elements of the second operand where the first holds, else of the third; broadcast.
  public static let choose = GraphOperator("where", WhereRule())
}
