// A folder of its own for each test, removed afterwards.

import Foundation

/// A folder that is gone when the test is.
public final class TemporaryFolder: Sendable {
  /// The folder's path.
  public let root: String

  /// Makes the folder.
  public init() throws {
    root = FileManager.default.temporaryDirectory.path + "/lacuna-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  /// The path of a file in it.
  public func path(_ name: String) -> String { "\(root)/\(name)" }
}

/// Calls `body` with the path of a new folder.
@discardableResult
public func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = try TemporaryFolder()
  return try withExtendedLifetime(folder) { try body(folder.root) }
}
