// y ← activation(y + bias): what a product does to its result while it is still in registers.

import LacunaFormats

/// A function applied to every element of a result.
public enum Activation: Hashable, Sendable, Codable {
  case none
  /// max(0, y). NaN gives 0.
  case relu
  /// min(max(y, lower), upper). NaN gives `lower`.
  case clamp(Double, Double)

  /// The interval that the activation clamps to, infinite where it does not.
  public var bounds: (lower: Double, upper: Double) {
    switch self {
    case .none: (-.infinity, .infinity)
    case .relu: (0, .infinity)
    case .clamp(let lower, let upper): (lower, upper)
    }
  }
}

/// Bias and activation, fused into a product.
public struct Epilogue<Scalar: SparseScalar>: Equatable, Sendable {
  /// One value per output row of the weights, or nil for none.
  public var bias: [Scalar]?
  /// Applied after the bias.
  public var activation: Activation

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
