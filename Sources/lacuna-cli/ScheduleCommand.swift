// `lacuna schedule`: the sparsity of every step, as a table or a picture.

import ArgumentParser
import Lacuna

struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Print a pruning schedule: step, whether masks are updated, sparsity.",
    discussion: """
      The sparsity is defined at every step; masks change at update steps only. The step --end is always \
      an update, unless --compat tfmot asks for the reference toolkit's rule, which misses it when \
      --frequency does not divide --end minus --begin.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "Schedule") var recipe: RecipeOptions

  @Option(
    help: ArgumentHelp(
      "The steps to print. [0...the end and a fifth more]", valueName: "first...last"),
    transform: StepRange.init(argument:))
  var steps: StepRange?

  @Option(help: "Refuse a schedule that has no update in a training of this many steps.")
  var planned: Int?

  @Option(
    help: ArgumentHelp("Draw it as well.", valueName: "FILE.svg"),
    completion: .file(extensions: ["svg"]))
  var plot: String?

  func run() throws {
    let schedule = try recipe.schedule()
    if let planned { try schedule.checkFires(within: planned) }
    let range = steps?.range ?? recipe.shownSteps
    if let plot {
      let picture = schedule.picture(steps: range, title: recipe.title)
      try AtomicFile.write(Array(picture.file().utf8), to: plot)
    }
    if common.json {
      try common.show(range.map { ScheduleRow(schedule, at: $0) }) { "" }
    } else {
      var lines = ["step,update,sparsity"]
      lines.reserveCapacity(range.count + 1)
      for step in range {
        let row = ScheduleRow(schedule, at: step)
        lines.append("\(step),\(row.update ? 1 : 0),\(row.sparsity)")
      }
      Console.standardOutput(lines.joined(separator: "\n"))
    }
  }
}

/// One step of a schedule.
struct ScheduleRow: Encodable {
  var step: Int
  var update: Bool
  /// In the float32 that masks are made with.
  var sparsity: Float

  init(_ schedule: any PruningSchedule, at step: Int) {
    self.step = step
    update = schedule.isUpdate(at: step)
    sparsity = Float(schedule.sparsity(at: step))
  }
}

/// `first...last`.
struct StepRange: Equatable {
  var range: ClosedRange<Int>

  init(argument: String) throws {
    let parts = argument.split(separator: ".", omittingEmptySubsequences: true)
    guard parts.count == 2, let first = Int(parts[0]), let last = Int(parts[1]),
      argument == "\(parts[0])...\(parts[1])"
    else { throw ValidationError("steps \(argument) are not of the form 0...120") }
    guard first <= last else {
      throw ValidationError("steps \(argument) are empty: the last is before the first")
    }
    // A table of more rows is a mistake, and would not fit into memory.
    guard last - first < 50_000_000 else {
      throw ValidationError("steps \(argument) are more than 50 million: ask for fewer")
    }
    range = first...last
  }
}

/// A complete schedule of any kind, by its parameters.
struct RecipeOptions: ParsableArguments {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case constant, polynomial, linear, cosine, exponential, oneShot = "one-shot", piecewise
  }

  @Option(help: "The curve.")
  var kind = Kind.polynomial

  @Option(help: "The fraction of zeros up to the first update.")
  var initial = 0.0

  @Option(
    name: [.customLong("final"), .customLong("sparsity")], help: "The fraction of zeros at the end."
  )
  var final = 0.9

  @Option(help: "The first update step; the only one of one-shot.")
  var begin = 0

  @Option(help: "The last update step. [100; constant never stops]")
  var end: Int?

  @Option(help: "The exponent of the polynomial.")
  var power = 3.0

  @Option(help: "Steps from one update to the next. [100; a tenth of the ramp in pictures]")
  var frequency: Int?

  @Option(
    help: ArgumentHelp("The table of piecewise.", valueName: "step:sparsity,…"),
    transform: SparsityTable.init(argument:))
  var points: SparsityTable?

  @Option(help: "Follow another toolkit in every detail: tfmot.")
  var compat: Compatibility?

  /// - Parameter usual: The frequency when nobody says.
  func schedule(usual: Int = 100) throws -> any PruningSchedule {
    let frequency = frequency ?? usual
    let includesEnd = compat != .tfmot
    let last = end ?? 100
    if points != nil && kind != .piecewise {
      throw Failure(.usage, "--points is for --kind piecewise, not \(kind.rawValue)")
    }
    switch kind {
    case .constant:
      // The reference toolkit writes "no end" as -1.
      let end = compat == .tfmot && end == -1 ? nil : end
      return try ConstantSparsity(
        final, begin: begin, end: end, frequency: frequency, includesEnd: includesEnd)
    case .polynomial:
      return try PolynomialDecay(
        initial: initial, final: final, begin: begin, end: last, power: power,
        frequency: frequency, includesEnd: includesEnd)
    case .linear: return try ramp(.linear, to: last, frequency)
    case .cosine: return try ramp(.cosine, to: last, frequency)
    case .exponential: return try ramp(.exponential, to: last, frequency)
    case .oneShot: return try OneShot(final, at: begin == 0 ? 1 : begin)
    case .piecewise:
      guard let points else {
        throw Failure(.usage, "--kind piecewise needs --points, such as 0:0,50:0.5,100:0.9")
      }
      return try PiecewiseSparsity(points.points, frequency: frequency)
    }
  }

  private func ramp(_ shape: Ramp.Shape, to end: Int, _ frequency: Int) throws
    -> any PruningSchedule
  {
    if compat == .tfmot {
      throw Failure(.usage, "--kind \(kind.rawValue) does not exist in tfmot: leave --compat out")
    }
    return try Ramp(
      shape, initial: initial, final: final, begin: begin, end: end, frequency: frequency)
  }

  /// The schedule with ten updates, when nobody says how many.
  func drawnSchedule() throws -> any PruningSchedule {
    try schedule(usual: max(1, ((end ?? 100) - begin) / 10))
  }

  /// The steps that a picture or a table shows when nobody says.
  var shownSteps: ClosedRange<Int> {
    let last =
      kind == .piecewise
      ? points?.points.last?.step ?? 100 : end ?? begin + max(100, frequency ?? 0)
    return 0...max(last + last / 5, 1)
  }

  var title: String { "\(kind.rawValue) schedule to \(Numeral.percent(final, digits: 1)) sparsity" }
}

/// `0:0,50:0.5,100:0.9`.
struct SparsityTable: Equatable {
  var points: [PiecewiseSparsity.Point]

  init(argument: String) throws {
    points = try argument.split(separator: ",", omittingEmptySubsequences: false).map { item in
      let parts = item.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let step = Int(parts[0]), let sparsity = Double(parts[1]) else {
        throw ValidationError("point \(item) is not of the form step:sparsity, such as 50:0.5")
      }
      return .init(step: step, sparsity: sparsity)
    }
  }
}

extension PruningSchedule {
  /// The curve, and the stairs that masks follow.
  func picture(steps: ClosedRange<Int>, title: String) -> Picture {
    // No more points than pixels, but every update of a schedule that has few.
    let stride = max(1, steps.count / 1500)
    var planned: [(x: Double, y: Double)] = []
    var stairs: [(x: Double, y: Double)] = [(Double(steps.lowerBound), 0)]
    for step in steps {
      if (step - steps.lowerBound) % stride == 0 || step == steps.upperBound {
        planned.append((Double(step), sparsity(at: step)))
      }
      if isUpdate(at: step) { stairs.append((Double(step), sparsity(at: step))) }
    }
    if let last = stairs.last { stairs.append((Double(steps.upperBound), last.y)) }
    return LineChart(
      title: title, x: Axis("training step"), y: Axis("sparsity", format: .percent, range: 0...1),
      series: [
        .init("schedule", planned, tone: .muted, isDashed: true),
        .init("masks", stairs, tone: .blue, join: .steps),
      ]
    ).picture()
  }
}
