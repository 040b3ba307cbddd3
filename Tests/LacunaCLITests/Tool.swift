// Runs the built `lacuna` and keeps what it printed.

import Foundation
import TestSupport
import Testing

/// One finished run of the tool.
struct ToolRun {
  var exitCode: Int32
  var output: String
  var errors: String

  /// The lines on standard error: an error must be exactly one.
  var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// The tool built beside the test program.
enum Tool {
  static let path: String = {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return program.deletingLastPathComponent().appendingPathComponent("lacuna").path
  }()

  /// Runs `lacuna` with `arguments` to its end, without a terminal.
  static func run(
    _ arguments: String..., environment: [String: String] = [:], standardOutput: String? = nil
  ) throws -> ToolRun {
    try run(arguments, environment: environment, standardOutput: standardOutput)
  }

  /// Runs `lacuna` through a shell that first sets limits: `command` ends in `exec "$0" "$@"`.
  static func run(shell command: String, _ arguments: [String]) throws -> ToolRun {
    try launch("/bin/sh", ["-c", command, path] + arguments)
  }

  /// Runs `lacuna` with `arguments` to its end; `standardOutput` is a file to write to instead, and
  /// `signal` is sent when it still runs after a time.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], standardOutput: String? = nil,
    interruptedAfter delay: Duration? = nil, by signal: Int32 = SIGINT
  ) throws -> ToolRun {
    try launch(
      path, arguments, environment: environment, standardOutput: standardOutput, delay: delay,
      signal: signal)
  }

  private static func launch(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    standardOutput: String? = nil, delay: Duration? = nil, signal: Int32 = SIGINT
  ) throws -> ToolRun {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files, not pipes: a full pipe would stop the tool while nobody reads.
    let folder = try TemporaryFolder()
    let output = folder.path("stdout")
    let errors = folder.path("stderr")
    for file in [output, errors] { try Data().write(to: URL(fileURLWithPath: file)) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: standardOutput ?? output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
    if let delay {
      let deadline = ContinuousClock.now + delay
      while process.isRunning, ContinuousClock.now < deadline { usleep(200) }
      if process.isRunning { kill(process.processIdentifier, signal) }
    }
    process.waitUntilExit()
    return ToolRun(
      exitCode: process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOfFile: output, encoding: .utf8),
      errors: try String(contentsOfFile: errors, encoding: .utf8))
  }
}
