// Y ← activation(W·X + bias) for weights of whichever type and format a tensor has.

import LacunaFormats

extension Plan where Scalar == Float {
  /// A plan for the weights of a tensor, which multiply in f32.
  ///
  /// Weights of 16 bits widen where they multiply. 8-bit weights and few values are written out as f32 when the plan is
  /// made; ``QuantizedPlan`` multiplies bytes.
  ///
  /// - Throws: as for weights in f32, and ``OperationError/elementType(operand:expected:actual:)`` for weights in f64.
  /// - Complexity: O(stored)
  public convenience init(
    _ weights: SparseTensor, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    switch weights.storage {
    case .bf16(let matrix):
      try self.init(
        source: matrix, layout: layout, width: width, epilogue: epilogue, options: options)
    case .f16(let matrix):
      try self.init(
        source: matrix, layout: layout, width: width, epilogue: epilogue, options: options)
    case .f64: throw .elementType(operand: "weights", expected: .f32, actual: .f64)
    case .f32, .i8, .codebook:
      try self.init(
        source: weights.matrix(of: Float.self), layout: layout, width: width, epilogue: epilogue,
        options: options)
    }
  }
}
