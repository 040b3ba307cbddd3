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
      let option = recipe.longestOption
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
