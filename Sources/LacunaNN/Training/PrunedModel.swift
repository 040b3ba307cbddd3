// The field's one-line front door: wrap a network, train it as before, and its weights become
// sparse.

import LacunaFormats
import LacunaPruning

/// A network whose weights are pruned while it is trained. Masked weights are exactly zero after
/// every step.
public final class PrunedModel: Trainable {
  /// The network that is trained and pruned.
  public let network: SequentialModel
  /// What keeps the masks.
  public let pruner: Pruner
  private let tensors: [PrunableTensor]
  /// Of the network, in the order of ``tensors``.
  private let parameters: [Parameter]
  /// Whether the layers know the masks, because those have changed for the last time; nil before
  /// the first step.
  private var masksAreFixed: Bool?
  /// The last step that is known to come; nil until a trainer says how many it takes.
  private var lastStep: Int?

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
    parameters = network.prunableParameters
  }

  /// Checks each schedule against the steps of a trainer.
  ///
  /// `PruningSettings.plannedSteps` beyond them stands: several trainers may share a schedule. Once there
  /// are masks, a run may well be one that only heals.
  public func willTrain(steps: Int) throws(ModelError) -> [TrainingWarning] {
    let (sum, overflow) = pruner.currentStep.addingReportingOverflow(steps)
    let last = max(overflow ? .max : sum, pruner.settings.plannedSteps ?? 0)
    if masksAreFixed == true { network.fixMasks([:]) }
    (lastStep, masksAreFixed) = (last, nil)
    if pruner.state.isFrozen || last <= pruner.currentStep { return [] }
    var warnings: [TrainingWarning] = []
    for schedule in pruner.settings.schedules {
      if pruner.masks.isEmpty, schedule.firstUpdate(in: pruner.currentStep + 1...last) == nil {
        throw .pruning(
          .scheduleCannotFire(
            schedule: "\(type(of: schedule))", plannedSteps: last,
            reason: schedule.whyNoUpdate(in: last)))
      }
      if let end = schedule.lastUpdate, end > last {
        warnings.append(
          .scheduleCut(
            schedule: "\(type(of: schedule))", lastUpdate: end, steps: last,
            reached: schedule.lastUpdate(in: min(1, last)...last).map(schedule.sparsity(at:)) ?? 0,
            finalSparsity: schedule.finalSparsity))
      }
    }
    return warnings
  }

  /// Renews masks where the schedule says so, and zeroes what they drop.
  ///
  /// - Throws: `PruningError`
  public func willStep() throws {
    // Weights that were set from outside are those of all tensors.
    if masksAreFixed == true && !network.hasFixedMasks { masksAreFixed = nil }
    try pruner.step(tensors, leaving: standing)
    let isUpdate = pruner.history.entries.last?.updated.isEmpty == false
    if masksAreFixed == nil || isUpdate {
      let isLast = !pruner.masks.isEmpty && !pruner.hasUpdates(through: knownSteps)
      if isLast || masksAreFixed == true { network.fixMasks(isLast ? pruner.masks : [:]) }
      masksAreFixed = isLast
    }
  }

  /// Tensors whose zeros nobody moves, as their layers know their masks.
  private var standing: Set<String> {
    Set(parameters.filter { $0.kept != nil }.map(\.name))
  }

  /// How far to look for updates: without a trainer or planned steps, a million steps ahead.
  private var knownSteps: Int {
    lastStep ?? pruner.settings.plannedSteps ?? pruner.currentStep + 1_000_000
  }

  /// Shows weights and gradients to the pruner, for saliencies that need them.
  ///
  /// - Throws: `PruningError`
  public func didComputeGradients() throws {
    if !pruner.settings.saliency.isComputedAtUpdate {
      // The pruner looks at memory where gradients may not be yet.
      for parameter in parameters { _ = parameter.gradient }
    }
    try pruner.observe(tensors)
  }
  /// Zeroes masked weights, which the optimiser may have moved: it leaves those alone whose layer knows its mask.
  public func didStep() {
    pruner.enforce(tensors, leaving: standing)
  }

  /// The mask of each tensor that is pruned, by name.
  public var masks: [String: BitMask] { pruner.masks }
  /// What happened to each tensor at its last update, and the zeros that it holds now.
  ///
  /// - Complexity: O(weights)
  public var report: PruningReport { pruner.report(countingZerosOf: tensors) }

  /// Masked weights over all weights of the pruned tensors; 0 before the first mask.
  public var sparsity: Double {
    let masks = pruner.masks.values
    let total = masks.reduce(0) { $0 + $1.rows * $1.columns }
    return total == 0 ? 0 : 1 - Double(masks.reduce(0) { $0 + $1.keptCount }) / Double(total)
  }
}

extension SequentialModel {
  fileprivate var prunableParameters: [Parameter] {
    parameters.filter { $0.isTrainable && $0.role != .table }
  }

  /// The trainable tensors in the form a pruner takes, tables left out. They point into the model.
  ///
  /// - Throws: `PruningError` never for a model whose tensors are consistent.
  public func prunableTensors() throws(PruningError) -> [PrunableTensor] {
    var tensors: [PrunableTensor] = []
    for p in prunableParameters {
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
/// All kernels of convolutions, dense and recurrent layers are pruned; biases, normalisation and tables are not.
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

extension SequentialModel {
  /// Tells the layers which weights are trained from now on. Layers with enough zeros then compute
  /// forward and backward products at sparse speed; an empty dictionary ends that.
  package func fixMasks(_ masks: [String: BitMask]) {
    for layer in layers { layer.fixMasks(masks, threads: workers.count) }
    hasFixedMasks = !masks.isEmpty
  }
}
