// Elements that lie in a file beside the model: where it is, and that it cannot be anywhere else.

import LacunaIO
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The files beside a model, opened when the first tensor asks for them.
///
/// A location is a relative path; it has to lead to a regular file inside the model's folder, with
/// all links followed. A model that is in memory has no folder and no such files.
final class ONNXExternalData: Sendable {
  private let folder: String?
  private let opened = Mutex<[String: ByteSlice]>([:])

  init(folder: String?) { self.folder = folder }

  /// The `count` bytes that the entries of `external_data` speak of.
  func slice(
    _ entries: [String: String], count: Int, of name: String
  ) throws(DataProblem) -> ByteSlice {
    let file = try file(at: entries["location"] ?? "", of: name)
    let offset = try number(entries["offset"], "offset of \(name)") ?? 0
    let length = try number(entries["length"], "length of \(name)") ?? count
    if length != count {
      throw .mismatch(what: "bytes of \(name)", expected: count, actual: length)
    }
    if offset > file.count || length > file.count - offset {
      throw .truncated(
        what: "the external data of \(name)", needed: length,
        available: max(0, file.count - offset))
    }
    return file.part(offset..<offset + length)
  }

  private func number(_ text: String?, _ what: String) throws(DataProblem) -> Int? {
    guard let text else { return nil }
    guard let value = Int(text), value >= 0 else {
      throw .unsupported(what: what, found: "\"\(text.prefix(40))\"")
    }
    return value
  }

  private func file(at location: String, of name: String) throws(DataProblem) -> ByteSlice {
    guard let folder else {
      throw .unsupported(what: "external data of \(name)", found: "of a model without a folder")
    }
    if let known = opened.withLock({ $0[location] }) { return known }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    if location.isEmpty || location.utf8.contains(0) || parts.contains("..") || parts[0].isEmpty {
      throw .unsupported(
        what: "external data of \(name)", found: "at \"\(location.prefix(200))\"")
    }
    guard let root = resolved(folder) else { throw .absent(what: "the folder \(folder)") }
    guard let path = resolved(folder + "/" + location) else {
      throw .absent(what: "the external data file \(location.prefix(200))")
    }
    // By bytes: comparing texts would take two Unicode spellings for one folder.
    if !path.utf8.starts(with: (root == "/" ? "/" : root + "/").utf8) {
      throw .unsupported(
        what: "external data of \(name)", found: "outside of the model's folder, at \(path)")
    }
    let storage: ByteStorage
    do throws(FileError) { storage = try ByteStorage(mapping: path) } catch {
      throw .unsupported(what: "external data of \(name)", found: "in \(error)")
    }
    let slice = ByteSlice(storage)
    opened.withLock { $0[location] = slice }
    return slice
  }
}

/// The path with all links followed; nil where it leads nowhere.
private func resolved(_ path: String) -> String? {
  guard let name = PathText.withCString(path, { realpath($0, nil) }) else { return nil }
  defer { free(name) }
  return PathText.text(cString: name)
}
