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

  func validate() throws {
    try check("--planned", planned, in: OptionRange.stepCounts)
    let range = steps?.range ?? recipe.shownSteps
    if range.count > OptionRange.mostRows {
      let option = recipe.end == nil ? "--begin" : "--end"
      throw ValidationError(
        "\(option) makes a table of \(range.count) steps, more than \(OptionRange.mostRows): choose "
          + "some with --steps")
    }
  }

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
    guard OptionRange.steps.contains(first), OptionRange.steps.contains(last) else {
      throw ValidationError("steps \(argument) must lie in \(OptionRange.steps)")
    }
    // A table of more rows is a mistake.
    guard last - first < OptionRange.mostRows else {
      throw ValidationError(
        "steps \(argument) are more than \(OptionRange.mostRows): ask for fewer")
    }
    range = first...last
  }
}

/// A complete schedule of any kind, by its parameters.
struct RecipeOptions: ParsableArguments {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case constant, polynomial, linear, cosine, exponential, oneShot = "one-shot", piecewise
  }

  @Option(
    help: """
      The curve: constant, polynomial, linear, cosine, exponential, one-shot or piecewise. [polynomial]
      """)
  var kind: Kind?

  @Option(help: "The fraction of zeros up to the first update. [0]")
  var initial: Double?

  @Option(help: "The fraction of zeros at the end. [0.9]")
  var final: Double?

  @Option(help: "The same as --final.")
  var sparsity: Double?

  @Option(help: "The first update step; the only one of one-shot. [0; one-shot 1]")
  var begin: Int?

  @Option(help: "The last update step. [100; constant never stops]")
  var end: Int?

  @Option(help: "The exponent of the polynomial. [3]")
  var power: Double?

  @Option(help: "Steps from one update to the next. [100; a tenth of the ramp in pictures]")
  var frequency: Int?

  @Option(
    help: ArgumentHelp("The table of piecewise.", valueName: "step:sparsity,…"),
    transform: SparsityTable.init(argument:))
  var points: SparsityTable?

  @Option(help: "Follow another toolkit in every detail: tfmot.")
  var compat: Compatibility?

  func validate() throws {
    try checkSparsity("--initial", initial)
    try checkSparsity("--final", final)
    try checkSparsity("--sparsity", sparsity)
    if final != nil {
      try refuse([("--sparsity", sparsity != nil)], "and --final are the same: give one")
    }
    try check("--begin", begin, in: OptionRange.steps)
    // The reference toolkit writes "no end" as -1.
    if !isEndless { try check("--end", end, in: OptionRange.steps) }
    try check("--frequency", frequency, in: OptionRange.stepCounts)
    try checkPower(power)
    let kind = chosenKind
    let others = [
      ("--initial", initial != nil), ("--final", final != nil), ("--sparsity", sparsity != nil),
      ("--begin", begin != nil), ("--end", end != nil), ("--power", power != nil),
      ("--frequency", frequency != nil), ("--points", points != nil), ("--compat", compat != nil),
    ].filter { !kind.options.contains($0.0) }
    try refuse(
      others,
      "has no effect on --kind \(kind.rawValue), which takes \(kind.options.joined(separator: ", "))"
    )
    if kind == .piecewise && points == nil {
      throw ValidationError("--kind piecewise needs --points, such as 0:0,50:0.5,100:0.9")
    }
    if kind == .oneShot && begin == 0 {
      throw ValidationError(
        "--begin is 0, must be 1 or more for one-shot: training counts from step 1")
    }
    if !isEndless { try checkEnd(end, notBefore: first) }
    if end == nil, last < first {
      throw ValidationError(
        "--begin is \(first), must be at most \(last), where the curve ends unless --end is given")
    }
  }

  private var isEndless: Bool { chosenKind == .constant && compat == .tfmot && end == -1 }

  var chosenKind: Kind { kind ?? .polynomial }
  var chosenFinal: Double { final ?? sparsity ?? 0.9 }
  /// The first update.
  var first: Int { begin ?? (chosenKind == .oneShot ? 1 : points?.points.first?.step ?? 0) }
  /// The last step of interest: where the curve ends, or shows that it does not.
  var last: Int {
    switch chosenKind {
    case .piecewise: points?.points.last?.step ?? 100
    case .oneShot: first
    case .constant where end == nil || isEndless: first + max(100, frequency ?? 0)
    default: end ?? 100
    }
  }

  /// - Parameter usual: The frequency when nobody says.
  func schedule(usual: Int = 100) throws -> any PruningSchedule {
    let frequency = frequency ?? usual
    let includesEnd = compat != .tfmot
    switch chosenKind {
    case .constant:
      return try ConstantSparsity(
        chosenFinal, begin: first, end: isEndless ? nil : end, frequency: frequency,
        includesEnd: includesEnd)
    case .polynomial:
      return try PolynomialDecay(
        initial: initial ?? 0, final: chosenFinal, begin: first, end: last, power: power ?? 3,
        frequency: frequency, includesEnd: includesEnd)
    case .linear: return try ramp(.linear, frequency)
    case .cosine: return try ramp(.cosine, frequency)
    case .exponential: return try ramp(.exponential, frequency)
    case .oneShot: return try OneShot(chosenFinal, at: first)
    case .piecewise: return try PiecewiseSparsity(points?.points ?? [], frequency: frequency)
    }
  }

  private func ramp(_ shape: Ramp.Shape, _ frequency: Int) throws -> any PruningSchedule {
    try Ramp(
      shape, initial: initial ?? 0, final: chosenFinal, begin: first, end: last,
      frequency: frequency)
  }

  /// The schedule with ten updates, when nobody says how many.
  func drawnSchedule() throws -> any PruningSchedule {
    try schedule(usual: max(1, (last - first) / 10))
  }

  /// The steps that a picture or a table shows when nobody says.
  var shownSteps: ClosedRange<Int> {
    let last = chosenKind == .oneShot ? last + 100 : last
    return 0...max(last + last / 5, 1)
  }

  var title: String {
    "\(chosenKind.rawValue) schedule to \(Numeral.percent(finalSparsity, digits: 1)) sparsity"
  }

  /// Where the curve ends.
  var finalSparsity: Double {
    chosenKind == .piecewise ? points?.points.last?.sparsity ?? 0 : chosenFinal
  }
}

extension RecipeOptions.Kind {
  /// The options that the curve has a use for.
  fileprivate var options: [String] {
    switch self {
    case .constant: ["--final", "--sparsity", "--begin", "--end", "--frequency", "--compat"]
    case .polynomial:
      [
        "--initial", "--final", "--sparsity", "--begin", "--end", "--power", "--frequency",
        "--compat",
      ]
    case .linear, .cosine, .exponential:
      ["--initial", "--final", "--sparsity", "--begin", "--end", "--frequency"]
    case .oneShot: ["--final", "--sparsity", "--begin"]
    case .piecewise: ["--points", "--frequency"]
    }
  }
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
      guard OptionRange.steps.contains(step) else {
        throw ValidationError("point \(item): the step must be in \(OptionRange.steps)")
      }
      guard sparsity >= 0 && sparsity < 1 else {
        throw ValidationError("point \(item): the sparsity must be in 0..<1")
      }
      return .init(step: step, sparsity: sparsity)
    }
    for (before, after) in zip(points, points.dropFirst()) where after.step <= before.step {
      throw ValidationError(
        "point \(after.step):\(after.sparsity) is not behind step \(before.step)")
    }
  }
}

extension PruningSchedule {
  /// The curve, and the stairs that masks follow.
  func picture(steps: ClosedRange<Int>, title: String) -> Picture {
    // No more points than pixels: one for each run of steps, and its first update if it has one.
    let stride = max(1, steps.count / 1500)
    var planned: [(x: Double, y: Double)] = []
    var stairs: [(x: Double, y: Double)] = [(Double(steps.lowerBound), 0)]
    for step in Swift.stride(from: steps.lowerBound, through: steps.upperBound, by: stride) {
      planned.append((Double(step), sparsity(at: step)))
      if let update = firstUpdate(in: step...min(step + stride - 1, steps.upperBound)) {
        stairs.append((Double(update), sparsity(at: update)))
      }
    }
    planned.append((Double(steps.upperBound), sparsity(at: steps.upperBound)))
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
