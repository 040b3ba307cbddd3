// s(t) between initial and final along a line, half a cosine, or a geometric decay of the density

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The ramps besides the polynomial one.
///
/// With p = clamp((t − begin) / (end − begin), 0, 1):
///
/// - `linear`: s = initial + (final − initial)·p
/// - `cosine`: s = final + (initial − final)·(1 + cos πp) / 2, flat at both ends
/// - `exponential`: 1 − s = (1 − initial)^(1 − p) · (1 − final)^p, the same share of what is left
///   goes at each step
public struct Ramp: WindowedSchedule, Hashable {
  /// The curve.
  public enum Shape: String, Hashable, Sendable, Codable, CaseIterable {
    /// The same step in sparsity everywhere.
    case linear
    /// Slow, fast, slow.
    case cosine
    /// The same share of what is left everywhere.
    case exponential
  }

  /// The curve.
  public let shape: Shape
  /// Sparsity up to `begin`.
  public let initial: Double
  /// Sparsity from `end` on.
  public let final: Double
  /// The update steps.
  public let window: UpdateWindow
  /// ``final``.
  public var finalSparsity: Double { final }

  /// A ramp of that shape between two steps.
  ///
  /// - Parameters:
  ///   - shape: The curve.
  ///   - initial: Fraction of zeros at `begin`, in `0..<1`.
  ///   - final: Fraction of zeros at `end`, in `0..<1`.
  ///   - begin: First update step.
  ///   - end: Last update step, always an update.
  ///   - frequency: Steps from one update to the next.
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)``.
  public init(
    _ shape: Shape, initial: Double = 0, final: Double, begin: Int, end: Int,
    frequency: Int = 100
  ) throws(PruningError) {
    try checkSparsity("initial", initial)
    try checkSparsity("final", final)
    (self.shape, self.initial, self.final) = (shape, initial, final)
    window = try UpdateWindow(begin: begin, end: end, frequency: frequency)
  }

  /// The curve's value, exactly ``initial`` up to `begin` and ``final`` from `end` on.
  public func sparsity(at step: Int) -> Double {
    let p = Double(window.progress(at: step))
    // Exact at both ends, whatever the curve's rounding.
    if p == 0 { return initial }
    if p == 1 { return final }
    switch shape {
    case .linear: return initial + (final - initial) * p
    case .cosine: return final + (initial - final) * (1 + cos(Double.pi * p)) / 2
    case .exponential: return 1 - pow(1 - initial, 1 - p) * pow(1 - final, p)
    }
  }
}
