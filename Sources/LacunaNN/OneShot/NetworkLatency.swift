// A network pruned to run in at most T: every layer tried in several ways, the best combination
// taken

import LacunaPruning

/// What a latency budget made of a network.
public struct NetworkLatencyReport: Hashable, Sendable, Codable {
  /// What was chosen for each layer; sparsity 0 leaves it dense.
  public var choices: [LayerChoice]
  /// Kernels, in the order of the choices.
  public var kernels: [String]
  /// Seconds of all layers' products before, by the choices' own timing.
  public var denseSeconds: Double
  /// Seconds of all layers' products as chosen, by the choices' own timing.
  public var predictedSeconds: Double
  /// Seconds of all layers' products, timed again on the pruned weights.
  public var measuredSeconds: Double
  /// The layers that were pruned.
  public var layers: [OneShotLayerReport]
}

/// Prunes a network so that its products take at most `budget` on this machine, at the least sum of
/// layer errors.
///
/// Each layer is tried with every candidate on the inputs that the dense network gives, and its
/// product is timed for `batch` samples on one thread; `LatencyBudget` chooses. The layers are
/// then pruned in order as by ``oneShot(_:calibration:settings:done:finished:)``, as they aim. Only
/// the products count: activations between them take the same time before and after.
///
/// - Parameters:
///   - settings: The method, refit and damping, and what is excluded; sparsity and structure are
///     the candidates'.
///   - candidates: What is tried beside leaving a layer dense.
/// - Throws: ``ModelError``; an impossible budget is one of ``ModelError/oneShot(_:)`` that names
///   the least time.
public func oneShot(
  _ model: SequentialModel, calibration samples: NetworkSamples, settings: NetworkOneShotSettings,
  within budget: LatencyBudget, batch: Int,
  candidates: [(sparsity: Double?, structure: Granularity)]
) throws -> NetworkLatencyReport {
  let layers = try model.oneShotLayers(samples, settings)
  let surgery = try NetworkSurgery(model, samples, settings)
  func width(_ index: Int) -> Int {
    batch * ((model.layers[index] as? Convolution)?.geometry.pixels ?? 1)
  }
  let tried = try layers.map { index in
    let kernel = model.layers[index].kernel!
    return try refusing {
      try layerChoices(
        UnsafeBufferPointer(kernel.values.elements), rows: kernel.rows, columns: kernel.columns,
        calibration: surgery.calibration(of: index, moments: .double), settings: settings.layer,
        candidates: candidates, width: width(index)
      ).map(\.choice)
    }
  }
  let picks = try refusing { try budget.best(of: tried) }
  let choices = zip(tried, picks).map { $0[$1] }
  var (measuredSeconds, reports) = (0.0, [OneShotLayerReport]())
  for (index, choice) in zip(layers, choices) {
    if choice.sparsity > 0 {
      var own = settings.layer
      (own.sparsity, own.structure) = (choice.sparsity, choice.structure)
      reports.append(try surgery.prune(index, own).report)
    }
    let kernel = model.layers[index].kernel!
    measuredSeconds += try refusing {
      try productSeconds(
        Array(kernel.values.elements), kernel.rows, kernel.columns, width(index),
        isDense: choice.sparsity == 0)
    }
  }
  return NetworkLatencyReport(
    choices: choices, kernels: layers.map { model.layers[$0].kernel!.name },
    denseSeconds: tried.reduce(0) { $0 + $1[0].seconds },
    predictedSeconds: choices.reduce(0) { $0 + $1.seconds }, measuredSeconds: measuredSeconds,
    layers: reports)
}
