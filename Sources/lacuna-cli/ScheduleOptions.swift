// When and how far weights are pruned: the options of a schedule and of what is pruned by it.

import ArgumentParser
import Lacuna

/// `--schedule`, `--initial`, `--sparsity`, `--begin`, `--end`, `--power`, `--frequency`.
struct ScheduleOptions: ParsableArguments {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case polynomial, constant
  }

  @Option(help: "How sparsity rises: polynomial or constant. [polynomial]")
  var schedule: Kind?

  @Option(help: "The fraction of zeros at the end, 0 or more and below 1. [0.9]")
  var sparsity: Double?

  @Option(help: "The fraction of zeros at the first update. [0.5, or --sparsity if that is less]")
  var initial: Double?

  @Option(help: "The step of the first update, counted from 1. [1]")
  var begin: Int?

  @Option(help: "The step of the last update. [two thirds of the steps]")
  var end: Int?

  @Option(help: "The exponent of the polynomial. [3]")
  var power: Double?

  @Option(help: "Steps from one update to the next. [at most 100, and at least 20 updates]")
  var frequency: Int?

  func validate() throws {
    try checkSparsity("--sparsity", sparsity)
    try checkSparsity("--initial", initial)
    try check("--begin", begin, in: OptionRange.steps)
    try check("--end", end, in: OptionRange.steps)
    try check("--frequency", frequency, in: OptionRange.stepCounts)
    try checkPower(power)
    try checkEnd(end, notBefore: begin ?? 1)
    if schedule == .constant {
      try refuse(
        [("--initial", initial != nil), ("--power", power != nil)],
        "is for --schedule polynomial: a constant one has a single sparsity")
    }
  }

  /// The options that shape the curve, besides where it ends, and whether they were typed.
  var typed: [(name: String, isTyped: Bool)] {
    [
      ("--schedule", schedule != nil), ("--initial", initial != nil), ("--begin", begin != nil),
      ("--end", end != nil), ("--power", power != nil), ("--frequency", frequency != nil),
    ]
  }

  /// The sparsity at the end.
  var final: Double { sparsity ?? 0.9 }

  /// The schedule for a run of `steps` steps, with what was not said filled in.
  func schedule(steps: Int) throws(PruningError) -> any PruningSchedule {
    let begin = begin ?? 1
    let last = end ?? max(begin, begin + (steps - begin) * 2 / 3)
    let frequency = frequency ?? min(100, max(1, (last - begin) / 20))
    switch schedule ?? .polynomial {
    case .polynomial:
      return try PolynomialDecay(
        initial: initial ?? min(0.5, final), final: final, begin: begin, end: last,
        power: power ?? 3, frequency: frequency)
    case .constant:
      return try ConstantSparsity(final, begin: begin, end: end, frequency: frequency)
    }
  }
}

/// `--block`, `--pool`, `--exclude`: what is kept or dropped as one piece, and what is left alone.
struct GranularityOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Prune whole blocks of R output rows by C inputs, such as 4x1.", valueName: "RxC"),
    transform: BlockSize.init(argument:))
  var block: BlockSize?

  @Option(help: "What stands for a block's magnitude: average, max, l1 or l2. [average]")
  var pool: Pooling?

  @Option(
    help: ArgumentHelp(
      "Leave tensors of this name alone; * matches any characters. May be repeated.",
      valueName: "pattern"))
  var exclude: [String] = []

  func validate() throws {
    if block == nil {
      try refuse([("--pool", pool != nil)], "needs --block: single weights are not pooled")
    }
  }

  var granularity: Granularity { block.map { .block($0, pooling: pool ?? .average) } ?? .element }

  var rules: [TensorRule] { exclude.map { TensorRule($0, excluded: true) } }

  /// Refuses a block that sticks out of a kernel: it would be kept or dropped whole.
  func check(_ model: SequentialModel) throws(Failure) {
    guard let block else { return }
    let rules = rules
    for kernel in model.parameters where kernel.role == .kernel {
      if rules.contains(where: { $0.matches(kernel.name) }) { continue }
      if block.rows > kernel.rows || block.columns > kernel.columns {
        throw Failure(
          .usage,
          "block \(block) is larger than \(kernel.name), \(kernel.rows)×\(kernel.columns): choose a "
            + "smaller one or --exclude \(kernel.name)")
      }
    }
  }
}

extension Pooling: ExpressibleByArgument {
  public init?(argument: String) {
    // "avg" is what the field's best-known API calls it.
    self.init(rawValue: argument == "avg" ? "average" : argument)
  }
}

extension BlockSize {
  /// `RxC`.
  init(argument: String) throws {
    let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
    guard parts.count == 2, let rows = Int(parts[0]), let columns = Int(parts[1]) else {
      throw ValidationError("block \(argument) is not of the form RxC, such as 4x1")
    }
    do { try self.init(rows, columns) } catch { throw ValidationError("\(error)") }
  }
}

/// Refuses an exponent that was typed and is no finite number of 0 or more.
func checkPower(_ power: Double?) throws(ValidationError) {
  guard let power, !(power >= 0 && power.isFinite) else { return }
  throw ValidationError("--power is \(power), must be 0 or more and finite")
}

/// Refuses an end that was typed and lies before the first update.
func checkEnd(_ end: Int?, notBefore begin: Int) throws(ValidationError) {
  guard let end, end < begin else { return }
  throw ValidationError("--end is \(end), must be \(begin) (the step --begin) or more")
}
