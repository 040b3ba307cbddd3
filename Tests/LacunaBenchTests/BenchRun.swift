// Runs the built `lacuna-bench` and keeps what it printed.

import Foundation
import Testing

/// One finished run of the benchmark.
struct BenchRun {
  var exitCode: Int32
  var output: String
  var errors: String

  /// The benchmark built beside the test program.
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "lacuna-bench").path
  /// The narrow kernels of OpenBLAS save the restart and its note on standard error.
  static let narrowKernels = ["OPENBLAS_CORETYPE": "Prescott"]

  /// Runs `lacuna-bench` with arguments parted by spaces.
  init(_ arguments: String, environment: [String: String] = [:]) throws {
    let process = Process()
    process.executableURL = URL(filePath: Self.program)
    process.arguments = arguments.split(separator: " ").map(String.init)
    process.environment = ProcessInfo.processInfo.environment
      .merging(Self.narrowKernels) { $1 }.merging(environment) { $1 }
    let (output, errors) = (try TemporaryFile(), try TemporaryFile())
    process.standardOutput = FileHandle(forWritingAtPath: output.path)
    process.standardError = FileHandle(forWritingAtPath: errors.path)
    try process.run()
    process.waitUntilExit()
    exitCode = process.terminationStatus
    self.output = try String(contentsOfFile: output.path, encoding: .utf8)
    self.errors = try String(contentsOfFile: errors.path, encoding: .utf8)
  }

  /// The JSON lines on standard output.
  func rows() throws -> [[String: Any]] {
    try Self.rows(output)
  }

  static func rows(_ text: String) throws -> [[String: Any]] {
    try text.split(separator: "\n").map { line in
      try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
    }
  }
}

/// A file that is gone when the test is.
final class TemporaryFile: Sendable {
  let path: String

  init(_ text: String = "", suffix: String = "") throws {
    path = NSTemporaryDirectory() + "lacuna-bench-\(UUID().uuidString)" + suffix
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
