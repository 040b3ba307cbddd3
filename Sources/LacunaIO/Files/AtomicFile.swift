// Replaces a file in one step: whoever looks sees the old content or the new one, never a mixture.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

import Synchronization

/// Writing that leaves the previous file whole until the new one is safely on disk.
///
///     .model.lacuna.4711-0.tmp  ← every byte, fsync
///     model.lacuna              ← rename, then fsync of the folder
///
/// When anything fails, the temporary file is removed and the previous one is untouched. A process
/// that is killed in between leaves the previous file and perhaps a temporary one, which no reader
/// looks at and no later save trips over. A link is followed, and the mode of an existing file
/// kept. Standard output and a path that is no regular file (a pipe) are written directly.
public enum AtomicFile {
  /// Takes the bytes of one file, in order.
  public struct Writer: ~Copyable {
    fileprivate let descriptor: Int32
    fileprivate let path: String

    /// Appends `bytes`.
    ///
    /// - Throws: ``FileError/system(path:operation:code:)``, for example with `ENOSPC` on a full disk.
    public func write(_ bytes: [UInt8]) throws(FileError) {
      try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
        try write(UnsafeRawBufferPointer(buffer))
      }
    }

    /// Appends `bytes`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
      var written = 0
      while written < bytes.count {
        let count = systemWrite(
          descriptor, bytes.baseAddress! + written, bytes.count - written)
        if count < 0 && errno == EINTR { continue }
        if count < 0 { throw .system(path: path, operation: "write", code: errno) }
        written += count
      }
    }
  }

  /// The path that means standard output, whatever that is: a file that it goes to is not replaced, since others
  /// may write to it as well.
  public static let standardOutput = "/dev/stdout"

  /// Writes `bytes` to `path`.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try write(to: path) { (writer) throws(FileError) in try writer.write(bytes) }
  }

  /// Writes what `body` writes to `path`.
  ///
  /// - Throws: ``FileError/system(path:operation:code:)`` when a system call fails, and whatever
  ///   `body` throws; in both cases the file at `path` is as it was.
  public static func write(
    to path: String, _ body: (borrowing Writer) throws(FileError) -> Void
  ) throws(FileError) {
    if path == standardOutput {
      return try body(Writer(descriptor: STDOUT_FILENO, path: "standard output"))
    }
    var status = stat()
    let exists = PathText.withCString(path) { stat($0, &status) } == 0
    if exists && status.st_mode & S_IFMT == S_IFDIR {
      throw .system(path: path, operation: "write", code: EISDIR)
    }
    if exists && status.st_mode & S_IFMT != S_IFREG {
      let descriptor = systemOpen(path, O_WRONLY | O_CLOEXEC, 0)
      if descriptor < 0 { throw .system(path: path, operation: "open", code: errno) }
      defer { close(descriptor) }
      return try body(Writer(descriptor: descriptor, path: path))
    }
    let target = exists ? resolved(path) : path
    // Nobody may read the new content who could not read the old one, not even for a moment.
    let mode = exists ? status.st_mode & 0o777 : 0o666
    let (temporary, descriptor) = try create(beside: target, mode: mode, path: path)
    var isOpen = true
    do throws(FileError) {
      try body(Writer(descriptor: descriptor, path: path))
      if exists && fchmod(descriptor, status.st_mode & 0o7777) != 0 {
        throw .system(path: path, operation: "chmod", code: errno)
      }
      if fsync(descriptor) != 0 { throw .system(path: path, operation: "fsync", code: errno) }
      isOpen = false
      if close(descriptor) != 0 { throw .system(path: path, operation: "close", code: errno) }
      if systemRename(temporary, target) != 0 {
        throw .system(path: path, operation: "rename", code: errno)
      }
    } catch {
      if isOpen { close(descriptor) }
      _ = PathText.withCString(temporary) { unlink($0) }
      throw error
    }
    syncFolder(of: target)
  }

  /// Makes a new file in the folder of `target`; `path` is what an error names.
  private static func create(
    beside target: String, mode: mode_t, path: String
  ) throws(FileError) -> (name: String, descriptor: Int32) {
    let slash = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
    let (folder, name) = (target[..<slash], target[slash...])
    while true {
      let number = created.wrappingAdd(1, ordering: .relaxed).newValue
      let temporary = "\(folder).\(name).\(getpid())-\(number).tmp"
      let descriptor = systemOpen(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      if descriptor >= 0 { return (temporary, descriptor) }
      // A dead process with our number may have left this name behind.
      if errno != EEXIST && errno != EINTR {
        throw .system(path: path, operation: "create", code: errno)
      }
    }
  }

  /// Makes the rename durable. Some file systems cannot sync a folder; the rename stands anyway.
  private static func syncFolder(of target: String) {
    let folder = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "."
    let descriptor = systemOpen(folder, O_RDONLY | O_CLOEXEC, 0)
    if descriptor >= 0 {
      fsync(descriptor)
      close(descriptor)
    }
  }

  /// The file that `path` leads to through links.
  private static func resolved(_ path: String) -> String {
    guard let name = PathText.withCString(path, { realpath($0, nil) }) else { return path }
    defer { free(name) }
    return PathText.text(cString: name)
  }

  /// Numbers the temporary files of this process.
  private static let created = Atomic(0)
}

// The system calls, under names that the methods here do not shadow.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
  PathText.withCString(path) { open($0, flags, mode) }
}

private func systemRename(_ old: String, _ new: String) -> Int32 {
  PathText.withCString(old) { old in PathText.withCString(new) { new in rename(old, new) } }
}
