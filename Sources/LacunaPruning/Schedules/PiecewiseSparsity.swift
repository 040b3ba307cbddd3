// s(t) through given points, by straight lines or by steps

/// A table of steps and sparsities: any curve, in a form that can be saved.
public struct PiecewiseSparsity: PruningSchedule, Hashable {
  /// One row of the table.
  public struct Point: Hashable, Sendable, Codable {
    /// The training step, 0 or more.
    public let step: Int
    /// The fraction of zeros from or at that step, in `0..<1`.
    public let sparsity: Double
    /// Joins the two; ``PiecewiseSparsity/init(_:interpolation:frequency:)`` checks them.
    public init(step: Int, sparsity: Double) { (self.step, self.sparsity) = (step, sparsity) }
  }

  /// What lies between two points.
  public enum Interpolation: String, Hashable, Sendable, Codable {
    /// A straight line.
    case linear
    /// The earlier point's sparsity, until the later point's step.
    case hold
  }

  /// The table, steps increasing.
  public let points: [Point]
  /// What lies between two points.
  public let interpolation: Interpolation
  /// Steps from one update to the next; every point is an update as well.
  public let frequency: Int
  /// The last point's sparsity.
  public var finalSparsity: Double { points[points.count - 1].sparsity }

  /// A schedule through the given points.
  ///
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` for an empty table, steps that do
  ///   not increase, a sparsity outside `0..<1`, or a frequency less than 1.
  public init(
    _ points: [Point], interpolation: Interpolation = .linear, frequency: Int = 100
  ) throws(PruningError) {
    if points.isEmpty {
      throw .invalidParameter(name: "points", value: "[]", allowed: "at least one point")
    }
    if points[0].step < 0 {
      throw .invalidParameter(
        name: "points[0].step", value: "\(points[0].step)", allowed: "0 or more")
    }
    for (i, point) in points.enumerated() {
      try checkSparsity("points[\(i)].sparsity", point.sparsity)
      if i > 0 && point.step <= points[i - 1].step {
        throw .invalidParameter(
          name: "points[\(i)].step", value: "\(point.step)",
          allowed: "more than \(points[i - 1].step), the step before it")
      }
    }
    if frequency < 1 {
      throw .invalidParameter(name: "frequency", value: "\(frequency)", allowed: "1 or more")
    }
    (self.points, self.interpolation, self.frequency) = (points, interpolation, frequency)
  }

  /// The values of another schedule at its own update steps, so that a function of a program can be saved.
  ///
  /// Between updates the table holds the last value: masks come out the same.
  ///
  /// - Throws: ``PruningError/scheduleCannotFire(schedule:plannedSteps:reason:)`` when there is no update
  ///   in `1...plannedSteps`, ``PruningError/invalidParameter(name:value:allowed:)`` for more than
  ///   ``mostUpdates`` of them.
  /// - Complexity: O(updates) calls of ``PruningSchedule/firstUpdate(in:)``
  public init(tabulating other: some PruningSchedule, plannedSteps: Int) throws(PruningError) {
    try other.checkFires(within: plannedSteps)
    var updates: [Int] = []
    while updates.last ?? 0 < plannedSteps,
      let next = other.firstUpdate(in: (updates.last ?? 0) + 1...plannedSteps)
    {
      if updates.count == Self.mostUpdates {
        throw .invalidParameter(
          name: "plannedSteps", value: "\(plannedSteps)",
          allowed: "few enough for a table of at most \(Self.mostUpdates) updates")
      }
      updates.append(next)
    }
    try self.init(
      updates.map { Point(step: $0, sparsity: other.sparsity(at: $0)) }, interpolation: .hold,
      frequency: max(updates[updates.count - 1] - updates[0], 1))
  }

  /// Updates that a table may be made of: more is a mistake, and a table of many megabytes.
  public static let mostUpdates = 1_000_000

  /// The last point at or before `step`.
  private func index(at step: Int) -> Int? {
    var (low, high) = (0, points.count)
    while low < high {
      let middle = (low + high) / 2
      if points[middle].step <= step { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : low - 1
  }

  /// The first point's sparsity before it, the last point's behind it.
  ///
  /// - Complexity: O(log points)
  public func sparsity(at step: Int) -> Double {
    guard let i = index(at: step) else { return points[0].sparsity }
    if interpolation == .hold || i == points.count - 1 { return points[i].sparsity }
    let (a, b) = (points[i], points[i + 1])
    let share = Double(step - a.step) / Double(b.step - a.step)
    return a.sparsity + (b.sparsity - a.sparsity) * share
  }

  /// Whether `step` is a point's, or a multiple of ``frequency`` steps behind the first, up to the
  /// last.
  ///
  /// - Complexity: O(log points)
  public func isUpdate(at step: Int) -> Bool {
    guard let i = index(at: step), step <= points[points.count - 1].step else { return false }
    return points[i].step == step || (step - points[0].step) % frequency == 0
  }

  /// The last point's step.
  public var lastUpdate: Int? { points[points.count - 1].step }

  /// The first step in `steps` that is a point's or falls on ``frequency``.
  ///
  /// - Complexity: O(log points)
  public func firstUpdate(in steps: ClosedRange<Int>) -> Int? {
    let last = min(steps.upperBound, points[points.count - 1].step)
    let from = max(steps.lowerBound, points[0].step)
    if from > last { return nil }
    let before = index(at: from)!
    // There is a point at or behind `from`, because the last one is.
    let point = points[before].step == from ? from : points[before + 1].step
    let past = (from - points[0].step) % frequency
    let (regular, overflow) = from.addingReportingOverflow(past == 0 ? 0 : frequency - past)
    let first = overflow ? point : min(point, regular)
    return first <= last ? first : nil
  }

  /// Between which steps the points lie.
  public func whyNoUpdate(in plannedSteps: Int) -> String {
    "its points lie in steps \(points[0].step)...\(points[points.count - 1].step)"
  }
}
