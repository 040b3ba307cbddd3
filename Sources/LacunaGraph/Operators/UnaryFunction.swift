// y ← f(x) for one number at a time: activations and the rest of a calculator.

import LacunaOperations

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A function of one number that is applied to every element.
///
/// NaN comes out as NaN, as in the epilogues of products.
public enum UnaryFunction: Hashable, Sendable {
  /// min(max(x, lower), upper); a bound may be infinite. ReLU is the one from 0 up.
  case clip(Float, Float)
  /// x, or `slope`·x below zero.
  case leakyRelu(Float)
  /// x, or `alpha`·(eˣ − 1) below zero.
  case elu(Float)
  /// 1 / (1 + e⁻ˣ)
  case sigmoid
  /// tanh x
  case tanh
  /// min(max(`alpha`·x + `beta`, 0), 1)
  case hardSigmoid(Float, Float)
  /// x · min(max(x/6 + 1/2, 0), 1)
  case hardSwish
  /// x / (1 + e^(−`alpha`·x)): SiLU for 1, which is `Activation.silu`, as ``hardSwish`` is `Activation.hardSwish`: the
  /// bits are those of products that it is part of.
  case swish(Float)
  /// x · (1 + erf(x/√2)) / 2
  case gelu
  /// The same by tanh: x · (1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2
  case geluByTanh
  /// The error function.
  case erf
  /// eˣ
  case exp
  /// ln x
  case log
  /// ln(1 + eˣ)
  case softplus
  /// √x
  case sqrt
  /// 1/x
  case reciprocal
  /// −x
  case negate
  /// |x|
  case absolute
  /// The whole number at or below, at or above, nearest (halves to even).
  case floor, ceil, round
  /// sin x, cos x
  case sin, cos

  /// Most numbers are clamped only.
  static let relu = UnaryFunction.clip(0, .infinity)

  /// y ← f(x). Elements of `y` may be those of `x`.
  func apply(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    switch self {
    case .clip(let lower, let upper):
      let (low, high) = (Vector(repeating: lower), Vector(repeating: upper))
      mapVectors(x, y, count) {
        let raised = low.selected($0 .< low, else: $0)
        return high.selected(raised .> high, else: raised)
      }
    case .leakyRelu(let slope): mapVectors(x, y, count) { ($0 * slope).selected($0 .< 0, else: $0) }
    case .elu(let alpha):
      mapVectors(x, y, count) { (alpha * (exponential($0) - 1)).selected($0 .< 0, else: $0) }
    case .sigmoid: mapVectors(x, y, count) { logistic($0) }
    case .tanh: mapVectors(x, y, count) { hyperbolicTangent($0) }
    case .hardSigmoid(let alpha, let beta): mapVectors(x, y, count) { unit(alpha * $0 + beta) }
    case .hardSwish: Activation.hardSwish.apply(x, into: y, count: count)
    case .swish(1): Activation.silu.apply(x, into: y, count: count)
    case .swish(let alpha): mapVectors(x, y, count) { $0 / (1 + exponential(-alpha * $0)) }
    case .gelu:
      mapVectors(x, y, count) { 0.5 * $0 * (1 + errorFunction($0 * 0.707_106_78)) }
    case .geluByTanh:
      mapVectors(x, y, count) {
        0.5 * $0 * (1 + hyperbolicTangent(0.797_884_56 * ($0 + 0.044715 * $0 * $0 * $0)))
      }
    case .erf: mapVectors(x, y, count) { errorFunction($0) }
    case .exp: mapVectors(x, y, count) { exponential($0) }
    case .sqrt: mapVectors(x, y, count) { $0.squareRoot() }
    case .reciprocal: mapVectors(x, y, count) { 1 / $0 }
    case .negate: mapVectors(x, y, count) { -$0 }
    case .absolute: mapVectors(x, y, count) { $0.magnitudes }
    case .floor: for i in 0..<count { y[i] = x[i].rounded(.down) }
    case .ceil: for i in 0..<count { y[i] = x[i].rounded(.up) }
    case .round: for i in 0..<count { y[i] = x[i].rounded(.toNearestOrEven) }
    case .log: for i in 0..<count { y[i] = logf(x[i]) }
    case .softplus: for i in 0..<count { y[i] = max(x[i], 0) + log1pf(expf(-abs(x[i]))) }
    case .sin: for i in 0..<count { y[i] = sinf(x[i]) }
    case .cos: for i in 0..<count { y[i] = cosf(x[i]) }
    }
  }

  /// The same for integers; nil where the result would not be one.
  func integer(_ x: Int) -> Int? {
    switch self {
    case .negate: 0 &- x
    case .absolute: x < 0 ? 0 &- x : x
    case .floor, .ceil, .round: x
    default: nil
    }
  }
}

/// min(max(x, 0), 1)
@inline(__always)
private func unit(_ x: Vector) -> Vector {
  let raised = Vector.zero.selected(x .< 0, else: x)
  return Vector(repeating: 1).selected(raised .> 1, else: raised)
}
