// s(t) = 0, s, 0, s, …, s: AC/DC, whole phases dense and sparse in turn (Peste et al., 2021)

extension PiecewiseSparsity {
  /// Phases of equal length in which all weights are trained and in which the largest ones are, in
  /// turn, after a dense beginning; the last phase is sparse and has no end.
  ///
  /// In a dense phase, dropped weights grow again from zero, so that each sparse phase chooses anew.
  /// The masks of a phase stand still within it.
  ///
  ///     // 10 epochs dense, then 5 sparse, 5 dense, … and sparse from the 50th on.
  ///     let schedule = try PiecewiseSparsity.alternating(
  ///       0.95, begin: 10 * epoch + 1, phase: 5 * epoch, last: 50 * epoch + 1)
  ///
  /// - Parameters:
  ///   - sparsity: of the sparse phases.
  ///   - begin: the first step of the first sparse phase.
  ///   - phase: steps of each phase.
  ///   - last: a step at which the last phase may begin; it begins at the sparse phase that starts
  ///     there or is the last one to start before.
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` for a sparsity outside `0..<1`, a
  ///   step or phase below 1, a last step before the first, or more than ``mostUpdates`` phases.
  public static func alternating(
    _ sparsity: Double, begin: Int, phase: Int, last: Int
  ) throws(PruningError) -> PiecewiseSparsity {
    try checkSparsity("sparsity", sparsity)
    for (name, value) in [("begin", begin), ("phase", phase)] where value < 1 {
      throw .invalidParameter(name: name, value: "\(value)", allowed: "1 or more")
    }
    if last < begin {
      throw .invalidParameter(name: "last", value: "\(last)", allowed: "\(begin) or more")
    }
    // Every second phase is sparse, the first one among them.
    let phases = (last - begin) / phase
    if phases >= mostUpdates {
      throw .invalidParameter(
        name: "phase", value: "\(phase)", allowed: "long enough for \(mostUpdates) phases")
    }
    let points = (0...phases - phases % 2).map {
      Point(step: begin + $0 * phase, sparsity: $0 % 2 == 0 ? sparsity : 0)
    }
    return try PiecewiseSparsity(points, interpolation: .hold, frequency: .max)
  }
}
