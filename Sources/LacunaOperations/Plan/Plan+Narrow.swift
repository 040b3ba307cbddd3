// Y ← activation(W·X + bias) for weights of 16 bits: f32 everything else.

import LacunaFormats

extension Plan where Scalar == Float {
  /// A plan for bf16 or f16 weights in CSR, which widen to f32 where they multiply.
  ///
  /// Its results are, bit for bit, those of a plan for the widened weights with the same kernel; its weights take half
  /// the bytes. The candidate `dense` widens them when the plan is made, because OpenBLAS multiplies f32.
  ///
  /// - Throws: as for weights in f32.
  /// - Complexity: O(nnz)
  public convenience init<Weight: NarrowScalar>(
    _ weights: CSRMatrix<Weight>, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: StoredMatrix.csr(weights), layout: layout, width: width, epilogue: epilogue,
      options: options)
  }

  /// A plan for bf16 or f16 weights in BSR. As for CSR.
  public convenience init<Weight: NarrowScalar>(
    _ weights: BSRMatrix<Weight>, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: StoredMatrix.bsr(weights), layout: layout, width: width, epilogue: epilogue,
      options: options)
  }

  /// A plan for dense bf16 or f16 weights, widened when it is made.
  public convenience init<Weight: NarrowScalar>(
    dense weights: DenseMatrix<Weight>, layout: ProductLayout = .columns, width: Int,
    epilogue: Epilogue<Float> = .init(), options: PlanOptions = .init()
  ) throws(OperationError) {
    try self.init(
      source: StoredMatrix.dense(weights), layout: layout, width: width, epilogue: epilogue,
      options: options)
  }

  /// Replaces weights of 16 bits under the pattern of the plan, as ``update(values:bias:)-([Scalar],_)``
  /// does, which rounds values in f32 to them.
  ///
  /// - Throws: as that, and ``OperationError/elementType(operand:expected:actual:)`` for a plan of other weights.
  public func update<Weight: NarrowScalar>(
    values: [Weight], bias: [Float]? = nil
  ) throws(OperationError) {
    if Weight.numberType != core.types.weights {
      throw .elementType(
        operand: "values", expected: core.types.weights, actual: Weight.numberType)
    }
    try values.withUnsafeBufferPointer { values throws(OperationError) in
      if let bias {
        try bias.withUnsafeBufferPointer { bias throws(OperationError) in
          try update(stored: values, bias)
        }
      } else {
        try update(stored: values, nil)
      }
    }
  }
}

extension Plan {
  /// The type that the weights are stored in.
  public var weightType: NumberType { core.types.weights }
}
