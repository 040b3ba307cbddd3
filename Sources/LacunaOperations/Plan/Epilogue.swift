// y ← activation(y + bias): what a product does to its result while it is still in registers.

import LacunaFormats

/// A function applied to every element of a result.
///
/// The same in every kernel, layout, width, element type and instruction set. Of ReLU and clamps a value
/// below the lower bound becomes that bound, one above the upper becomes that one, and everything else stays
/// as it is. So NaN passes, as in NumPy's `maximum` and `clip`, and a zero keeps its sign: ReLU of
/// −0 is −0. Hard-swish and SiLU multiply their argument by a gate between 0 and 1: NaN stays NaN, and −∞,
/// which is a number times 0, becomes NaN, as in ONNX and PyTorch.
public enum Activation: Hashable, Sendable, Codable {
  /// y. NaN and infinities stay as they are, with a bias too.
  case none
  /// max(y, 0). NaN stays NaN.
  case relu
  /// min(max(y, lower), upper). NaN stays NaN; the bounds may be infinite.
  case clamp(Double, Double)
  /// y · min(max(y/6 + 1/2, 0), 1), as ONNX's operator: y·(1/6) + 1/2 with 1/6 rounded to the type, and each operation
  /// rounded.
  case hardSwish
  /// y / (1 + e⁻ʸ), also called swish: within 4 ulp for y ≥ −87, of f64 for y ≥ −708; −0 for less, which is off by
  /// less than 1.5·10⁻³⁶, of f64 10⁻³⁰⁴. (The worst of all floats beyond ±2⁻¹¹ and every
  /// eighth beyond ±2⁻²⁷ is 3.65 ulp off, at −6.81.)
  case silu

  /// The interval that the activation clamps to, infinite where it does not.
  public var bounds: (lower: Double, upper: Double) {
    switch self {
    case .none, .hardSwish, .silu: (-.infinity, .infinity)
    case .relu: (0, .infinity)
    case .clamp(let lower, let upper): (lower, upper)
    }
  }

  /// What the kernels call it; nil for a clamp, which they do themselves.
  package var kernelVariant: String? {
    switch self {
    case .none, .relu, .clamp: nil
    case .hardSwish: "hard-swish"
    case .silu: "silu"
    }
  }
}

/// Bias and activation, fused into a product.
public struct Epilogue<Scalar: SparseScalar>: Equatable, Sendable {
  /// One value per output row of the weights, or nil for none.
  public var bias: [Scalar]?
  /// Applied after the bias.
  public var activation: Activation

  /// By default neither bias nor activation. Plans check that the bias fits their weights.
  public init(bias: [Scalar]? = nil, activation: Activation = .none) {
    (self.bias, self.activation) = (bias, activation)
  }

  /// - Throws: ``OperationError/biasCount(expected:actual:)``,
  ///   ``OperationError/invalidClamp(lower:upper:)``.
  func validate(rows: Int) throws(OperationError) {
    if let bias, bias.count != rows { throw .biasCount(expected: rows, actual: bias.count) }
    let (lower, upper) = activation.bounds
    if !(lower <= upper) { throw .invalidClamp(lower: lower, upper: upper) }
  }
}

/// How activations lie in memory.
public enum ProductLayout: String, Hashable, Sendable, Codable, CaseIterable {
  /// Y[out, n] = W · X[in, n]: a column per right-hand side.
  case columns
  /// Y[batch, out] = X[batch, in] · Wᵀ: a row per right-hand side.
  case rows
}
