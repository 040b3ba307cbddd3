// step += 1;  mask ← select(w) when the schedule says so;  w ← w ⊙ mask

import LacunaFormats

/// Prunes named tensors while any program trains them.
///
/// A training loop makes two calls per step:
///
///     try pruner.step(tensors)      // before the forward pass
///     … forward, backward, optimiser …
///     pruner.enforce(tensors)       // after the optimiser
///
/// After each of them every masked weight is exactly +0.
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
  /// Steps taken so far.
  public private(set) var currentStep: Int
  /// The mask of each tensor that has one, by name. Tensors that are not pruned have none.
  public private(set) var masks: [String: BitMask]
  /// What the last update of each tensor did, in the order of the tensors.
  public private(set) var report = PruningReport()
  /// Values that the optimiser gave to masked weights, waiting for the next step's update.
  private var waiting: [String: [Float]]
  private var resolved: (names: [String], settings: [String: TensorSettings]) = ([], [:])

  /// A pruner before its first step.
  ///
  /// - Throws: ``PruningError/scheduleCannotFire(schedule:plannedSteps:reason:)`` when the settings
  ///   plan a number of steps in which nothing would be pruned.
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
    if let steps = settings.plannedSteps {
      try settings.schedule.checkFires(within: steps)
      for rule in settings.rules { try rule.schedule?.checkFires(within: steps) }
    }
    self.settings = settings
    self.masks = masks
    currentStep = state.step
    waiting = state.waiting
  }

  /// What has to be saved beside ``masks`` and the weights to go on exactly.
  public var state: PrunerState { PrunerState(step: currentStep, waiting: waiting) }

  /// Begins a training step: counts it, recomputes the masks whose update falls on it, zeroes masked
  /// weights.
  ///
  /// When it throws, no weight, no mask and no counter has changed.
  ///
  /// - Parameter tensors: All tensors of the model, the same ones in each step.
  /// - Throws: ``PruningError/notANumber(tensor:index:)`` when a weight that is to be ranked is NaN;
  ///   errors about names, patterns and shapes that disagree.
  /// - Complexity: O(weights)
  public func step(_ tensors: [PrunableTensor]) throws(PruningError) {
    let settings = try check(tensors)
    let next = currentStep + 1
    let updating = tensors.filter {
      let own = settings[$0.name]!
      return own.skipped == nil && own.schedule.isUpdate(at: next)
    }
    var outcomes: [String: MaskOutcome] = [:]
    do throws(PruningError) {
      for tensor in updating {
        let own = settings[tensor.name]!
        restoreWaiting(tensor)
        outcomes[tensor.name] = try magnitudeMask(
          name: tensor.name, UnsafeBufferPointer(tensor.weights), rows: tensor.rows,
          columns: tensor.columns, sparsity: own.schedule.sparsity(at: next),
          granularity: own.granularity, ties: own.ties)
      }
    } catch {
      zeroMasked(tensors)
      throw error
    }
    currentStep = next
    waiting = [:]
    for tensor in updating {
      let outcome = outcomes[tensor.name]!
      masks[tensor.name] = outcome.mask
      report.record(
        tensor, outcome, step: next,
        target: settings[tensor.name]!.schedule.sparsity(at: next))
    }
    zeroMasked(tensors)
  }

  /// Ends a training step: masked weights become exactly zero again after the optimiser moved them.
  ///
  /// - Parameter tensors: As in ``step(_:)``.
  /// - Complexity: O(weights)
  public func enforce(_ tensors: [PrunableTensor]) {
    for tensor in tensors {
      guard let mask = masks[tensor.name], let own = resolved.settings[tensor.name],
        let weights = tensor.weights.baseAddress, own.schedule.isUpdate(at: currentStep + 1)
      else { continue }
      waiting[tensor.name] = mask.droppedValues(of: UnsafePointer(weights))
    }
    zeroMasked(tensors)
  }

  private func zeroMasked(_ tensors: [PrunableTensor]) {
    for tensor in tensors {
      if let mask = masks[tensor.name], let weights = tensor.weights.baseAddress {
        mask.apply(to: weights)
      }
    }
  }

  private func restoreWaiting(_ tensor: PrunableTensor) {
    if let values = waiting[tensor.name], let mask = masks[tensor.name],
      let weights = tensor.weights.baseAddress
    {
      mask.restoreDropped(values, to: weights)
    }
  }

  /// Resolves the settings when the tensors are new, and checks shapes against masks.
  private func check(_ tensors: [PrunableTensor]) throws(PruningError) -> [String: TensorSettings] {
    let names = tensors.map(\.name)
    if names != resolved.names {
      resolved = (names, try settings.resolved(for: tensors))
      report = PruningReport(tensors, resolved.settings, masks: masks, keeping: report)
    }
    for tensor in tensors {
      guard let mask = masks[tensor.name] else { continue }
      if mask.rows != tensor.rows || mask.columns != tensor.columns {
        throw .shapeMismatch(
          tensor: tensor.name, expectedRows: mask.rows, expectedColumns: mask.columns,
          rows: tensor.rows, columns: tensor.columns)
      }
      let dropped = tensor.weights.count - mask.keptCount
      if let values = waiting[tensor.name], values.count != dropped {
        throw .wrongCount(
          tensor: tensor.name, name: "waiting values", expected: dropped, actual: values.count)
      }
    }
    return resolved.settings
  }
}
