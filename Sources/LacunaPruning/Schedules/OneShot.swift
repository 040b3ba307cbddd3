// s(t) = 0 before one step and target from it on

/// Everything at once, at a single step.
public struct OneShot: WindowedSchedule, Hashable {
  /// The fraction of zeros.
  public let target: Double
  /// The one update step.
  public let window: UpdateWindow
  /// ``target``.
  public var finalSparsity: Double { target }

  /// A schedule that asks for `target` at one step.
  ///
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` for a target outside `0..<1` or a
  ///   step less than 1, which training never sees.
  public init(_ target: Double, at step: Int = 1) throws(PruningError) {
    try checkSparsity("target", target)
    if step < 1 {
      throw .invalidParameter(name: "step", value: "\(step)", allowed: "1 or more")
    }
    self.target = target
    window = try UpdateWindow(begin: step, end: step, frequency: 1)
  }

  /// 0 before the step, ``target`` from it on.
  public func sparsity(at step: Int) -> Double { step < window.begin ? 0 : target }
}
