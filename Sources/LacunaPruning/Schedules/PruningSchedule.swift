// s(t), the sparsity wanted at training step t, and the steps t at which masks are recomputed

/// When masks are recomputed during training, and how sparse they are to be.
///
/// Steps count from 1: a training loop's first step asks about step 1. ``sparsity(at:)`` is defined
/// at every step, also outside the schedule's window; only ``isUpdate(at:)`` says when a mask
/// changes.
public protocol PruningSchedule: Sendable {
  /// The fraction of zeros wanted at `step`, in `0..<1`.
  func sparsity(at step: Int) -> Double
  /// Whether masks are recomputed at `step`.
  func isUpdate(at step: Int) -> Bool
  /// The sparsity at which the schedule ends.
  var finalSparsity: Double { get }
  /// The last step at which masks may change; `nil` for a schedule that never stops, or cannot tell.
  var lastUpdate: Int? { get }
  /// The first update step in `steps`, if there is one.
  func firstUpdate(in steps: ClosedRange<Int>) -> Int?
  /// Why the schedule has no update in `1...plannedSteps`, in words, for an error message.
  func whyNoUpdate(in plannedSteps: Int) -> String
}

extension PruningSchedule {
  /// Tries every step.
  ///
  /// - Complexity: O(`steps.count`); schedules with an ``UpdateWindow`` answer in O(1).
  public func firstUpdate(in steps: ClosedRange<Int>) -> Int? {
    steps.first { isUpdate(at: $0) }
  }

  /// Nil: cannot tell.
  public var lastUpdate: Int? { nil }

  /// Says no more than that there is none.
  public func whyNoUpdate(in plannedSteps: Int) -> String { "no step of these is an update step" }

  /// Checks that training of `plannedSteps` steps sees at least one mask update.
  ///
  /// - Throws: ``PruningError/scheduleCannotFire(schedule:plannedSteps:reason:)``, or
  ///   ``PruningError/invalidParameter(name:value:allowed:)`` when `plannedSteps < 1`.
  public func checkFires(within plannedSteps: Int) throws(PruningError) {
    if plannedSteps < 1 {
      throw .invalidParameter(name: "plannedSteps", value: "\(plannedSteps)", allowed: "1 or more")
    }
    if firstUpdate(in: 1...plannedSteps) == nil {
      throw .scheduleCannotFire(
        schedule: String(describing: type(of: self)), plannedSteps: plannedSteps,
        reason: whyNoUpdate(in: plannedSteps))
    }
  }
}

extension PruningSchedule {
  /// The last update step in `steps`, if there is one.
  ///
  /// - Complexity: O(log `steps.count`) calls of ``firstUpdate(in:)``
  public func lastUpdate(in steps: ClosedRange<Int>) -> Int? {
    guard var found = firstUpdate(in: steps) else { return nil }
    // There is one at `found`, and none behind `none`.
    var none = steps.upperBound
    while found < none {
      // Wrapping, because the distance of two steps may not fit an integer.
      let middle = found + Int(UInt(bitPattern: none &- found) / 2) + 1
      if let later = firstUpdate(in: middle...steps.upperBound) {
        found = later
      } else {
        none = middle - 1
      }
    }
    return found
  }
}

/// A schedule whose update steps are those of an ``UpdateWindow``.
public protocol WindowedSchedule: PruningSchedule {
  /// The update steps.
  var window: UpdateWindow { get }
}

extension WindowedSchedule {
  /// Whether `step` is in ``window``, and one of its updates.
  public func isUpdate(at step: Int) -> Bool { window.contains(step) }
  /// The end of ``window``; nil where it has none.
  public var lastUpdate: Int? { window.end }
  /// The first update of ``window`` in `steps`, in O(1).
  public func firstUpdate(in steps: ClosedRange<Int>) -> Int? { window.first(in: steps) }
  /// How ``window`` misses `1...plannedSteps`.
  public func whyNoUpdate(in plannedSteps: Int) -> String { window.whyEmpty(in: plannedSteps) }
}

/// `sparsity` as a valid target.
func checkSparsity(_ name: String, _ sparsity: Double) throws(PruningError) {
  if !(sparsity >= 0 && sparsity < 1) {
    throw .invalidParameter(name: name, value: "\(sparsity)", allowed: "in 0..<1")
  }
}
