// The field's one-line front door: wrap a network, train it as before, and its weights become sparse.

import LacunaFormats
import LacunaPruning

/// A network whose weights are pruned while it is trained. Masked weights are exactly zero after every
/// step.
// Sound to share between threads: one training loop drives it.
public final class PrunedModel: Trainable, @unchecked Sendable {
  public let network: SequentialModel
  public let pruner: Pruner
  private let tensors: [PrunableTensor]

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

  public func willStep() throws { try pruner.step(tensors) }
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
