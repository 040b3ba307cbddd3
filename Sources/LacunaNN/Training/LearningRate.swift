// η(step): constant, or falling along a half cosine to a fraction of its start.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The learning rate over a training run.
public enum LearningRate: Hashable, Codable, Sendable {
  /// The same at every step.
  case constant(Float)
  /// From `initial` down a half cosine to `initial · finalFraction` at the last step.
  case cosine(initial: Float, finalFraction: Float)

  /// The rate at `step` of `total`, counted from 0.
  public func value(at step: Int, of total: Int) -> Float {
    switch self {
    case .constant(let rate): return rate
    case .cosine(let initial, let finalFraction):
      let progress = total <= 1 ? 1 : min(1, Double(step) / Double(total - 1))
      let fall = 0.5 * (1 + cos(Double.pi * progress))
      return initial * (finalFraction + (1 - finalFraction) * Float(fall))
    }
  }

  /// The rate a run starts with.
  public var initial: Float {
    switch self {
    case .constant(let rate): rate
    case .cosine(let initial, _): initial
    }
  }
}
