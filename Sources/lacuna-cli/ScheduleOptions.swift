// When and how far weights are pruned: the options of a schedule and of what is pruned by it.

import ArgumentParser
import Lacuna

/// `--schedule`, `--initial`, `--sparsity`, `--begin`, `--end`, `--power`, `--frequency`.
struct ScheduleOptions: ParsableArguments {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case polynomial, constant
  }

  @Option(help: "How sparsity rises.")
  var schedule = Kind.polynomial

  @Option(help: "The fraction of zeros at the end, 0 or more and below 1.")
  var sparsity = 0.9

  @Option(help: "The fraction of zeros at the first update.")
  var initial = 0.5

  @Option(help: "The step of the first update, counted from 1. [1]")
  var begin: Int?

  @Option(help: "The step of the last update. [two thirds of the steps]")
  var end: Int?

  @Option(help: "The exponent of the polynomial.")
  var power = 3.0

  @Option(help: "Steps from one update to the next. [at most 100, and at least 20 updates]")
  var frequency: Int?

  /// The schedule for a run of `steps` steps, with what was not said filled in.
  func schedule(steps: Int) throws(PruningError) -> any PruningSchedule {
    let begin = begin ?? 1
    let end = end ?? max(begin, begin + (steps - begin) * 2 / 3)
    let frequency = frequency ?? min(100, max(1, (end - begin) / 20))
    switch schedule {
    case .polynomial:
      return try PolynomialDecay(
        initial: min(initial, max(sparsity, 0)), final: sparsity, begin: begin, end: end,
        power: power, frequency: frequency)
    case .constant:
      return try ConstantSparsity(sparsity, begin: begin, frequency: frequency)
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

  @Option(help: "What stands for a block's magnitude.")
  var pool = Pooling.average

  @Option(
    help: ArgumentHelp(
      "Leave tensors of this name alone; * matches any characters. May be repeated.",
      valueName: "pattern"))
  var exclude: [String] = []

  var granularity: Granularity { block.map { .block($0, pooling: pool) } ?? .element }

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
