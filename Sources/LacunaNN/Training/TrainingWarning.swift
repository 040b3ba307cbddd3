// What a trainer finds odd about a run, for the program that called it to tell or to ignore.

/// Something about a training run that is allowed and probably not meant.
public enum TrainingWarning: Hashable, Codable, Sendable {
  /// Training ends before a pruning schedule does: it stops at a lower sparsity than the schedule's last.
  case scheduleCut(
    schedule: String, lastUpdate: Int, steps: Int, reached: Double, finalSparsity: Double)
}

extension TrainingWarning: CustomStringConvertible {
  /// One line: what will happen, and what was probably meant.
  public var description: String {
    switch self {
    case .scheduleCut(let schedule, let lastUpdate, let steps, let reached, let finalSparsity):
      "\(schedule) ends at step \(lastUpdate) and training at step \(steps): masks get to "
        + "\(percent(reached)) % zeros, not to \(percent(finalSparsity)) %"
    }
  }

  private func percent(_ fraction: Double) -> Double { (fraction * 1000).rounded() / 10 }
}
