// A save either replaces the file or leaves the previous one as it was.
import Foundation
import LacunaIO
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  func content(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

  @Test func replaces() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(Array("old".utf8), to: folder + "/a")
      try AtomicFile.write(Array("new".utf8), to: folder + "/a")
      #expect(content(folder + "/a") == "new")
      #expect(try names(in: folder) == ["a"])
    }
  }

  @Test func failureKeepsThePreviousFileAndRemovesTheTemporary() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try AtomicFile.write(Array("old".utf8), to: path)
      let failure = FileError.system(path: path, operation: "write", code: ENOSPC)
      #expect(throws: failure) {
        try AtomicFile.write(to: path) { (writer) throws(FileError) in
          try writer.write(Array("half".utf8))
          throw failure
        }
      }
      #expect(content(path) == "old")
      #expect(try names(in: folder) == ["a"])
    }
  }

  @Test func aPrivateFileStaysPrivateWhileItIsReplaced() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      func mode(_ name: String) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)
        return attributes?[.posixPermissions] as? Int
      }
      try AtomicFile.write(Array("old".utf8), to: path)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      try AtomicFile.write(to: path) { (writer) throws(FileError) in
        try writer.write(Array("new".utf8))
        #expect((try? names(in: folder).map(mode)) == [0o600, 0o600])
      }
      #expect(mode("a") == 0o600 && content(path) == "new")
    }
  }

  @Test func fullDisk() {
    let full = FileError.system(path: "/dev/full", operation: "write", code: ENOSPC)
    #expect(throws: full) { try AtomicFile.write([1, 2, 3], to: "/dev/full") }
    #expect("\(full)" == "/dev/full: write failed: No space left on device")
    #expect(full.exitCode == 74)
  }

  @Test func missingFolder() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/no/a"
      #expect(throws: FileError.system(path: path, operation: "create", code: ENOENT)) {
        try AtomicFile.write([1], to: path)
      }
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere")) func readOnlyFolder() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(Array("old".utf8), to: folder + "/a")
      chmod(folder, 0o555)
      defer { chmod(folder, 0o755) }
      #expect(throws: FileError.system(path: folder + "/a", operation: "create", code: EACCES)) {
        try AtomicFile.write([1], to: folder + "/a")
      }
      #expect(content(folder + "/a") == "old")
    }
  }

  /// A file system that nobody can create files in, the superuser included.
  @Test func readOnlyFileSystem() {
    let path = "/sys/lacuna-io-test"
    do throws(FileError) {
      try AtomicFile.write([1], to: path)
      Issue.record("\(path) was written")
    } catch {
      guard case .system(path, "create", let code) = error else {
        Issue.record("\(error)")
        return
      }
      #expect([EACCES, EPERM, EROFS, ENOENT].contains(code), "\(error)")
    }
  }

  @Test func folderInTheWay() throws {
    try withTemporaryFolder { folder in
      #expect(throws: FileError.system(path: folder, operation: "write", code: EISDIR)) {
        try AtomicFile.write([1], to: folder)
      }
    }
  }

  @Test func followsLinksAndKeepsTheMode() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(Array("old".utf8), to: folder + "/a")
      chmod(folder + "/a", 0o640)
      symlink("a", folder + "/link")
      try AtomicFile.write(Array("new".utf8), to: folder + "/link")
      #expect(content(folder + "/a") == "new")
      var status = stat()
      #expect(lstat(folder + "/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
      #expect(stat(folder + "/a", &status) == 0 && status.st_mode & 0o777 == 0o640)
    }
  }

  /// A process that is killed half way leaves the previous file; what it leaves besides does not
  /// disturb the next save.
  @Test func killedInTheMiddle() async throws {
    let path = NSTemporaryDirectory() + "/lacuna-io-killed-in-the-middle"
    try AtomicFile.write(Array("old".utf8), to: path)
    await #expect(processExitsWith: .signal(SIGKILL)) {
      let path = NSTemporaryDirectory() + "/lacuna-io-killed-in-the-middle"
      try AtomicFile.write(to: path) { (writer) throws(FileError) in
        try writer.write(Array("half".utf8))
        kill(getpid(), SIGKILL)
      }
    }
    #expect(content(path) == "old")
    try AtomicFile.write(Array("new".utf8), to: path)
    #expect(content(path) == "new")
    for name in try names(in: NSTemporaryDirectory())
    where name.contains("lacuna-io-killed-in-the-middle") {
      unlink(NSTemporaryDirectory() + "/" + name)
    }
  }
}
