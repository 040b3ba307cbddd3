// The settings of one tensor: defaults, exclusions, then rules in order

/// One tensor's share of the settings.
struct TensorSettings {
  var schedule: any PruningSchedule
  /// Whether the schedule is its own, so that it has no part in the shared budget.
  var hasOwnSchedule = false
  var granularity: Granularity
  var ties: TiePolicy
  var skipped: SkipReason?
  var keepsDiagonal = false
}

/// Why a tensor is not pruned.
public enum SkipReason: String, Hashable, Sendable, Codable {
  /// A rule with its name or pattern says so.
  case excludedByRule = "excluded by a rule"
  /// Rank 0 or 1.
  case bias = "biases are not pruned"
  /// The settings leave the first convolution alone.
  case firstConvolution = "first convolution"
  /// The settings leave the last layer alone.
  case lastLayer = "last layer"
  /// There is nothing in it.
  case empty = "no weights"
}

extension PruningSettings {
  /// The settings of each tensor.
  ///
  /// - Throws: ``PruningError/unmatchedPattern(pattern:tensors:)`` for a rule that matches nothing,
  ///   ``PruningError/duplicateTensor(name:)``.
  func resolved(for tensors: [PrunableTensor]) throws(PruningError) -> [String: TensorSettings] {
    for rule in rules where !tensors.contains(where: { rule.matches($0.name) }) {
      throw .unmatchedPattern(pattern: rule.pattern, tensors: tensors.map(\.name))
    }
    let firstConvolution = tensors.first { $0.shape.count >= 3 }?.name
    let lastLayer = tensors.last { $0.shape.count >= 2 }?.name
    var result: [String: TensorSettings] = [:]
    for tensor in tensors {
      var own = TensorSettings(schedule: schedule, granularity: granularity, ties: ties)
      if exclusions.contains(.biases) && tensor.shape.count < 2 { own.skipped = .bias }
      if exclusions.contains(.firstConvolution) && tensor.name == firstConvolution {
        own.skipped = .firstConvolution
      }
      if exclusions.contains(.lastLayer) && tensor.name == lastLayer { own.skipped = .lastLayer }
      for rule in rules where rule.matches(tensor.name) {
        if let schedule = rule.schedule {
          (own.schedule, own.hasOwnSchedule) = (schedule, true)
        }
        if let granularity = rule.granularity { own.granularity = granularity }
        if let ties = rule.ties { own.ties = ties }
        if let keeps = rule.keepsDiagonal { own.keepsDiagonal = keeps }
        if let excluded = rule.excluded { own.skipped = excluded ? .excludedByRule : nil }
      }
      if tensor.weights.isEmpty { own.skipped = .empty }
      if own.keepsDiagonal && own.skipped == nil { try KeptDiagonal.check(tensor) }
      if result.updateValue(own, forKey: tensor.name) != nil {
        throw .duplicateTensor(name: tensor.name)
      }
    }
    return result
  }
}

extension PruningSettings {
  /// Checks what can be checked without seeing tensors.
  func check() throws(PruningError) {
    try granularity.check()
    try dynamics.check()
    for rule in rules { try rule.granularity?.check() }
    if case .dropAndGrow = dynamics {
      for granularity in [granularity] + rules.compactMap(\.granularity)
      where granularity.isGrouped {
        throw .invalidParameter(
          name: "granularity", value: "\(granularity)",
          allowed: "no pattern and no window when masks drop and grow")
      }
    }
    if let plannedSteps {
      for schedule in schedules { try schedule.checkFires(within: plannedSteps) }
    }
  }
}
