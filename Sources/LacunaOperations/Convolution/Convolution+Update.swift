// W ← other values on the same pattern: kernel, packing and tiles of a convolution stay as they are.

import LacunaFormats

extension Convolution {
  /// Whether ``update(values:bias:)`` may be called.
  public var isUpdatable: Bool { slots != nil }

  /// Replaces the weights, and the bias if there is one, under the pattern of the plan.
  ///
  /// The plan has to be made with ``PlanOptions/updatable``. The results afterwards are, bit for bit, those of a new
  /// plan with the same kernel. No run of this plan may be under way.
  ///
  /// - Parameters:
  ///   - values: one for each stored weight in the order of the matrix that the plan was made from, as for
  ///     ``Plan/update(values:bias:)-([Scalar],_)``.
  ///   - bias: one for each filter; nil leaves the bias as it is. A plan made without a bias has none to replace.
  /// - Throws: ``OperationError/notUpdatable``, ``OperationError/format(_:)`` with `FormatError.wrongCount`,
  ///   ``OperationError/biasCount(expected:actual:)``; then nothing has changed.
  /// - Complexity: O(packed weights)
  public func update(values: [Scalar], bias: [Scalar]? = nil) throws(OperationError) {
    guard let slots else { throw .notUpdatable }
    if values.count != stored {
      throw .format(.wrongCount(name: "values", expected: stored, actual: values.count))
    }
    if let bias {
      let expected = core.epilogue.hasBias ? shape.filters : 0
      if bias.count != expected { throw .biasCount(expected: expected, actual: bias.count) }
      bias.withUnsafeBufferPointer { bias in
        guard let first = bias.baseAddress else { return }
        core.epilogue.bias.assumingMemoryBound(to: Scalar.self).update(
          from: first, count: bias.count)
      }
    }
    values.withUnsafeBufferPointer { values in
      if let first = values.baseAddress { slots.fill(first) }
    }
  }
}
