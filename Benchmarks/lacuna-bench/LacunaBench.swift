// `lacuna-bench`: sparse operations against OpenBLAS, interleaved, checked before they are timed.

import ArgumentParser
import Lacuna

struct LacunaBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lacuna-bench",
    abstract: "Measure sparse operations against dense OpenBLAS on this machine.",
    discussion: """
      Every result is checked against a double-precision product before it is timed; a wrong one \
      ends the run with exit code 70. Sparse and dense runs alternate, and OpenBLAS uses the widest \
      kernels that the processor executes. Exit codes: 0 done, 64 wrong usage, 65 bad data, \
      66 a missing input, 70 a wrong result, 74 an input or output error.
      """,
    subcommands: [
      SpMMCommand.self, SpMVCommand.self, ConvCommand.self, RecurrentCommand.self,
      TrainingCommand.self, SelectCommand.self, ConvertCommand.self, OneShotCommand.self,
      ResultsCommand.self, ResultsTimesCommand.self, ResultsCurvesCommand.self, SuiteCommand.self,
    ])
}

@main
enum Main {
  static func main() {
    BLASRestart.preferWidestCore()
    BLASRestart.letIdleThreadsSleep()
    do {
      _ = try usage { try ISA.validated() }
      // Not `CommandLine.arguments`, which repairs names of files that are not UTF-8.
      var command = try LacunaBench.parseAsRoot(Array(PathText.arguments.dropFirst()))
      try command.run()
    } catch {
      exit(report(error))
    }
  }

  private static func report(_ error: any Error) -> ExitClass {
    switch LacunaBench.exitCode(for: error) {
    case .success:  // --help and completion scripts arrive as errors.
      Console.standardOutput(LacunaBench.fullMessage(for: error))
      return .success
    case .validationFailure:
      let line = LacunaBench.message(for: error).split(separator: "\n").first ?? "wrong usage"
      Console.standardError("lacuna-bench: \(line) (see --help)")
      return .usage
    default:
      let failure = Failure(error)
      Console.standardError("lacuna-bench: \(failure.message)")
      return failure.exitClass
    }
  }
}

/// What `body` returns; an error it throws is the caller's wrong usage.
func usage<R>(_ body: () throws -> R) throws -> R {
  do { return try body() } catch { throw Failure(.usage, "\(error)") }
}
