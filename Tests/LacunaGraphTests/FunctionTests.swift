// Functions of single elements beside the C library in double precision, over the whole range.

import Foundation
import LacunaGraph
import Testing

@Suite struct FunctionTests {
  /// What a function is in double precision, and how many units in the last place it may be off.
  struct Case: CustomStringConvertible, Sendable {
    let function: UnaryFunction
    let units: Double
    /// How far it may be off besides: where the result is a difference, or lies at the edge of the range.
    var absolute = 0.0
    let exact: @Sendable (Double) -> Double
    var description: String { "\(function)" }
  }

  static let cases: [Case] = [
    Case(function: .exp, units: 2) { exp($0) },
    Case(function: .sigmoid, units: 4, absolute: 0x1p-126) { 1 / (1 + exp(-$0)) },
    Case(function: .tanh, units: 4) { tanh($0) },
    Case(function: .erf, units: 4) { erf($0) },
    Case(function: .swish(1), units: 5, absolute: 0x1p-119) { $0 / (1 + exp(-$0)) },
    Case(function: .softplus, units: 3) { max($0, 0) + log1p(exp(-abs($0))) },
    Case(function: .hardSwish, units: 6, absolute: 0x1p-23) { $0 * min(max($0 / 6 + 0.5, 0), 1) },
    Case(function: .hardSigmoid(0.2, 0.5), units: 4, absolute: 0x1p-25) {
      min(max(Double(Float(0.2)) * $0 + 0.5, 0), 1)
    },
    Case(function: .leakyRelu(0.25), units: 0.5) { $0 < 0 ? 0.25 * $0 : $0 },
    Case(function: .clip(-1.5, 6), units: 0) { min(max($0, -1.5), 6) },
    Case(function: .reciprocal, units: 0.5) { 1 / $0 },
    Case(function: .sqrt, units: 0.5) { $0.squareRoot() },
    Case(function: .floor, units: 0) { $0.rounded(.down) },
    Case(function: .round, units: 0) { $0.rounded(.toNearestOrEven) },
    Case(function: .negate, units: 0) { -$0 },
    Case(function: .absolute, units: 0) { abs($0) },
  ]

  /// Numbers of every size and both signs, those around which functions change, and those that are none.
  static let places: [Float] = {
    var places: [Float] = [0, -0.0, 0.625, -0.625, 1, -1, 2, 3, -3, 6, 88.5, 89, -87, -104, -110]
    for exponent in -30...7 {
      for step in 0..<37 {
        let number = Float(sign: .plus, exponent: exponent, significand: 1 + Float(step) / 37)
        places += [number, -number]
      }
    }
    return places + [.infinity, -.infinity, .nan]
  }()

  @Test(arguments: cases)
  func `is what the C library says`(function: Case) throws {
    let y = try #require(
      try result(
        [GraphNode("y", .unary(function.function), ["x"])],
        ["x": GraphArray([Self.places.count], Self.places)]
      ).floats)
    for (x, y) in zip(Self.places, y) {
      let exact = function.exact(Double(x))
      if exact.isNaN {
        #expect(y.isNaN, "\(x)")
        continue
      }
      let rounded = Float(exact)
      if rounded == y { continue }
      // Below the normal range a unit is that of the smallest normal number.
      let unit = Double(max(rounded.magnitude, Float.leastNormalMagnitude).ulp)
      let bound = function.units * unit + function.absolute
      #expect(abs(Double(y) - exact) <= bound, "\(x): \(y), not \(exact)")
    }
  }

  @Test(arguments: BinaryFunction.allCases)
  func `two operands, broadcast either way, are what integers say`(function: BinaryFunction) throws
  {
    let a = [-7, 7, -6, 6, 3, 1], b = [3, -2, 1, 2]
    let names = [GraphNode("y", .binary(function), ["a", "b"])]
    let whole = try result(
      names,
      [
        "a": GraphArray(shape: [6, 1], values: .i64(a)), "b": GraphArray(b),
      ])
    #expect(whole.shape == [6, 4])
    let floats = try result(
      names,
      [
        "a": GraphArray([6, 1], a.map { Float($0) }), "b": GraphArray([4], b.map { Float($0) }),
      ])
    for (place, (i, f)) in zip(try #require(whole.integers), try #require(floats.floats))
      .enumerated()
    {
      // Quotients of integers are cut, and so are powers below one.
      let exact = function == .divide || function == .power ? f.rounded(.towardZero) : f
      #expect(Float(i) == exact, "\(function) of \(a[place / 4]) and \(b[place % 4])")
    }
  }

  /// Shapes of two operands that walk in every way: alike, one standing still, both, and on several threads.
  private static let pairs: [(a: [Int], b: [Int])] = [
    ([5, 7], [5, 7]), ([5, 1], [1, 7]), ([5, 1], [5, 7]), ([5, 7], [5, 1]), ([], [5, 7]),
    ([3, 5, 1], [3, 1, 1]), ([300, 1], [1, 500]),
  ]

  /// Element (i, j, …) of an array of that shape, broadcast to `shape`, in the order of `shape`.
  private func broadcast<T>(_ values: [T], _ own: [Int], to shape: [Int]) -> [T] {
    (0..<shape.reduce(1, *)).map { place in
      var (left, offset, stride) = (place, 0, 1)
      for (axis, size) in shape.enumerated().reversed() {
        let (next, index) = left.quotientAndRemainder(dividingBy: size)
        left = next
        let mine = axis - (shape.count - own.count)
        if mine >= 0 {
          offset += own[mine] == 1 ? 0 : index * stride
          stride *= own[mine]
        }
      }
      return values[offset]
    }
  }

  @Test(arguments: pairs, [1, 2])
  func `claims, truths and choices are those of plain loops, however they are broadcast`(
    shapes: (a: [Int], b: [Int]), threads: Int
  ) throws {
    let shape = zip(
      [Int](repeating: 1, count: max(0, shapes.b.count - shapes.a.count)) + shapes.a, shapes.b
    ).map { max($0, $1) }
    func numbers(_ shape: [Int], _ factor: Int) -> [Int] {
      (0..<shape.reduce(1, *)).map { $0 * factor % 5 - 2 }
    }
    let (a, b) = (numbers(shapes.a, 3), numbers(shapes.b, 2))
    let (wideA, wideB) = (
      broadcast(a, shapes.a, to: shape), broadcast(b, shapes.b, to: shape)
    )
    func check(
      _ operation: GraphOperator, _ operands: [GraphArray], _ expected: GraphValues
    ) throws {
      let names = operands.indices.map { "x\($0)" }
      let graph = try Graph(
        inputs: zip(names, operands).map { GraphInput($0, $1.type.element, $1.shape) },
        nodes: [GraphNode("y", operation, names)], outputs: ["y"])
      let plan = try GraphPlan(graph, options: GraphOptions(threads: threads))
      let y = try plan.run(Dictionary(uniqueKeysWithValues: zip(names, operands)))["y"]
      #expect(y?.shape == shape && y?.values == expected, "\(operation.name) \(shapes)")
    }
    let integers = [
      try GraphArray(shape: shapes.a, values: .i64(a)),
      try GraphArray(shape: shapes.b, values: .i64(b)),
    ]
    let floats = [
      try GraphArray(shapes.a, a.map { Float($0) }), try GraphArray(shapes.b, b.map { Float($0) }),
    ]
    let truths = [
      try GraphArray(shape: shapes.a, values: .bool(a.map { $0 > 0 })),
      try GraphArray(shape: shapes.b, values: .bool(b.map { $0 > 0 })),
    ]
    for (claim, holds) in [
      (Comparison.equal, { (a: Int, b: Int) in a == b }), (.less, { $0 < $1 }),
      (.greater, { $0 > $1 }), (.lessOrEqual, { $0 <= $1 }), (.greaterOrEqual, { $0 >= $1 }),
    ] {
      let expected = GraphValues.bool(zip(wideA, wideB).map(holds))
      try check(.compare(claim), integers, expected)
      try check(.compare(claim), floats, expected)
    }
    for (function, holds) in [
      (LogicalFunction.and, { (a: Bool, b: Bool) in a && b }), (.or, { $0 || $1 }),
      (.exclusiveOr, { $0 != $1 }),
    ] {
      try check(
        .logical(function), truths, .bool(zip(wideA, wideB).map { holds($0 > 0, $1 > 0) }))
    }
    let sameTruths = zip(wideA, wideB).map { ($0 > 0) == ($1 > 0) }
    try check(.compare(.equal), truths, .bool(sameTruths))
    // a where a > 0, else b, of each type.
    let chosen = zip(wideA, wideB).map { $0 > 0 ? $0 : $1 }
    try check(.choose, [truths[0]] + integers, .i64(chosen))
    try check(.choose, [truths[0]] + floats, .f32(chosen.map { Float($0) }))
    try check(.choose, [truths[0]] + truths, .bool(chosen.map { $0 > 0 }))
  }
}
