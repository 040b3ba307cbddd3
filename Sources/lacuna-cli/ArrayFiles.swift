// Weight arrays in .npy and .npz files, by name.

import ArgumentParser
import Lacuna

/// The arrays of a `.npy` or `.npz` file, to be read and written again in the same form.
struct ArrayFile {
  /// Names and arrays; a `.npy` has one, called by the file's own name.
  var arrays: [NamedArray]

  /// Whether `path` names a file of arrays and not a `.lacuna` one.
  static func accepts(_ path: String) -> Bool { path.hasSuffix(".npy") || path.hasSuffix(".npz") }

  init(_ arrays: [NamedArray]) { self.arrays = arrays }

  init(contentsOf path: String) throws {
    if path.hasSuffix(".npz") {
      arrays = try NPZ(contentsOf: path).arrays
    } else {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      arrays = [
        NamedArray(
          name: name.hasSuffix(".npy") ? String(name.dropLast(4)) : name,
          array: try NPY.read(contentsOf: path))
      ]
    }
  }

  /// Writes an `.npz`, or the only array as `.npy`.
  func write(to path: String) throws {
    if path.hasSuffix(".npz") {
      try NPZ(arrays).write(to: path)
    } else if arrays.count == 1 {
      try NPY.write(arrays[0].array, to: path)
    } else {
      throw Failure(
        .usage, "\(arrays.count) arrays do not fit into \(path): give the output a .npz name")
    }
  }
}

/// `--compat`.
enum Compatibility: String, CaseIterable {
  /// TensorFlow Model Optimization.
  case tfmot
}

/// `N:M`, as in 2:4.
struct GroupOption: Equatable {
  var keep: Int
  var of: Int

  init(argument: String) throws {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let keep = Int(parts[0]), let of = Int(parts[1]) else {
      throw ValidationError("\(argument) is not of the form N:M, such as 2:4")
    }
    (self.keep, self.of) = (keep, of)
  }

  /// The sparsity at which every group has exactly its `keep`.
  var sparsity: Double { 1 - Double(keep) / Double(of) }
}
