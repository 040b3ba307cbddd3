// { begin, begin + frequency, begin + 2·frequency, … } up to end, and end itself

/// The steps at which masks are recomputed.
///
/// `step` is one of them when `begin ≤ step ≤ end` and `frequency` divides `step − begin`, and so is
/// `end` itself: the reference toolkit forgets the last one when `frequency` does not divide
/// `end − begin`, and then the final sparsity is never reached. `includesEnd: false` reproduces it.
public struct UpdateWindow: Hashable, Sendable {
  /// First update step.
  public let begin: Int
  /// Last update step; `nil` goes on for ever.
  public let end: Int?
  /// Steps from one update to the next.
  public let frequency: Int
  /// Whether `end` is an update step even where `frequency` misses it.
  public let includesEnd: Bool

  /// The update steps from `begin` to `end`.
  ///
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` when `begin < 0`, `end < begin`
  ///   or `frequency < 1`.
  public init(begin: Int, end: Int?, frequency: Int, includesEnd: Bool = true) throws(PruningError)
  {
    if begin < 0 {
      throw .invalidParameter(name: "begin", value: "\(begin)", allowed: "0 or more")
    }
    if let end, end < begin {
      throw .invalidParameter(
        name: "end", value: "\(end)", allowed: "\(begin) (the begin step) or more")
    }
    if frequency < 1 {
      throw .invalidParameter(name: "frequency", value: "\(frequency)", allowed: "1 or more")
    }
    (self.begin, self.end, self.frequency, self.includesEnd) = (begin, end, frequency, includesEnd)
  }

  /// Whether `step` is an update step.
  public func contains(_ step: Int) -> Bool {
    if step < begin { return false }
    if let end {
      if step > end { return false }
      if step == end && includesEnd { return true }
    }
    return (step - begin) % frequency == 0
  }

  /// The first update step in `steps`.
  ///
  /// - Complexity: O(1)
  public func first(in steps: ClosedRange<Int>) -> Int? {
    let from = max(steps.lowerBound, begin)
    let past = (from - begin) % frequency
    let (regular, overflow) = from.addingReportingOverflow(past == 0 ? 0 : frequency - past)
    let last = min(steps.upperBound, end ?? Int.max)
    if !overflow && regular <= last { return regular }
    if let end, includesEnd, end >= from, end <= last { return end }
    return nil
  }

  /// How far `step` is between `begin` and `end`, in `0...1`, in float32 as the reference has it.
  ///
  /// A window of one step is at 0 before that step and at 1 from it on.
  func progress(at step: Int) -> Float {
    let end = end ?? begin
    if step >= end { return 1 }
    if step <= begin { return 0 }
    return Float(step - begin) / Float(end - begin)
  }

  func whyEmpty(in plannedSteps: Int) -> String {
    if begin > plannedSteps { return "its first update is at step \(begin)" }
    if let end, end < 1 { return "it ends at step \(end), and training counts from step 1" }
    return "frequency \(frequency) from step \(begin) first falls on a later step"
  }
}
