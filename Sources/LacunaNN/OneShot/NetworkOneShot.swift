// W₁, W₂, … of a network pruned one after the other, each on the inputs that the pruned layers
// before it give

import LacunaFormats
import LacunaPruning

/// Which outputs the layers of a network should keep while it is pruned.
public enum OneShotAim: String, Hashable, Sendable, Codable, CaseIterable {
  /// Those that the layer has in the dense network: it makes up for what the layers before it lost,
  /// and its bias changes too. Needs a copy of the dense network, which runs beside the pruned one.
  case dense
  /// Those that the trained layer gives for the inputs that it has by now; no bias changes.
  case own
}

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
  /// The outputs that each layer should keep; nil for those of the dense network where weights
  /// move, and its own where the method only removes some, as `Magnitude` and `Wanda` do.
  public var aim: OneShotAim?

  /// Settings, checked when a network is pruned.
  public init(
    layer: OneShotSettings, budget: OneShotBudget = .uniform, excluded: [String] = [],
    patchesPerSample: Int = 32, seed: UInt64 = 1, aim: OneShotAim? = nil
  ) {
    (self.layer, self.budget, self.excluded) = (layer, budget, excluded)
    (self.patchesPerSample, self.seed, self.aim) = (patchesPerSample, seed, aim)
  }
}

extension NetworkOneShotSettings {
  /// ``aim``, or what it is by default.
  public var chosenAim: OneShotAim {
    aim ?? (layer.refit != nil || layer.method.needs == .single ? .dense : .own)
  }
}

/// A kernel that an earlier run has pruned.
public struct PrunedKernel: Hashable, Sendable {
  /// All weights of the kernel, row-major, zeros too.
  public var weights: [Float]
  /// The bias of the same layer; nil where it did not change.
  public var bias: [Float]?

  /// Joins the two.
  public init(weights: [Float], bias: [Float]? = nil) {
    (self.weights, self.bias) = (weights, bias)
  }
}

/// Prunes a trained network at once, without training, so that each layer's outputs change least:
///
///     let samples = NetworkSamples(train.prefix(8192))
///     try oneShot(
///       model, calibration: samples,
///       settings: NetworkOneShotSettings(layer: OneShotSettings(method: ALPS(), sparsity: 0.8)))
///
/// Layers go in order, and each is calibrated by running the network as it is by then: a layer
/// makes up for what the layers before it lost. Memory is one layer's weights and products, and
/// with ``OneShotAim/dense`` a copy of the network.
///
/// - Parameters:
///   - model: The dense network. Its kernels change, one after the other, and with
///     ``OneShotAim/dense`` their biases; when this throws, those that were done stay pruned.
///   - done: Kernels that an earlier, interrupted call with the same settings has pruned, by name:
///     they become that again.
///   - finished: Called after each layer; what it throws ends the run.
/// - Returns: A report for each kernel that was pruned now, in order.
/// - Throws: ``ModelError`` for what is wrong with the request, and what `finished` throws.
@discardableResult
public func oneShot(
  _ model: SequentialModel, calibration samples: NetworkSamples, settings: NetworkOneShotSettings,
  done: [String: PrunedKernel] = [:],
  finished: (OneShotLayerReport, BitMask) throws -> Void = { _, _ in }
) throws -> [OneShotLayerReport] {
  let layers = try model.oneShotLayers(samples, settings)
  let surgery = try NetworkSurgery(model, samples, settings)
  let sparsities = try surgery.sparsities(of: layers)
  var reports: [OneShotLayerReport] = []
  for (index, sparsity) in zip(layers, sparsities) {
    if let earlier = done[model.layers[index].kernel!.name] {
      try surgery.replace(index, by: earlier)
      continue
    }
    var own = settings.layer
    own.sparsity = sparsity
    let result = try surgery.prune(index, own)
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

  /// Samples that give each layer `OneShotSettings.samplesPerInput` for each of its inputs, at
  /// least 1024. A convolution has some patches of each sample.
  ///
  /// - Throws: ``ModelError`` when nothing is left to prune.
  public func oneShotSamples(settings: NetworkOneShotSettings) throws(ModelError) -> Int {
    try oneShotLayers(excluding: settings.excluded).reduce(1024) { most, index in
      let wanted = OneShotSettings.samplesPerInput * layers[index].kernel!.columns
      let each = (layers[index] as? Convolution).map {
        max(1, min(settings.patchesPerSample, $0.geometry.pixels))
      }
      return max(most, (wanted + (each ?? 1) - 1) / (each ?? 1))
    }
  }

  /// The kernel and bias of a layer as they are.
  public func prunedKernel(named name: String) -> PrunedKernel? {
    guard let layer = layers.first(where: { $0.kernel?.name == name }) else { return nil }
    return PrunedKernel(
      weights: Array(layer.kernel!.values.elements),
      bias: layer.bias.map { Array($0.values.elements) })
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
    return try oneShotLayers(excluding: settings.excluded)
  }

  private func oneShotLayers(excluding patterns: [String]) throws(ModelError) -> [Int] {
    if let layer = architecture.firstBeyondChain {
      throw .invalidLayer(
        name: layer.name, reason: "networks are pruned at once when they are chains of layers")
    }
    let kernels = layers.indices.filter { layers[$0].kernel != nil }
    let names = kernels.map { layers[$0].kernel!.name }
    let rules = patterns.map { TensorRule($0, excluded: true) }
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
}

/// Rethrows an error of one-shot pruning as the model's.
func refusing<R>(_ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as OneShotError { throw ModelError.oneShot(error) }
}
