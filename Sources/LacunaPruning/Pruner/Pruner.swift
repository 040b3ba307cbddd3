// step += 1;  mask ← select(w) when the schedule says so;  w ← w ⊙ mask

import LacunaFormats

/// Prunes named tensors while any program trains them.
///
/// A training loop makes two calls per step:
///
///     try pruner.step(tensors)      // before the forward pass
///     … forward, backward …
///     try pruner.observe(tensors)   // only for saliencies that need gradients or averages
///     … optimiser …
///     pruner.enforce(tensors)       // after the optimiser
///
/// After each of the first and the last call every masked weight is exactly +0.
///
/// Masks are recomputed from live weights, so that a weight can come back. The reference toolkit lets
/// the optimiser move masked weights and looks at where they went at the next update; here
/// ``enforce(_:)`` keeps those values aside before an update and zeroes the weights all the same.
/// The outcome is equal, and no half-pruned weight is ever seen by a forward pass, a checkpoint or a
/// quantiser.
///
/// Not thread-safe: one training loop drives it.
public final class Pruner {
  /// The recipe.
  public let settings: PruningSettings
  /// The mask of each tensor that has one, by name. Tensors that are not pruned have none.
  public private(set) var masks: [String: BitMask]
  /// What the last update of each tensor did, in the order of the tensors.
  public private(set) var report = PruningReport()
  /// What happened at each step since this object was made.
  public private(set) var history = PruningHistory()
  /// What has to be saved beside ``masks`` and the weights to go on exactly.
  public private(set) var state: PrunerState
  private var model: ResolvedModel?

  /// Steps taken so far.
  public var currentStep: Int { state.step }

  /// A pruner before its first step.
  ///
  /// - Throws: ``PruningError/scheduleCannotFire(schedule:plannedSteps:reason:)`` when the settings
  ///   plan a number of steps in which nothing would be pruned; ``PruningError`` for a pattern or
  ///   dynamics whose numbers make no sense.
  public convenience init(settings: PruningSettings) throws(PruningError) {
    try self.init(settings: settings, resuming: PrunerState(), masks: [:])
  }

  /// A pruner that goes on exactly where another one was.
  ///
  /// - Parameters:
  ///   - settings: The recipe, as it was.
  ///   - state: ``state`` of the other one.
  ///   - masks: ``masks`` of the other one.
  /// - Throws: ``PruningError``.
  public init(
    settings: PruningSettings, resuming state: PrunerState, masks: [String: BitMask]
  ) throws(PruningError) {
    try settings.check()
    (self.settings, self.state, self.masks) = (settings, state, masks)
  }

  /// Begins a training step: counts it, recomputes the masks whose update falls on it, zeroes masked
  /// weights.
  ///
  /// When it throws, no weight, no mask and no counter has changed.
  ///
  /// - Parameter tensors: All tensors of the model, the same ones in each step.
  /// - Throws: ``PruningError/notANumber(tensor:index:)`` or ``PruningError/infinite(tensor:index:)`` when
  ///   a weight that is to be ranked is one; errors about names, patterns and shapes that disagree.
  /// - Complexity: O(weights)
  public func step(_ tensors: [PrunableTensor]) throws(PruningError) {
    try step(tensors, leaving: [])
  }

  /// - Parameter standing: names of tensors whose masked weights are zero already, unless this step renews their masks.
  package func step(
    _ tensors: [PrunableTensor], leaving standing: Set<String>
  ) throws(PruningError) {
    let model = try resolve(tensors)
    let next = state.step + 1
    let updating = state.isFrozen ? [] : tensors.filter { model.isUpdate($0.name, at: next) }
    let update = MaskUpdate(
      settings: settings, resolved: model.settings, budget: model.budget, step: next, masks: masks,
      averages: state.averages)
    let targets = update.targets(of: updating)
    var outcomes: [MaskOutcome] = []
    do throws(PruningError) {
      for tensor in updating { restoreWaiting(tensor) }
      outcomes = try update.outcomes(of: updating, targets: targets)
    } catch {
      zeroMasked(tensors)
      throw error
    }
    state.step = next
    state.waiting = [:]
    for (tensor, outcome) in zip(updating, outcomes) {
      masks[tensor.name] = outcome.mask
      report.record(tensor.name, outcome, step: next, target: targets[tensor.name]!)
    }
    history.append(step: next, report, updated: updating.map(\.name))
    zeroMasked(tensors, leaving: standing.subtracting(updating.map(\.name)))
  }

  /// Looks at weights and gradients after the backward pass and before the optimiser.
  ///
  /// Plain magnitude needs no observations: then this returns at once.
  ///
  /// - Parameter tensors: As in ``step(_:)``, with gradients.
  /// - Throws: ``PruningError/missingGradients(tensor:saliency:)``.
  public func observe(_ tensors: [PrunableTensor]) throws(PruningError) {
    if settings.saliency.isComputedAtUpdate || state.isFrozen { return }
    let model = try resolve(tensors)
    for tensor in tensors where model.settings[tensor.name]!.skipped == nil {
      state.averages[tensor.name] = try settings.saliency.accumulated(
        state.averages[tensor.name], tensor)
    }
  }

  /// Ends a training step: masked weights become exactly zero again after the optimiser moved them.
  ///
  /// - Parameter tensors: As in ``step(_:)``.
  /// - Complexity: O(weights)
  public func enforce(_ tensors: [PrunableTensor]) { enforce(tensors, leaving: []) }

  /// - Parameter standing: names of tensors whose masked weights nobody has moved.
  package func enforce(_ tensors: [PrunableTensor], leaving standing: Set<String>) {
    if settings.dynamics == .recompute && !state.isFrozen, let model {
      for tensor in tensors where model.isUpdate(tensor.name, at: state.step + 1) {
        guard let mask = masks[tensor.name] else { continue }
        state.waiting[tensor.name] = mask.dropped(of: tensor.weights)
      }
    }
    zeroMasked(tensors, leaving: standing)
  }

  /// Ends all mask updates: from here on masks stay as they are, whatever the schedule says.
  public func freeze() {
    state.isFrozen = true
    state.waiting = [:]
    state.averages = [:]
  }

  /// Ends pruning: the zeros stay in the weights, masks and running values are dropped.
  ///
  /// No weight changes its value: masked ones are zero already.
  ///
  /// - Returns: The final report, zeros counted.
  @discardableResult
  public func strip(_ tensors: [PrunableTensor]) -> PruningReport {
    zeroMasked(tensors)
    freeze()
    masks = [:]
    return report(countingZerosOf: tensors)
  }

  /// ``report`` with the zeros that the weights hold now: those of the masks and those that were there
  /// without them.
  ///
  /// - Complexity: O(weights)
  public func report(countingZerosOf tensors: [PrunableTensor]) -> PruningReport {
    report.countingZeros(of: tensors)
  }

  /// Whether some mask may still change in the steps after the current one, up to `last`.
  ///
  /// - Complexity: O(schedules), each of which answers as ``PruningSchedule/firstUpdate(in:)`` does.
  public func hasUpdates(through last: Int) -> Bool {
    if state.isFrozen || last <= currentStep { return false }
    let steps = currentStep + 1...last
    return settings.schedules.contains { $0.firstUpdate(in: steps) != nil }
  }

  private func zeroMasked(_ tensors: [PrunableTensor], leaving standing: Set<String> = []) {
    for tensor in tensors where !standing.contains(tensor.name) {
      masks[tensor.name]?.zero(tensor.weights)
    }
  }

  private func restoreWaiting(_ tensor: PrunableTensor) {
    if let values = state.waiting[tensor.name], let mask = masks[tensor.name] {
      mask.restore(values, to: tensor.weights)
    }
  }

  /// Resolves the settings when the tensors are new, and checks them against what is kept by name.
  private func resolve(_ tensors: [PrunableTensor]) throws(PruningError) -> ResolvedModel {
    let shapes = tensors.map(\.weightShape)
    let names = tensors.map(\.name)
    if let model, model.names == names, model.shapes == shapes { return model }
    let fresh = try ResolvedModel(settings, tensors)
    for tensor in tensors {
      if let mask = masks[tensor.name] {
        if mask.rows != tensor.rows || mask.columns != tensor.columns {
          throw .shapeMismatch(
            tensor: tensor.name, expectedRows: mask.rows, expectedColumns: mask.columns,
            rows: tensor.rows, columns: tensor.columns)
        }
        let dropped = tensor.weights.count - mask.keptCount
        if let values = state.waiting[tensor.name] {
          if values.count != dropped {
            throw .wrongCount(
              tensor: tensor.name, name: "waiting values", expected: dropped, actual: values.count)
          }
          if !values.belong(to: tensor.weights) {
            throw .malformedState(reason: "\(tensor.name) and its waiting values differ in type")
          }
        }
      }
      if let values = state.averages[tensor.name], values.count != tensor.weights.count {
        throw .wrongCount(
          tensor: tensor.name, name: "running saliencies", expected: tensor.weights.count,
          actual: values.count)
      }
    }
    report = PruningReport(tensors, fresh.settings, masks: masks, keeping: report)
    model = fresh
    return fresh
  }
}

/// The settings of one model's tensors, worked out once.
private struct ResolvedModel {
  let names: [String]
  let shapes: [WeightShape]
  let settings: [String: TensorSettings]
  let budget: SharedBudget

  init(_ settings: PruningSettings, _ tensors: [PrunableTensor]) throws(PruningError) {
    names = tensors.map(\.name)
    shapes = tensors.map(\.weightShape)
    self.settings = try settings.resolved(for: tensors)
    budget = try SharedBudget(settings, self.settings, tensors)
  }

  func isUpdate(_ name: String, at step: Int) -> Bool {
    guard let own = settings[name] else { return false }
    return own.skipped == nil && own.schedule.isUpdate(at: step)
  }
}
