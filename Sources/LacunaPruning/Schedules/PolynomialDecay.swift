// s(t) = (initial − final)·(1 − p)^power + final,  p = clamp((t − begin) / (end − begin), 0, 1)

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The cubic ramp of Zhu and Gupta, "To prune, or not to prune" (2017), with any power.
///
/// It prunes fast while there is much to remove and slowly near the end. The arithmetic is float32,
/// as in the reference toolkit, with the power correctly rounded, so that its values agree bit for bit.
public struct PolynomialDecay: WindowedSchedule, Hashable {
  /// Sparsity up to `begin`.
  public let initial: Double
  /// Sparsity from `end` on.
  public let final: Double
  /// Exponent: 1 is a straight line, 3 the usual ramp, 0 stays at `initial`.
  public let power: Double
  /// The update steps.
  public let window: UpdateWindow
  /// ``final``.
  public var finalSparsity: Double { final }

  /// A ramp between two steps.
  ///
  /// - Parameters:
  ///   - initial: Fraction of zeros at `begin`, in `0..<1`.
  ///   - final: Fraction of zeros at `end`, in `0..<1`.
  ///   - begin: First update step.
  ///   - end: Last update step.
  ///   - power: Exponent of the ramp, 0 or more.
  ///   - frequency: Steps from one update to the next.
  ///   - includesEnd: Whether `end` is an update even where `frequency` misses it.
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)``.
  public init(
    initial: Double = 0, final: Double, begin: Int, end: Int, power: Double = 3,
    frequency: Int = 100, includesEnd: Bool = true
  ) throws(PruningError) {
    try checkSparsity("initial", initial)
    try checkSparsity("final", final)
    if !(power >= 0 && power.isFinite) {
      throw .invalidParameter(name: "power", value: "\(power)", allowed: "0 or more")
    }
    (self.initial, self.final, self.power) = (initial, final, power)
    window = try UpdateWindow(
      begin: begin, end: end, frequency: frequency, includesEnd: includesEnd)
  }

  /// `(initial − final)·(1 − p)^power + final` in float32, p running from 0 at `begin` to 1 at
  /// `end`.
  public func sparsity(at step: Int) -> Double {
    let remaining = 1 - window.progress(at: step)
    let decay = Float(pow(Double(remaining), power))
    // The difference is taken in double and rounded once, as Python does before TensorFlow sees it.
    return Double(Float(initial - final) * decay + Float(final))
  }
}
