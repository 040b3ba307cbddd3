// X from files of arrays: a .npy, an array of an archive, or the files of a folder one after the
// other.

import LacunaFormats
import LacunaIO
import LacunaPruning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Activations of one layer in files, of shape `[…, inputs]`: all dimensions but the last are
/// samples.
///
/// Files of a folder are read one at a time, in the order of their names. Half precision, integers
/// and f64 become f32.
public struct CalibrationFiles: CalibrationSource, Sendable {
  /// Inputs of each sample: the last dimension of the first file's array.
  public let inputs: Int
  /// The files, in order.
  public let paths: [String]
  /// The array of the only file; the only array of each where nil.
  private let name: String?

  /// A `.npy` file, an archive with one array, or a folder of `.npy` files.
  ///
  /// - Throws: `FileError` when nothing is there, or the first file holds no such array.
  public init(_ path: String) throws(FileError) {
    try self.init(paths: Self.batches(at: path) ?? [path], name: nil)
  }

  fileprivate init(paths: [String], name: String?) throws(FileError) {
    (self.paths, self.name) = (paths, name)
    inputs = try Self.array(paths[0], name).array.shape.last!
  }

  /// Calls `body` with the samples of each file, one file after the other.
  ///
  /// - Throws: `FileError` for a file that cannot be read or holds no such array, and what `body`
  ///   throws.
  public func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws {
    for path in paths {
      let (file, array) = try Self.array(path, name)
      let width = array.shape.last!
      let values: [Float]
      do throws(DataProblem) { values = try array.read().floats() } catch {
        throw FileError.malformed(path: file.path, error)
      }
      try values.withUnsafeBufferPointer {
        try body(
          CalibrationBatch($0, samples: width == 0 ? 0 : $0.count / width, inputs: width))
      }
    }
  }

  private static func array(
    _ path: String, _ name: String?
  ) throws(FileError) -> (file: ArrayFile, array: StoredArray) {
    let file = try ArrayFile(contentsOf: path)
    do throws(DataProblem) {
      if name == nil && file.arrays.count != 1 {
        throw .mismatch(
          what: "number of arrays with a layer's inputs", expected: 1, actual: file.arrays.count)
      }
      let found: StoredArray
      if let name { found = try file.array(TensorName(name)) } else { found = file.arrays[0] }
      if found.shape.isEmpty {
        throw .mismatch(what: "dimensions of \(found.name)", expected: 2, actual: 0)
      }
      return (file, found)
    } catch { throw .malformed(path: path, error) }
  }

  /// The `.npy` files of a folder; nil where there is no folder.
  fileprivate static func batches(at path: String) throws(FileError) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".npy") { names.append(name) }
    }
    if names.isEmpty { throw .malformed(path: path, .absent(what: "a .npy file")) }
    return names.sorted().map { "\(path)/\($0)" }
  }
}

/// Where the inputs of the layers of a model file are, by the layers' names.
///
///     inputs.npz, inputs.safetensors     arrays of the layers' names
///     inputs/NAME.npy                    one file for each
///     inputs/NAME/0.npy, 1.npy, …        or one folder, of batches
///
/// For a file of a single layer names do not matter: a `.npy`, a folder of batches, or an archive
/// with one array.
public struct CalibrationPlace: Sendable {
  /// An archive, a `.npy`, or a folder.
  public let path: String

  /// The place at `path`. Nothing is opened before ``inputs(of:isOnly:)`` asks for it.
  public init(_ path: String) { self.path = path }

  /// The inputs of one layer.
  ///
  /// - Parameter isOnly: No other layer takes part.
  /// - Throws: `FileError`; it names the layer when there is nothing for it.
  public func inputs(of layer: String, isOnly: Bool) throws(FileError) -> CalibrationFiles {
    var missing = FileError.malformed(path: path, .absent(what: "an array of inputs of \(layer)"))
    if let folder = opendir(path) {
      closedir(folder)
      // A name is looked up below the folder, never beside it.
      let parts = layer.split(separator: "/", omittingEmptySubsequences: false)
      if !parts.contains(where: { ["", ".", ".."].contains($0) }) && !layer.contains("\0") {
        let own = "\(path)/\(layer)"
        if access("\(own).npy", F_OK) == 0 {
          return try CalibrationFiles(paths: ["\(own).npy"], name: nil)
        }
        if let batches = try CalibrationFiles.batches(at: own) {
          return try CalibrationFiles(paths: batches, name: nil)
        }
      }
      if isOnly { return try CalibrationFiles(path) }
      throw missing
    }
    let file = try ArrayFile(contentsOf: path)
    if let array = file.arrays.first(where: { $0.name == TensorName(layer) }), file.kind != .npy {
      return try CalibrationFiles(paths: [path], name: "\(array.name)")
    }
    if isOnly && file.arrays.count == 1 { return try CalibrationFiles(path) }
    if file.kind == .npy {
      missing = .malformed(
        path: path, .unsupported(what: "one .npy for several layers,", found: "\(layer) among them")
      )
    }
    throw missing
  }
}
