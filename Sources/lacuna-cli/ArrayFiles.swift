// Weight arrays in .npy, .npz and safetensors files, by name.

import ArgumentParser
import Lacuna

extension ArrayFile {
  /// The only array of numbers.
  func onlyNumbers() throws -> NumericArray {
    let numbers = arrays.indices.filter { place in
      if case .number = arrays[place].type { return true }
      return kind == .npy
    }
    if numbers.count != 1 {
      let names = numbers.prefix(20).map { "\(arrays[$0].name)" }.joined(separator: ", ")
      throw Failure(
        .badData,
        "\(path) holds \(numbers.count) arrays of numbers where one is expected: "
          + (numbers.isEmpty ? "none" : names))
    }
    return try read(numbers[0])
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
