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
  /// How the tensors without a schedule of their own share the sparsity.
  public var budget: Budget
  /// The most weights that may be left in all tensors together when the schedule has ended, those that
  /// are not pruned included. The schedule keeps its shape, and its final sparsity gives way to the
  /// least one that fits.
  public var parameterLimit: Int?
  /// By what weights compete.
  public var saliency: Saliency
  /// How masks change from update to update.
  public var dynamics: MaskDynamics
  /// Differences by tensor name or pattern; where several match, the last one that sets a field wins.
  public var rules: [TensorRule]
  /// Tensors left alone.
  public var exclusions: Exclusions
  /// How many steps training will run; a schedule with no update among them is refused. A trainer of
  /// this package knows its own steps and refuses without being told.
  public var plannedSteps: Int?

  /// A recipe, checked by ``Pruner``. By default single weights of every tensor but biases go, the
  /// same share of each, by their magnitude of the moment.
  public init(
    schedule: any PruningSchedule, granularity: Granularity = .element,
    ties: TiePolicy = .exactK, budget: Budget = .uniform, parameterLimit: Int? = nil,
    saliency: Saliency = .magnitude, dynamics: MaskDynamics = .recompute,
    rules: [TensorRule] = [], exclusions: Exclusions = .biases, plannedSteps: Int? = nil
  ) {
    (self.schedule, self.granularity, self.ties) = (schedule, granularity, ties)
    (self.budget, self.parameterLimit) = (budget, parameterLimit)
    (self.saliency, self.dynamics) = (saliency, dynamics)
    (self.rules, self.exclusions, self.plannedSteps) = (rules, exclusions, plannedSteps)
  }

  /// The schedule of all, and those of rules.
  public var schedules: [any PruningSchedule] { [schedule] + rules.compactMap(\.schedule) }

  /// Kinds of tensors that are left alone, whatever their names are.
  public struct Exclusions: OptionSet, Hashable, Sendable, Codable {
    /// A bit for each kind.
    public let rawValue: Int
    /// The kinds whose bits are set.
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
  /// Whether the diagonal of every gate of a recurrent matrix `[gates · units, units]` stays, with the
  /// blocks that it runs through; it counts among what the sparsity leaves, and where that is less, all
  /// of it stays and nothing else.
  public var keepsDiagonal: Bool?

  /// A rule that changes what is given and leaves the rest to the recipe.
  public init(
    _ pattern: String, schedule: (any PruningSchedule)? = nil, granularity: Granularity? = nil,
    ties: TiePolicy? = nil, excluded: Bool? = nil, keepsDiagonal: Bool? = nil
  ) {
    (self.pattern, self.schedule, self.granularity) = (pattern, schedule, granularity)
    (self.ties, self.excluded, self.keepsDiagonal) = (ties, excluded, keepsDiagonal)
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
