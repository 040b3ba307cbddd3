// --pattern and --window: so many kept of each group of inputs.

import ArgumentParser
import Lacuna

/// At most one of `--pattern` and `--window`.
struct GroupOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Keep N of each M consecutive inputs, such as 2:4.", valueName: "N:M"),
    transform: GroupOption.init(argument:))
  var pattern: GroupOption?

  @Option(
    help: ArgumentHelp(
      "Keep exactly N of each window of 16, 32 or 64 inputs, such as 2:16.", valueName: "N:W"),
    transform: GroupOption.init(argument:))
  var window: GroupOption?

  /// The options and whether they were typed.
  var typed: [(name: String, isTyped: Bool)] {
    [("--pattern", pattern != nil), ("--window", window != nil)]
  }

  var isTyped: Bool { typed.contains(where: \.isTyped) }

  /// What is kept or dropped as one piece; nil when neither was typed.
  var granularity: Granularity? {
    pattern.map { .pattern(keep: $0.keep, of: $0.of) }
      ?? window.map { .window(keep: $0.keep, of: $0.of) }
  }

  /// The share of zeros that the groups decide; nil when neither was typed.
  var sparsity: Double? { (pattern ?? window)?.sparsity }

  func validate() throws {
    if pattern != nil && window != nil {
      throw ValidationError("--pattern and --window exclude each other: give one")
    }
    try pattern?.check("--pattern")
    try window?.check("--window")
    try window?.checkWindow()
  }
}

extension GroupOption {
  /// Refuses groups that no pattern has.
  func check(_ option: String) throws(ValidationError) {
    let lengths = 2...256
    if !lengths.contains(of) {
      throw ValidationError("\(option) \(keep):\(of): groups have \(lengths) inputs, not \(of)")
    }
    if !(1..<of).contains(keep) {
      throw ValidationError(
        "\(option) \(keep):\(of): what is kept of each \(of) must be in 1..<\(of)")
    }
  }

  /// Refuses windows that no format has.
  func checkWindow() throws(ValidationError) {
    if ![16, 32, 64].contains(of) {
      throw ValidationError("--window \(keep):\(of): windows have 16, 32 or 64 inputs")
    }
  }
}
