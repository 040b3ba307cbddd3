// Weights in and out of a model, with every shape and value checked.

import LacunaFormats

extension SequentialModel {
  /// Replaces all tensors. When it throws, the model is as before.
  ///
  /// - Parameter weights: one entry for each of ``parameters``, by name, of the same length.
  /// - Throws: ``ModelError`` when a tensor is missing, has another length, or is not finite.
  public func setWeights(_ weights: [String: [Float]]) throws(ModelError) {
    for p in parameters {
      guard let values = weights[p.name] else { throw .missingTensor(p.name) }
      if values.count != p.count {
        throw .tensorShape(name: p.name, expected: p.shape, found: [values.count])
      }
      if let bad = values.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(tensor: p.name, index: bad)
      }
    }
    for p in parameters { _ = p.values.elements.update(from: weights[p.name]!) }
    // Zeros of a mask that layers rely on may be gone.
    if hasFixedMasks { fixMasks([:]) }
  }

  /// All tensors by name.
  public var weights: [String: [Float]] {
    Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, Array($0.values.elements)) })
  }

  /// Looks for weights that are NaN or infinite.
  ///
  /// - Throws: ``ModelError/notFinite(tensor:index:)`` for the first weight that is NaN or infinite.
  public func checkFinite() throws(ModelError) {
    for p in parameters {
      if let bad = p.values.elements.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(tensor: p.name, index: bad)
      }
    }
  }
}
