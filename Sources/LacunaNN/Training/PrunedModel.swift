// The field's one-line front door: wrap a network, train it as before, and its weights become
// sparse.

import LacunaFormats
import LacunaPruning

/// A network whose weights are pruned while it is trained. Masked weights are exactly zero after
/// every step.
public final class PrunedModel: Trainable {
  public let network: SequentialModel
  public let pruner: Pruner
  private let tensors: [PrunableTensor]
  /// Whether the layers know the masks, because those have changed for the last time; nil before
  /// the first step.
  private var masksAreFixed: Bool?

  /// Prunes `network` from now on.
  ///
  /// - Parameters:
  ///   - state: State of another pruner to go on from, with its masks.
  /// - Throws: `PruningError` when the settings are invalid.
  public init(
    _ network: SequentialModel, settings: PruningSettings, resuming state: PrunerState? = nil,
    masks: [String: BitMask] = [:]
  ) throws(PruningError) {
    self.network = network
    if let state {
      pruner = try Pruner(settings: settings, resuming: state, masks: masks)
    } else {
      pruner = try Pruner(settings: settings)
    }
    tensors = try network.prunableTensors()
  }

  public func willStep() throws {
    try pruner.step(tensors)
    let isUpdate = pruner.history.entries.last?.updated.isEmpty == false
    if masksAreFixed == nil || isUpdate {
      let isLast = !pruner.masks.isEmpty && !pruner.hasUpdates(after: pruner.currentStep)
      if isLast || masksAreFixed == true { network.fixMasks(isLast ? pruner.masks : [:]) }
      masksAreFixed = isLast
    }
  }

  public func didComputeGradients() throws { try pruner.observe(tensors) }
  public func didStep() { pruner.enforce(tensors) }

  /// The mask of each tensor that is pruned, by name.
  public var masks: [String: BitMask] { pruner.masks }
  /// What happened to each tensor at its last update.
  public var report: PruningReport { pruner.report }

  public var sparsity: Double {
    let masks = pruner.masks.values
    let total = masks.reduce(0) { $0 + $1.rows * $1.columns }
    return total == 0 ? 0 : 1 - Double(masks.reduce(0) { $0 + $1.keptCount }) / Double(total)
  }
}

extension SequentialModel {
  /// The trainable tensors in the form a pruner takes. They point into the model.
  ///
  /// - Throws: `PruningError` never for a model whose tensors are consistent.
  public func prunableTensors() throws(PruningError) -> [PrunableTensor] {
    var tensors: [PrunableTensor] = []
    for p in parameters where p.isTrainable {
      tensors.append(
        try PrunableTensor(
          name: p.name, weights: p.values.elements, shape: p.shape,
          gradients: UnsafeBufferPointer(p.gradient.elements)))
    }
    return tensors
  }
}

/// Prunes the smallest weights of `model` while it is trained:
///
///     let pruned = try pruneLowMagnitude(
///       model, schedule: PolynomialDecay(initial: 0.5, final: 0.9, begin: 1, end: 900))
///     try Trainer(pruned, data: train, settings: settings).run()
///
/// All kernels of convolutions and dense layers are pruned; biases and normalisation are not.
/// `rules` change schedule, granularity or exclusion by tensor name or pattern, such as `conv1/*`.
///
/// - Throws: `PruningError` when the schedule or a rule is invalid.
public func pruneLowMagnitude(
  _ model: SequentialModel, schedule: some PruningSchedule, granularity: Granularity = .element,
  rules: [TensorRule] = [], exclusions: PruningSettings.Exclusions = .biases,
  plannedSteps: Int? = nil
) throws(PruningError) -> PrunedModel {
  try PrunedModel(
    model,
    settings: PruningSettings(
      schedule: schedule, granularity: granularity, rules: rules, exclusions: exclusions,
      plannedSteps: plannedSteps))
}

extension Pruner {
  /// Whether a schedule updates a mask after `step`, in the planned steps or, when none are
  /// planned, in a million.
  fileprivate func hasUpdates(after step: Int) -> Bool {
    if state.isFrozen { return false }
    let last = max(settings.plannedSteps ?? step + 1_000_000, step + 1)
    let schedules = [settings.schedule] + settings.rules.compactMap(\.schedule)
    return schedules.contains { $0.firstUpdate(in: step + 1...last) != nil }
  }
}

extension SequentialModel {
  /// Tells the layers which weights are trained from now on. Layers with enough zeros then compute
  /// forward and backward products at sparse speed; an empty dictionary ends that.
  package func fixMasks(_ masks: [String: BitMask]) {
    for case let layer as DenseLayer in layers {
      layer.fixMask(masks[layer.kernel.name], threads: workers.count)
    }
  }
}
