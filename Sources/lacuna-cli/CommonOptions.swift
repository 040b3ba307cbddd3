// The options that every subcommand has.

import ArgumentParser

/// `--json` and `--quiet`.
struct CommonOptions: ParsableArguments {
  @Flag(help: "Print the result as one JSON document on standard output.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress on standard error; errors still appear.")
  var quiet = false

  /// Prints `result` as JSON, or else as `text`. Names in `text` outside of tables are `printable()`.
  func show(_ result: some Encodable, as text: () -> String) throws {
    if json {
      Console.standardOutput(json: try encoded(result))
    } else {
      Console.standardOutput(text())
    }
  }

  /// `result` as a JSON document.
  func encoded(_ result: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // JSON has no NaN; a number nobody measured is a string that says so.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(result), as: UTF8.self)
  }

  /// A bar over `total` steps that respects `--quiet`.
  func progressBar(total: Int, title: String) -> ProgressBar {
    ProgressBar(total: total, title: title, isSilent: quiet)
  }
}
