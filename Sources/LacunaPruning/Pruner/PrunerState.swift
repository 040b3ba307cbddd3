// The step count, and the masked weights' live values when an update comes next

/// What a pruner knows besides its masks; with them and the weights, training resumes bit for bit.
///
/// ``waiting`` is empty except between the last optimiser step before a mask update and that update.
public struct PrunerState: Equatable, Sendable, Codable {
  /// Steps taken.
  public var step: Int
  /// For each tensor, the values of its dropped weights in row-major order.
  public var waiting: [String: [Float]]

  public init(step: Int = 0, waiting: [String: [Float]] = [:]) {
    (self.step, self.waiting) = (step, waiting)
  }
}
