// The command that goes on with a run that was stopped, to be copied from the terminal.

import Lacuna

/// Commands of this tool as people type them.
enum CommandText {
  /// How to train on from `output`.
  static func resuming(train output: String) -> String {
    var words = withoutOption("--resume", CommandLine.arguments)
    words += ["--resume", output]
    return "go on with: \(words.shellCommand)"
  }

  /// How to prune on from `output` instead of `checkpoint`.
  static func resuming(prune output: String, insteadOf checkpoint: String) -> String {
    var words = CommandLine.arguments
    // The checkpoint stands alone; a word behind an option that takes one is that option's.
    let flags = ["--json", "--quiet", "-q", "--resume", "--"]
    if let place = words.indices.dropFirst(2).first(where: { index in
      let before = words[index - 1]
      return words[index] == checkpoint
        && (!before.hasPrefix("-") || before.contains("=") || flags.contains(before))
    }) {
      words[place] = output
    }
    if !words.contains("--resume") { words.insert("--resume", at: 2) }
    return "go on with: \(words.shellCommand)"
  }

  /// How to do again what cannot go on.
  static var anew: String { "begin anew with: \(CommandLine.arguments.shellCommand)" }

  /// The words without an option and its value.
  private static func withoutOption(_ name: String, _ words: [String]) -> [String] {
    var result: [String] = []
    var isValue = false
    for word in words {
      if isValue {
        isValue = false
      } else if word == name {
        isValue = true
      } else if !word.hasPrefix(name + "=") {
        result.append(word)
      }
    }
    return result
  }
}
