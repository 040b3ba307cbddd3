// Which tensors are pruned, when, how far, and in what pieces

/// A pruning recipe: one schedule and granularity for all tensors, and rules for those that differ.
///
/// By default every tensor of rank 2 or more is pruned, to the schedule's sparsity each; biases and
/// other tensors of rank 0 and 1 are left alone.
public struct PruningSettings: Sendable {
  /// The schedule of every tensor without one of its own.
  public var schedule: any PruningSchedule
  /// What is kept or dropped as one piece.
  public var granularity: Granularity
  /// What happens to weights that tie with the threshold.
  public var ties: TiePolicy
  /// Differences by tensor name or pattern; where several match, the last one that sets a field wins.
  public var rules: [TensorRule]
  /// Tensors left alone.
  public var exclusions: Exclusions
  /// How many steps training will run; a schedule with no update among them is refused.
  public var plannedSteps: Int?

  public init(
    schedule: any PruningSchedule, granularity: Granularity = .element,
    ties: TiePolicy = .exactK, rules: [TensorRule] = [], exclusions: Exclusions = .biases,
    plannedSteps: Int? = nil
  ) {
    (self.schedule, self.granularity, self.ties) = (schedule, granularity, ties)
    (self.rules, self.exclusions, self.plannedSteps) = (rules, exclusions, plannedSteps)
  }

  /// Kinds of tensors that are left alone, whatever their names are.
  public struct Exclusions: OptionSet, Hashable, Sendable, Codable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// Tensors of rank 0 and 1.
    public static let biases = Exclusions(rawValue: 1)
    /// The first tensor of rank 3 or more.
    public static let firstConvolution = Exclusions(rawValue: 2)
    /// The last tensor of rank 2 or more.
    public static let lastLayer = Exclusions(rawValue: 4)
  }
}

/// What differs for the tensors whose names match a pattern.
public struct TensorRule: Sendable {
  /// A name, in which `*` stands for any run of characters and `?` for any single one.
  public let pattern: String
  /// A schedule of their own.
  public var schedule: (any PruningSchedule)?
  /// A granularity of their own.
  public var granularity: Granularity?
  /// A tie policy of their own.
  public var ties: TiePolicy?
  /// `true` leaves them alone, `false` prunes them where an exclusion would not.
  public var excluded: Bool?

  public init(
    _ pattern: String, schedule: (any PruningSchedule)? = nil, granularity: Granularity? = nil,
    ties: TiePolicy? = nil, excluded: Bool? = nil
  ) {
    (self.pattern, self.schedule, self.granularity) = (pattern, schedule, granularity)
    (self.ties, self.excluded) = (ties, excluded)
  }

  /// Whether the rule applies to a tensor of this name.
  ///
  /// - Complexity: O(pattern · name)
  public func matches(_ name: String) -> Bool {
    let (pattern, name) = (Array(pattern.utf8), Array(name.utf8))
    let (any, one) = (UInt8(ascii: "*"), UInt8(ascii: "?"))
    // `p` and `n` walk together; after a mismatch the last `*` takes one character more.
    var (p, n, star, taken) = (0, 0, -1, 0)
    while n < name.count {
      if p < pattern.count && pattern[p] == any {
        (star, taken) = (p, n)
        p += 1
      } else if p < pattern.count && (pattern[p] == one || pattern[p] == name[n]) {
        p += 1
        n += 1
      } else if star >= 0 {
        taken += 1
        (p, n) = (star + 1, taken)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == any }
  }
}

/// One tensor's share of the settings.
struct TensorSettings {
  var schedule: any PruningSchedule
  var granularity: Granularity
  var ties: TiePolicy
  var skipped: SkipReason?
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
        if let schedule = rule.schedule { own.schedule = schedule }
        if let granularity = rule.granularity { own.granularity = granularity }
        if let ties = rule.ties { own.ties = ties }
        if let excluded = rule.excluded { own.skipped = excluded ? .excludedByRule : nil }
      }
      if tensor.weights.isEmpty { own.skipped = .empty }
      if result.updateValue(own, forKey: tensor.name) != nil {
        throw .duplicateTensor(name: tensor.name)
      }
    }
    return result
  }
}
