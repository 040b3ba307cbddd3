// The `lacuna` tool: the root command and the one place where errors become exit codes.

import ArgumentParser
import Lacuna

/// The root command. A subcommand is one file, named in `subcommands` below.
struct LacunaTool: ParsableCommand {
  /// The version of the tool and of the library in it.
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "lacuna",
    abstract: "Prune neural networks, store them sparse, and run them by skipping the zeros.",
    discussion: """
      Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 different (diff), \
      64 wrong usage, 65 bad data, 66 a missing input, 74 an input or output error, 130 interrupted.
      """,
    version: version,
    subcommands: [
      DemoCommand.self,
      TrainCommand.self, PruneCommand.self, EvaluateCommand.self, QuantizeCommand.self,
      CompressCommand.self, CalibrateCommand.self,
      MaskCommand.self, ScheduleCommand.self, PlotCommand.self, InspectCommand.self,
      ConvertCommand.self, DiffCommand.self, RunCommand.self, BenchCommand.self, InfoCommand.self,
    ])
}

@main
enum Main {
  static func main() {
    do {
      // Not `CommandLine.arguments`, which repairs names of files that are not UTF-8.
      var command = try LacunaTool.parseAsRoot(Array(PathText.arguments.dropFirst()))
      // A wrong LACUNA_ISA must not pass silently just because a command never multiplies.
      _ = try ISA.validated()
      // Dense work is compared and done with the strongest BLAS kernels of this processor.
      BLASRestart.preferWidestCore()
      try command.run()
    } catch {
      let failure = report(error)
      exit(failure)
    }
  }

  /// Prints what `error` has to say where it belongs and returns the exit code.
  private static func report(_ error: any Error) -> ExitClass {
    switch LacunaTool.exitCode(for: error) {
    case .success:  // --help, --version and completion scripts arrive as errors.
      Console.standardOutput(LacunaTool.fullMessage(for: error))
      return .success
    case .validationFailure:
      Console.standardError("lacuna: \(firstLine(of: LacunaTool.message(for: error)))")
      return .usage
    default:
      // A command that has said all it has to say, as `diff` does.
      if let code = error as? ExitCode, let exitClass = ExitClass(rawValue: code.rawValue) {
        return exitClass
      }
      let failure = Failure(error)
      Console.standardError("lacuna: \(failure.message)")
      return failure.exitClass
    }
  }

  private static func firstLine(of message: String) -> String {
    let line = message.split(separator: "\n").first.map(String.init) ?? "wrong usage"
    return line.hasSuffix(".") ? "\(line.dropLast()); see --help" : "\(line); see --help"
  }
}
