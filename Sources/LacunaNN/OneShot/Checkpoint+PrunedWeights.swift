// A checkpoint with the weights of the network that was pruned from it

extension Checkpoint {
  /// The same checkpoint with the weights of a network that was pruned from it. Masks of an earlier
  /// pruning run are dropped; the moments of the optimiser stay.
  ///
  /// - Throws: ``ModelError/architectureMismatch(expected:found:)``
  public init(_ other: Checkpoint, weightsOf model: SequentialModel) throws(ModelError) {
    try other.check(architecture: model.architecture)
    (architecture, settings, progress) = (other.architecture, other.settings, other.progress)
    (weights, moments, pruning) = (model.weights, other.moments, nil)
    activationRanges = other.activationRanges
  }
}
