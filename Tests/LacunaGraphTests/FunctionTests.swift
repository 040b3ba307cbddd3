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
}
