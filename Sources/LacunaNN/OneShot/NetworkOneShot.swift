// W₁, W₂, … of a network pruned one after the other, each on the inputs that the pruned layers
// before it give

import LacunaFormats
import LacunaPruning

/// How a network is pruned at once.
public struct NetworkOneShotSettings: Sendable {
  /// The method, structure and sparsity of each layer; the sparsity is that of all kernels that
  /// take part together.
  public var layer: OneShotSettings
  /// How the layers share the sparsity.
  public var budget: OneShotBudget
  /// Kernels that are left alone, by name or pattern, such as `conv1/*`.
  public var excluded: [String]
  /// Patches of each image that calibrate a convolution, spread over it.
  public var patchesPerSample: Int
  /// Chooses the patches.
  public var seed: UInt64

  public init(
    layer: OneShotSettings, budget: OneShotBudget = .uniform, excluded: [String] = [],
    patchesPerSample: Int = 32, seed: UInt64 = 1
  ) {
    (self.layer, self.budget, self.excluded) = (layer, budget, excluded)
    (self.patchesPerSample, self.seed) = (patchesPerSample, seed)
  }
}

/// Prunes a trained network at once, without training, so that each layer's outputs change least:
///
///     let samples = NetworkSamples(train.prefix(1024))
///     try oneShot(
///       model, calibration: samples,
///       settings: NetworkOneShotSettings(layer: OneShotSettings(method: ALPS(), sparsity: 0.8)))
///
/// Layers go in order, and each is calibrated by running the network as it is by then: a layer
/// makes up for what the layers before it lost. Memory is one layer's weights and products.
///
/// - Parameters:
///   - model: Its kernels change, one after the other; when this throws, those that were done stay
///     pruned.
///   - done: Kernels that an earlier, interrupted call with the same settings has pruned: they are
///     left as they are.
///   - finished: Called after each layer; what it throws ends the run.
/// - Returns: A report for each kernel that was pruned now, in order.
/// - Throws: ``ModelError`` for what is wrong with the request, and what `finished` throws.
@discardableResult
public func oneShot(
  _ model: SequentialModel, calibration samples: NetworkSamples, settings: NetworkOneShotSettings,
  done: Set<String> = [], finished: (OneShotLayerReport, BitMask) throws -> Void = { _, _ in }
) throws -> [OneShotLayerReport] {
  let layers = try model.oneShotLayers(samples, settings)
  let names = layers.map { model.layers[$0].kernel!.name }
  var sparsities: [Double?] = layers.map { _ in settings.layer.sparsity }
  if settings.budget != .uniform {
    guard let sparsity = settings.layer.sparsity else {
      throw ModelError.invalidSetting(
        name: "budget", reason: "needs a sparsity to share: N:M groups all keep the same")
    }
    let scores = try layers.map { index in
      let kernel = model.layers[index].kernel!
      return try refusing {
        try OneShotLayerScores(
          UnsafeBufferPointer(kernel.values.elements), rows: kernel.rows, columns: kernel.columns,
          calibration: model.calibration(of: index, samples, settings, moments: .norms))
      }
    }
    sparsities = try refusing { try settings.budget.sparsities(of: scores, sparsity: sparsity) }
  }
  var reports: [OneShotLayerReport] = []
  for (n, index) in layers.enumerated() where !done.contains(names[n]) {
    let kernel = model.layers[index].kernel!
    var own = settings.layer
    own.sparsity = sparsities[n]
    let result = try refusing {
      try LacunaPruning.oneShot(
        UnsafeBufferPointer(kernel.values.elements), rows: kernel.rows, columns: kernel.columns,
        calibration: model.calibration(of: index, samples, settings, moments: .double),
        settings: own)
    }
    _ = kernel.values.elements.update(from: result.weights)
    reports.append(result.report)
    try finished(result.report, result.mask)
  }
  return reports
}

extension SequentialModel {
  /// The kernels that ``oneShot(_:calibration:settings:done:finished:)`` would prune, in order.
  ///
  /// - Throws: ``ModelError`` when samples and network disagree, or nothing is left to prune.
  public func oneShotKernels(
    calibration samples: NetworkSamples, settings: NetworkOneShotSettings
  ) throws(ModelError) -> [String] {
    try oneShotLayers(samples, settings).map { layers[$0].kernel!.name }
  }

  func oneShotLayers(
    _ samples: NetworkSamples, _ settings: NetworkOneShotSettings
  ) throws(ModelError) -> [Int] {
    if samples.valuesPerSample != inputShape.count {
      throw .dataMismatch(
        what: "values per calibration sample", expected: inputShape.count,
        found: samples.valuesPerSample)
    }
    if samples.count == 0 { throw .oneShot(.noSamples(layer: "input")) }
    if settings.patchesPerSample < 1 {
      throw .invalidSetting(
        name: "patches per sample", reason: "is \(settings.patchesPerSample), must be at least 1")
    }
    let kernels = layers.indices.filter { layers[$0].kernel != nil }
    let names = kernels.map { layers[$0].kernel!.name }
    let rules = settings.excluded.map { TensorRule($0, excluded: true) }
    for rule in rules where !names.contains(where: { rule.matches($0) }) {
      throw .pruning(.unmatchedPattern(pattern: rule.pattern, tensors: names))
    }
    let taking = zip(kernels, names).filter { kernel in
      !rules.contains { $0.matches(kernel.1) }
    }
    if taking.isEmpty {
      throw .invalidSetting(name: "excluded", reason: "leaves no kernel to prune")
    }
    return taking.map(\.0)
  }

  func calibration(
    of index: Int, _ samples: NetworkSamples, _ settings: NetworkOneShotSettings,
    moments: Calibration.Moments
  ) throws -> Calibration {
    try Calibration(
      name: layers[index].kernel!.name,
      LayerInputs(
        model: self, index: index, samples: samples,
        patchesPerSample: settings.patchesPerSample, seed: settings.seed),
      moments: moments)
  }
}

/// Rethrows an error of one-shot pruning as the model's.
func refusing<R>(_ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as OneShotError { throw ModelError.oneShot(error) }
}
