// One layer after the other of a network loses weights, on what the network by then gives it

import LacunaFormats
import LacunaPruning

/// A network that loses the weights of one layer after the other, and what it was before.
struct NetworkSurgery {
  let model: SequentialModel
  /// A copy of the dense network, for layers that aim at its outputs.
  private let dense: SequentialModel?
  let samples: NetworkSamples
  let settings: NetworkOneShotSettings

  init(
    _ model: SequentialModel, _ samples: NetworkSamples, _ settings: NetworkOneShotSettings
  ) throws(ModelError) {
    (self.model, self.samples, self.settings) = (model, samples, settings)
    if settings.chosenAim == .own {
      dense = nil
      return
    }
    let copy = try SequentialModel(model.architecture, threads: model.workers.count)
    for (new, old) in zip(copy.parameters, model.parameters) {
      _ = new.values.elements.update(from: old.values.elements)
    }
    dense = copy
  }

  /// The sparsity of each layer, before any is pruned.
  func sparsities(of layers: [Int]) throws -> [Double?] {
    if settings.budget == .uniform { return layers.map { _ in settings.layer.sparsity } }
    guard let sparsity = settings.layer.sparsity else {
      throw ModelError.invalidSetting(
        name: "budget", reason: "needs a sparsity to share: N:M groups all keep the same")
    }
    let measured = settings.budget.measures ? settings.layer : nil
    let scores = try layers.map { index in
      let kernel = model.layers[index].kernel!
      return try refusing {
        try OneShotLayerScores(
          UnsafeBufferPointer(kernel.values.elements), rows: kernel.rows, columns: kernel.columns,
          calibration: calibration(of: index, moments: measured == nil ? .norms : .double),
          measuring: measured)
      }
    }
    return try refusing { try settings.budget.sparsities(of: scores, sparsity: sparsity) }
  }

  /// The inputs of a layer in the network as it is by now.
  func calibration(of index: Int, moments: Calibration.Moments) throws -> Calibration {
    try Calibration(
      name: model.layers[index].kernel!.name, inputs(index, of: model), moments: moments)
  }

  private func inputs(_ index: Int, of network: SequentialModel) -> LayerInputs {
    LayerInputs(
      model: network, index: index, samples: samples, patchesPerSample: settings.patchesPerSample,
      seed: settings.seed)
  }

  /// Prunes one layer.
  func prune(_ index: Int, _ own: OneShotSettings) throws -> OneShotResult {
    let kernel = model.layers[index].kernel!
    let weights = UnsafeBufferPointer(kernel.values.elements)
    let (rows, columns) = (kernel.rows, kernel.columns)
    let result = try refusing {
      guard let dense else {
        return try LacunaPruning.oneShot(
          weights, rows: rows, columns: columns,
          calibration: calibration(of: index, moments: .double), settings: own)
      }
      return try LacunaPruning.oneShot(
        weights, rows: rows, columns: columns,
        calibration: AimedCalibration(
          of: inputs(index, of: model), aimingAt: inputs(index, of: dense)), settings: own)
    }
    try replace(index, by: PrunedKernel(weights: result.weights, bias: result.bias))
    return result
  }

  /// - Throws: ``ModelError/tensorShape(name:expected:found:)``
  func replace(_ index: Int, by new: PrunedKernel) throws(ModelError) {
    let layer = model.layers[index]
    let pairs = [(layer.kernel, new.weights)] + (new.bias.map { [(layer.bias, $0)] } ?? [])
    for (parameter, values) in pairs {
      guard let parameter, parameter.count == values.count else {
        let wanted = parameter ?? layer.kernel!
        throw .tensorShape(name: wanted.name, expected: wanted.shape, found: [values.count])
      }
    }
    for (parameter, values) in pairs { _ = parameter!.values.elements.update(from: values) }
  }
}
