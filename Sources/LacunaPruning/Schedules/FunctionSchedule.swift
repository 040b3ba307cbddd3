// s(t) = f(t) for a function of the caller's

/// Any function as a schedule.
///
/// It cannot be saved; ``PiecewiseSparsity/init(tabulating:plannedSteps:)`` makes a table of it that can.
public struct FunctionSchedule: WindowedSchedule {
  /// The update steps.
  public let window: UpdateWindow
  /// The function's value at the end of the window.
  public let finalSparsity: Double
  private let function: @Sendable (Int) -> Double

  /// A schedule of a function and its update steps.
  ///
  /// - Parameters:
  ///   - window: The update steps.
  ///   - function: Step to sparsity. What it returns is brought into `0..<1`; NaN counts as 0.
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` when the window has no end: the
  ///   function's value there is the final sparsity.
  public init(
    window: UpdateWindow, _ function: @escaping @Sendable (Int) -> Double
  ) throws(PruningError) {
    guard let end = window.end else {
      throw .invalidParameter(name: "window.end", value: "nil", allowed: "a step")
    }
    (self.window, self.function) = (window, function)
    finalSparsity = Self.bounded(function(end))
  }

  /// The function's value, brought into `0..<1`; 0 for NaN.
  public func sparsity(at step: Int) -> Double { Self.bounded(function(step)) }

  private static func bounded(_ value: Double) -> Double {
    value > 0 ? min(value, Double(1).nextDown) : 0
  }
}
