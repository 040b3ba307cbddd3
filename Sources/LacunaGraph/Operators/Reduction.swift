// y[…] ← Σ, mean, product, largest or smallest of x over some axes.

/// How many numbers become one.
public enum ReductionFunction: String, Hashable, Sendable, CaseIterable {
  /// Σ x, Σ x / n, Π x, the largest and the smallest x, √Σx²
  case sum, mean, product, maximum, minimum, norm

  /// What a sum begins with.
  fileprivate var neutral: Float {
    switch self {
    case .sum, .mean, .norm: 0
    case .product: 1
    case .maximum: -.infinity
    case .minimum: .infinity
    }
  }

  @inline(__always)
  fileprivate func joined(_ a: Vector, _ b: Vector) -> Vector {
    switch self {
    case .sum, .mean: a + b
    case .norm: a + b * b
    case .product: a * b
    case .maximum: b.selected((a .< b) .| (b .!= b), else: a)
    case .minimum: b.selected((a .> b) .| (b .!= b), else: a)
    }
  }

  @inline(__always)
  fileprivate func joined(_ a: Float, _ b: Float) -> Float {
    switch self {
    case .sum, .mean: a + b
    case .norm: a + b * b
    case .product: a * b
    case .maximum: a < b || b.isNaN ? b : a
    case .minimum: a > b || b.isNaN ? b : a
    }
  }

  /// Partial results of two halves.
  fileprivate func merged(_ a: Float, _ b: Float) -> Float {
    self == .norm ? a + b : joined(a, b)
  }

  fileprivate func finished(_ sum: Float, of count: Int) -> Float {
    switch self {
    case .mean: sum / Float(count)
    case .norm: sum.squareRoot()
    default: sum
    }
  }
}

/// A reduction over some axes: all of them unless there is a list, which may be an input.
struct ReductionRule: OperatorRule {
  let function: ReductionFunction
  let list: [Int]?
  let keepsDimensions: Bool
  /// Whether an empty list means no axis instead of all.
  let emptyIsNone: Bool
  /// All axes behind the first two, whatever the operand's rank: pooling over everything.
  var spatial = false

  var inputs: ClosedRange<Int> { 1...2 }

  private func reduced(_ x: Operands) throws(GraphProblem) -> [Int] {
    let rank = try x.required(0, "the operand").rank
    if spatial {
      if rank < 3 {
        throw .outOfRange(what: "the rank of what is pooled", value: rank, lowest: 3, highest: .max)
      }
      return Array(2..<rank)
    }
    let list = try x.integers(1, "the axes") ?? list ?? []
    if list.isEmpty { return emptyIsNone ? [] : Array(0..<rank) }
    return try axes(list, rank: rank)
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let type = try x.required(0, "the operand").type
    if type.element == .bool || type.element == .i64 && [.mean, .norm].contains(function) {
      throw .element(what: "the operand", found: type.element)
    }
    let gone = try reduced(x)
    let shape = type.shape.indices.compactMap { place in
      gone.contains(place) ? (keepsDimensions ? 1 : nil) : type.shape[place]
    }
    return [GraphType(unchecked: type.element, shape)]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let type = request.inputs[0]!.type
    let gone = try reduced(request.inputs)
    let strides = rowMajorStrides(type.shape)
    let kept = type.shape.indices.filter { !gone.contains($0) }
    if type.element == .i64 {
      return IntegerReduction(
        function: function, kept: offsets(kept, type.shape, strides),
        reduced: offsets(gone, type.shape, strides))
    }
    // Reduced axes that lie together are one: [outer, count, inner].
    if let first = gone.first, let last = gone.last, last - first == gone.count - 1 {
      return BlockReduction(
        function: function, outer: type.shape[..<first].reduce(1, *),
        count: type.shape[first...last].reduce(1, *),
        inner: type.shape[(last + 1)...].reduce(1, *), split: request.split)
    }
    if gone.isEmpty {
      return BlockReduction(
        function: function, outer: type.count, count: 1, inner: 1, split: request.split)
    }
    return ScatteredReduction(
      function: function, kept: offsets(kept, type.shape, strides),
      reduced: offsets(gone, type.shape, strides))
  }

  /// Where the elements lie for every index of these axes.
  private func offsets(_ axes: [Int], _ shape: [Int], _ strides: [Int]) -> [Int] {
    axes.reduce([0]) { list, place in
      list.flatMap { base in (0..<shape[place]).map { base + $0 * strides[place] } }
    }
  }
}

private struct BlockReduction: GraphBody {
  let function: ReductionFunction
  let outer: Int, count: Int, inner: Int
  let split: WorkSplit
  var kernel: String { "reduce" }

  func run(_ call: StepCall) {
    let (x, y) = (call.floats(0), call.result)
    split(outer, weight: count * inner) { range, _ in
      for row in range {
        let block = x + row * count * inner
        if inner == 1 {
          y[row] = function.finished(reduced(block), of: count)
        } else {
          rows(block, y + row * inner)
        }
      }
    }
  }

  /// One number from `count` neighbours: eight sums side by side.
  private func reduced(_ x: UnsafePointer<Float>) -> Float {
    var sums = Vector(repeating: function.neutral)
    var i = 0
    while i + 8 <= count {
      sums = function.joined(sums, Vector(loading: x + i))
      i += 8
    }
    var sum = function.neutral
    for lane in 0..<8 { sum = function.merged(sum, sums[lane]) }
    while i < count {
      sum = function.joined(sum, x[i])
      i += 1
    }
    return sum
  }

  /// A row of numbers from `count` rows.
  private func rows(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    y.update(repeating: function.neutral, count: inner)
    for row in 0..<count {
      let function = function
      zipVectors(y, 1, x + row * inner, 1, y, inner) { function.joined($0, $1) }
    }
    for i in 0..<inner { y[i] = function.finished(y[i], of: count) }
  }
}

/// Axes with others between them.
private struct ScatteredReduction: GraphBody {
  let function: ReductionFunction
  let kept: [Int], reduced: [Int]
  var kernel: String { "reduce" }

  func run(_ call: StepCall) {
    let x = call.floats(0)
    for (place, base) in kept.enumerated() {
      var sum = function.neutral
      for offset in reduced { sum = function.joined(sum, x[base + offset]) }
      call.result[place] = function.finished(sum, of: reduced.count)
    }
  }
}

private struct IntegerReduction: GraphBody {
  let function: ReductionFunction
  let kept: [Int], reduced: [Int]
  var kernel: String { "integers" }

  func run(_ call: StepCall) {
    let x = call.input(0).assumingMemoryBound(to: Int.self)
    let y = call.output().assumingMemoryBound(to: Int.self)
    for (place, base) in kept.enumerated() {
      var sum: Int
      switch function {
      case .product: sum = 1
      case .maximum: sum = .min
      case .minimum: sum = .max
      case .sum, .mean, .norm: sum = 0
      }
      for offset in reduced {
        switch function {
        case .product: sum = sum &* x[base + offset]
        case .maximum: sum = max(sum, x[base + offset])
        case .minimum: sum = min(sum, x[base + offset])
        case .sum, .mean, .norm: sum = sum &+ x[base + offset]
        }
      }
      y[place] = sum
    }
  }
}

extension GraphOperator {
  /// A reduction over these axes, or those of operand 1, or all; with `emptyIsNone` an empty list means no axis.
  public static func reduce(
    _ function: ReductionFunction, axes: [Int]? = nil, keepsDimensions: Bool = true,
    emptyIsNone: Bool = false
  ) -> GraphOperator {
    GraphOperator(
      "reduce \(function.rawValue)",
      ReductionRule(
        function: function, list: axes, keepsDimensions: keepsDimensions, emptyIsNone: emptyIsNone))
  }

  /// One number for each channel of each image.
  public static let globalAveragePool = GraphOperator(
    "global average pool",
    ReductionRule(
      function: .mean, list: nil, keepsDimensions: true, emptyIsNone: false, spatial: true))

  /// The largest number of each channel of each image.
  public static let globalMaxPool = GraphOperator(
    "global max pool",
    ReductionRule(
      function: .maximum, list: nil, keepsDimensions: true, emptyIsNone: false, spatial: true))
}
