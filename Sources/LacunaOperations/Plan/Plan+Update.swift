// W ← other values on the same pattern: what was chosen, packed and cut stays as it is.

import LacunaFormats

extension Plan {
  /// Replaces the weights, and the bias if there is one, under the pattern of the plan.
  ///
  /// The plan has to be made with ``PlanOptions/updatable``. The results afterwards are, bit for bit, those
  /// of a new plan with the same kernel. No run of this plan may be under way.
  ///
  /// - Parameters:
  ///   - values: one for each stored weight in the order of the matrix that the plan was made from: a CSR
  ///     matrix's entries row by row, a BSR matrix's blocks with all their cells, a dense matrix's rows
  ///     without gaps between them. Cells of blocks outside the matrix are not read. Weights that the plan
  ///     stores in 16 bits are the nearest to them.
  ///   - bias: one for each output row; nil leaves the bias as it is. A plan made without a bias has none
  ///     to replace.
  /// - Throws: ``OperationError/notUpdatable``, ``OperationError/format(_:)`` with
  ///   `FormatError.wrongCount`, ``OperationError/biasCount(expected:actual:)``; then nothing has changed.
  /// - Complexity: O(packed weights)
  public func update(values: [Scalar], bias: [Scalar]? = nil) throws(OperationError) {
    try values.withUnsafeBufferPointer { values throws(OperationError) in
      if let bias {
        try bias.withUnsafeBufferPointer { bias throws(OperationError) in
          try update(values: values, bias: bias)
        }
      } else {
        try update(values: values, bias: nil)
      }
    }
  }

  /// Whether ``update(values:bias:)-([Scalar],_)`` may be called.
  public var isUpdatable: Bool { slots != nil }

  /// The weights of an updatable plan as they are now, in the order of `update(values:bias:)`, and the
  /// bias; nil for a plan that keeps its values. Not checked: that its weights are of that type.
  package func updated<Weight: StoredScalar>(
    _: Weight.Type
  ) -> (values: [Weight], bias: [Scalar])? {
    guard let slots else { return nil }
    let bias = epilogue.bias.assumingMemoryBound(to: Scalar.self)
    return (
      slots.values(stored), epilogue.hasBias ? (0..<rows).map { bias[$0] } : []
    )
  }

  /// The same on memory of the caller.
  public func update(
    values: UnsafeBufferPointer<Scalar>, bias: UnsafeBufferPointer<Scalar>?
  ) throws(OperationError) {
    switch core.types.weights {
    case .bf16: try update(rounding: values, to: BFloat16.self, bias)
    case .f16: try update(rounding: values, to: Float16.self, bias)
    case .f32, .f64, .i32, .i8, .u8: try update(stored: values, bias)
    }
  }

  private func update<Weight: NarrowScalar>(
    rounding values: UnsafeBufferPointer<Scalar>, to: Weight.Type,
    _ bias: UnsafeBufferPointer<Scalar>?
  ) throws(OperationError) {
    let narrow = values.map { $0.rounded(to: Weight.self) }
    try narrow.withUnsafeBufferPointer { narrow throws(OperationError) in
      try update(stored: narrow, bias)
    }
  }

  /// Not checked: that the weights are of that type.
  package func update<Weight: StoredScalar>(
    stored values: UnsafeBufferPointer<Weight>, _ bias: UnsafeBufferPointer<Scalar>?
  ) throws(OperationError) {
    guard let slots else { throw .notUpdatable }
    if values.count != stored {
      throw .format(.wrongCount(name: "values", expected: stored, actual: values.count))
    }
    if let bias {
      let expected = epilogue.hasBias ? rows : 0
      if bias.count != expected { throw .biasCount(expected: expected, actual: bias.count) }
      if let first = bias.baseAddress {
        epilogue.bias.assumingMemoryBound(to: Scalar.self).update(from: first, count: bias.count)
      }
    }
    if let first = values.baseAddress { slots.fill(first) }
  }
}
