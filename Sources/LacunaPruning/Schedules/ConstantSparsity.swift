// s(t) = target

/// The same sparsity from the first update to the last.
public struct ConstantSparsity: WindowedSchedule, Hashable {
  /// The fraction of zeros.
  public let target: Double
  /// The update steps.
  public let window: UpdateWindow
  /// ``target``.
  public var finalSparsity: Double { target }

  /// A schedule that asks for `target` from its first update on.
  ///
  /// - Parameters:
  ///   - target: Fraction of zeros, in `0..<1`.
  ///   - begin: First update step.
  ///   - end: Last update step; `nil` never stops.
  ///   - frequency: Steps from one update to the next.
  ///   - includesEnd: Whether `end` is an update even where `frequency` misses it.
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)``.
  public init(
    _ target: Double, begin: Int = 0, end: Int? = nil, frequency: Int = 100,
    includesEnd: Bool = true
  ) throws(PruningError) {
    try checkSparsity("target", target)
    self.target = target
    window = try UpdateWindow(
      begin: begin, end: end, frequency: frequency, includesEnd: includesEnd)
  }

  /// ``target`` at every step, rounded to float32 as in the reference toolkit.
  public func sparsity(at step: Int) -> Double { Double(Float(target)) }
}
