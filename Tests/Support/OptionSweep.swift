// Every option of every command of a program, each with values that no sane person types.

import Foundation

/// What an option takes, for ``OptionSweep``.
public enum OptionKind: Sendable {
  /// A whole number in a range far from 2⁶³.
  case count
  /// A fraction, or another bounded number.
  case fraction
  /// A number that may be large but not infinite.
  case real
  /// The state of a random generator: any whole number of 0 or more.
  case seed
  /// Numbers in a form of their own; each of these is wrong.
  case form([String])
  /// One of some words.
  case word
  /// A name of a file or tensor: nothing is tried.
  case text

  var wrongValues: [String] {
    switch self {
    case .count:
      [
        "9223372036854775807", "-9223372036854775808", "-2", "100000000000",
        "1000000000000000000", "18446744073709551616", "nan", "1e400", "1.5", "",
      ]
    case .fraction:
      ["9223372036854775807", "-1", "100000000000", "nan", "1e400", "-1e400", "x", ""]
    case .real: ["-1", "nan", "1e400", "-1e400", "x", ""]
    case .seed: ["-1", "18446744073709551616", "nan", "1e400", ""]
    case .form(let values): values + ["9223372036854775807", "-1", "nan", "1e400", ""]
    case .word: ["9223372036854775807", "nonsense", ""]
    case .text: []
    }
  }
}

/// One option of one command, with one wrong value.
public struct OptionTrial: Sendable {
  public var option: String
  public var arguments: [String]
  /// What the program said, with its exit code.
  public var exitCode: Int32 = 0
  public var errors = ""
}

/// Asks a program built with ArgumentParser for its options, and tries them.
public struct OptionSweep {
  let program: String
  let environment: [String: String]

  public init(program: String, environment: [String: String] = [:]) {
    (self.program, self.environment) = (program, environment)
  }

  /// Options that `kinds` does not know, and the trials of all others.
  ///
  /// - Parameters:
  ///   - kinds: What an option of this name takes, in whatever command.
  ///   - folder: A folder in which required outputs would be written.
  public func run(
    _ kinds: [String: OptionKind], folder: String
  ) throws -> (unknown: [String], trials: [OptionTrial]) {
    let dump = try launch("exec \"$0\" --experimental-dump-help", in: folder)
    let tool = try JSONDecoder().decode(Dump.self, from: Data(dump.utf8))
    var (unknown, trials): ([String], [OptionTrial]) = ([], [])
    for command in tool.command.leaves(path: []) where command.path != ["help"] {
      for option in command.options {
        guard let kind = kinds[option.name] else {
          unknown.append((command.path + [option.name]).joined(separator: " "))
          continue
        }
        for value in kind.wrongValues {
          let others = command.required(besides: option.name, folder: folder)
          trials.append(
            OptionTrial(
              option: option.name,
              arguments: command.path + others + ["\(option.name)=\(value)"]))
        }
      }
    }
    // One shell for all of them, with little memory and a limit that only a run without end meets.
    var script = "ulimit -v 4000000\n"
    for trial in trials {
      let words = trial.arguments.map { "'\($0)'" }.joined(separator: " ")
      script += "e=$(timeout 120 \"$0\" \(words) 2>&1 >/dev/null </dev/null); "
      script += "printf '%s\\037%s\\036' \"$?\" \"$e\"\n"
    }
    let file = folder + "/trials.sh"
    try script.write(toFile: file, atomically: true, encoding: .utf8)
    // Read from the file: all trials together are longer than an argument may be.
    let said = try launch("exec /bin/sh -c '. \"$1\"' \"$0\" '\(file)'", in: folder)
    let outcomes = said.split(separator: "\u{1E}")
    guard outcomes.count == trials.count else { throw SweepError(said: said) }
    for (index, outcome) in outcomes.enumerated() {
      let parts = outcome.split(separator: "\u{1F}", omittingEmptySubsequences: false)
      trials[index].exitCode = Int32(parts[0]) ?? -1
      trials[index].errors = parts.dropFirst().joined()
    }
    return (unknown, trials)
  }

  /// Runs a shell whose `$0` is the program; what it printed on standard output.
  private func launch(_ script: String, in folder: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script, program]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = folder + "/sweep.out"
    try Data().write(to: URL(fileURLWithPath: output))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output)
    try process.run()
    process.waitUntilExit()
    return try String(contentsOfFile: output, encoding: .utf8)
  }
}

private struct SweepError: Error { var said: String }

/// The part of ArgumentParser's description of a program that matters here.
private struct Dump: Decodable {
  var command: Command

  struct Command: Decodable {
    var commandName: String
    var subcommands: [Command]?
    var arguments: [Argument]?

    func leaves(path: [String]) -> [Leaf] {
      guard let subcommands, !subcommands.isEmpty else {
        return [Leaf(path: path, arguments: arguments ?? [])]
      }
      return subcommands.flatMap { $0.leaves(path: path + [$0.commandName]) }
    }
  }

  struct Argument: Decodable {
    var kind: String
    var isOptional: Bool
    var names: [Name]?
    struct Name: Decodable {
      var kind: String
      var name: String
    }
    var name: String { "--" + (names?.first { $0.kind == "long" }?.name ?? "?") }
  }

  struct Leaf {
    var path: [String]
    var arguments: [Argument]
    var options: [Argument] { arguments.filter { $0.kind == "option" } }

    /// What has to be there before an option is looked at: names of files that do not exist.
    func required(besides option: String, folder: String) -> [String] {
      arguments.filter { !$0.isOptional && $0.name != option }.map {
        $0.kind == "option" ? "\($0.name)=\(folder)/none" : "\(folder)/none"
      }
    }
  }
}
