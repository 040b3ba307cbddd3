// A complete schedule on the command line: its kind, and the parameters that this kind has.

import ArgumentParser
import Lacuna

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

  /// The option that says how far a picture or a table goes.
  var longestOption: String {
    if points != nil { return "--points" }
    if end != nil { return "--end" }
    return frequency ?? 0 > begin ?? 0 ? "--frequency" : "--begin"
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
