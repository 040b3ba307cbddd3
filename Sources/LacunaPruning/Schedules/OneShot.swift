// s(t) = 0 before one step and target from it on

/// Everything at once, at a single step.
public struct OneShot: WindowedSchedule, Hashable {
  /// The fraction of zeros.
  public let target: Double
  public let window: UpdateWindow
  public var finalSparsity: Double { target }

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

  public func sparsity(at step: Int) -> Double { step < window.begin ? 0 : target }
}
