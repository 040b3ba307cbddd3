// Data files and folders, read with errors that say where the data come from.

import Lacuna

/// The bytes of a data file; a missing one is an error that says where it comes from.
func readInput(_ path: String, hint: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else {
    throw Failure(.missingInput, "\(path) cannot be read: \(hint)")
  }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
    bytes += chunk[..<count]
  }
  if ferror(file) != 0 { throw Failure(.inputOutput, "\(path) cannot be read") }
  return bytes
}

/// Names of the files in a folder that end with `ending`, in order.
func fileNames(in folder: String, ending: String, hint: String) throws -> [String] {
  guard let directory = opendir(folder) else {
    throw Failure(.missingInput, "\(folder) cannot be read: \(hint)")
  }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name.hasSuffix(ending) { names.append(name) }
  }
  return names.sorted()
}
