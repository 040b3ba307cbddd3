// y ← f(a, b) for two numbers at a time.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A function of two numbers that is applied element by element.
public enum BinaryFunction: String, Hashable, Sendable, CaseIterable {
  /// a + b, a − b, a · b, a / b; of integers the quotient is cut towards zero, and 0 for a divisor of 0.
  case add, subtract, multiply, divide
  /// aᵇ
  case power
  /// The larger and the smaller one; NaN if either is.
  case maximum, minimum
  /// The remainder with the sign of b, as in Python, and with that of a, as in C.
  case modulo, remainder

  /// y ← f(a, b). A step of 0 takes the same element again and again, a step of 1 the next one; elements of `y` may
  /// be those of an operand of step 1.
  func apply(
    _ a: UnsafePointer<Float>, _ stepA: Int, _ b: UnsafePointer<Float>, _ stepB: Int,
    _ y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    switch self {
    case .add: zipVectors(a, stepA, b, stepB, y, count) { $0 + $1 }
    case .subtract: zipVectors(a, stepA, b, stepB, y, count) { $0 - $1 }
    case .multiply: zipVectors(a, stepA, b, stepB, y, count) { $0 * $1 }
    case .divide: zipVectors(a, stepA, b, stepB, y, count) { $0 / $1 }
    case .maximum:
      zipVectors(a, stepA, b, stepB, y, count) { $1.selected(($0 .< $1) .| ($1 .!= $1), else: $0) }
    case .minimum:
      zipVectors(a, stepA, b, stepB, y, count) { $1.selected(($0 .> $1) .| ($1 .!= $1), else: $0) }
    case .power:
      // The exponents of models: squares, roots and their like need no logarithm.
      switch stepB == 0 ? b[0] : 0 {
      case 2: zipVectors(a, stepA, a, stepA, y, count) { $0 * $1 }
      case 3: zipVectors(a, stepA, a, stepA, y, count) { $0 * $1 * $0 }
      default: for i in 0..<count { y[i] = powf(a[i * stepA], b[i * stepB]) }
      }
    case .modulo:
      for i in 0..<count {
        let (x, m) = (a[i * stepA], b[i * stepB])
        let rest = fmodf(x, m)
        y[i] = rest != 0 && (rest < 0) != (m < 0) ? rest + m : rest
      }
    case .remainder: for i in 0..<count { y[i] = fmodf(a[i * stepA], b[i * stepB]) }
    }
  }

  /// The same for integers: sums and products wrap around.
  func integer(_ a: Int, _ b: Int) -> Int {
    switch self {
    case .add: a &+ b
    case .subtract: a &- b
    case .multiply: a &* b
    case .divide: b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
    case .power: whole(a, power: b)
    case .maximum: max(a, b)
    case .minimum: min(a, b)
    case .modulo:
      floored(a, b)
    case .remainder: b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue
    }
  }

  private func floored(_ a: Int, _ b: Int) -> Int {
    if b == 0 { return 0 }
    let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
  }

  private func whole(_ base: Int, power: Int) -> Int {
    if power < 0 { return base == 1 ? 1 : base == -1 ? (power & 1 == 0 ? 1 : -1) : 0 }
    var (result, square, left) = (1, base, power)
    while left > 0 {
      if left & 1 == 1 { result = result &* square }
      square = square &* square
      left >>= 1
    }
    return result
  }
}

/// A claim about two numbers.
public enum Comparison: String, Hashable, Sendable, CaseIterable {
  /// a = b, a < b, a > b, a ≤ b, a ≥ b
  case equal, less, greater, lessOrEqual, greaterOrEqual

  @inline(__always)
  func mark<T: Comparable>(_ run: PairRun<T, Bool>) {
    switch self {
    case .equal: run.each(==)
    case .less: run.each(<)
    case .greater: run.each(>)
    case .lessOrEqual: run.each(<=)
    case .greaterOrEqual: run.each(>=)
    }
  }
}

/// A function of two truth values.
public enum LogicalFunction: String, Hashable, Sendable, CaseIterable {
  /// a ∧ b, a ∨ b, a ≠ b
  case and, or, exclusiveOr
}
