// What ends a command early: one clear line and a shell-friendly exit code.

import Lacuna

/// The exit codes of the tool, from BSD's `sysexits.h`.
enum ExitClass: Int32 {
  case success = 0
  /// What was compared is not the same.
  case different = 1
  /// The command line or the environment asks for something impossible.
  case usage = 64
  /// A file or a tensor holds something that it must not.
  case badData = 65
  /// An input does not exist or may not be read.
  case missingInput = 66
  /// A mistake of ours: an error no rule below knows.
  case software = 70
  /// Reading or writing failed half-way; the previous file is untouched.
  case inputOutput = 74
  /// Ctrl-C, after a checkpoint was written.
  case interrupted = 130
}

/// An error that already knows its line and its exit code.
struct Failure: Error {
  var exitClass: ExitClass
  var message: String

  init(_ exitClass: ExitClass, _ message: String) {
    self.exitClass = exitClass
    self.message = message
  }

  /// The failure that `error`, thrown anywhere below, stands for.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as OperationError: self.init(error.isUsage ? .usage : .badData, "\(error)")
    case let error as FileError:
      self.init(ExitClass(rawValue: error.exitCode) ?? .inputOutput, "\(error)")
    case let error as PruningError: self.init(error.isUsage ? .usage : .badData, "\(error)")
    case let error as OneShotError: self.init(error.isUsage ? .usage : .badData, "\(error)")
    case let error as ModelError: self = error.failure
    case let error as ModelPruningError:
      switch error {
      case .file(let error): self.init(error)
      case .pruning(let error): self.init(error)
      case .nothingToPrune: self.init(.badData, "\(error)")
      }
    case let error as GraphError:
      if case .option(let error) = error {
        self.init(error)
      } else {
        self.init(.badData, "\(error)")
      }
    case let error as GraphProblem: self.init(.badData, "\(error)")
    case let error as QuantizationError: self.init(.badData, "\(error)")
    case let error as FormatError: self.init(.badData, "\(error)")
    default: self.init(.software, "\(error)")
    }
  }
}

/// Runs `body`; a parameter that the library refuses is called by its option's name.
func namingOptions<R>(_ options: [String: String], _ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as PruningError {
    guard case .invalidParameter(let name, let value, let allowed) = error,
      let option = options[name]
    else { throw error }
    throw PruningError.invalidParameter(name: option, value: value, allowed: allowed)
  }
}

/// Ends the program with the code of `exitClass`.
func exit(_ exitClass: ExitClass) -> Never {
  exit(exitClass.rawValue)
}

extension OperationError {
  /// Whether the environment or an option is at fault, not data.
  fileprivate var isUsage: Bool {
    switch self {
    case .unknownISA, .unavailableISA, .unknownKernel: true
    default: false
    }
  }
}

extension PruningError {
  /// Whether an option is at fault, not data.
  fileprivate var isUsage: Bool {
    switch self {
    case .invalidParameter, .scheduleCannotFire, .unmatchedPattern, .notSerialisable,
      .missingGradients, .needsFloat:
      true
    case .notANumber, .infinite, .normOverflow, .wrongCount, .shapeMismatch, .duplicateTensor,
      .malformedState, .format:
      false
    }
  }
}

extension OneShotError {
  /// Whether an option is at fault, not data.
  fileprivate var isUsage: Bool {
    switch self {
    case .invalidParameter, .unreachableSparsity: true
    case .pruning(let error): error.isUsage
    default: false
    }
  }
}

extension ModelError {
  fileprivate var failure: Failure {
    switch self {
    case .file(let error): Failure(error)
    case .invalidSetting: Failure(.usage, "\(self)")
    case .pruning(let error): Failure(error)
    case .oneShot(let error): Failure(error)
    default: Failure(.badData, "\(self)")
    }
  }
}
