// X from .npy files, one after the other: a file, or all of a folder in the order of their names

import LacunaFormats
import LacunaIO
import LacunaPruning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Activations in `.npy` files of shape `[…, inputs]`: all dimensions but the last are samples.
///
/// Files of a folder are read one at a time, in the order of their names. Half precision and
/// integers are widened to single precision.
public struct CalibrationFiles: CalibrationSource, Sendable {
  public let inputs: Int
  /// The files, in order.
  public let paths: [String]

  /// A `.npy` file, or a folder that holds some.
  ///
  /// - Throws: ``ModelError`` when nothing is there, a file cannot be read, or the first one has no
  ///   inputs.
  public init(_ path: String) throws(ModelError) {
    paths = try Self.files(at: path)
    inputs = try Self.array(paths[0]).shape.last!
  }

  public func forEachBatch(_ body: (CalibrationBatch) throws -> Void) throws {
    for path in paths {
      let array = try Self.array(path)
      let width = array.shape.last!
      let values: [Float]
      do throws(DataProblem) { values = try array.floats() } catch {
        throw ModelError.file(.malformed(path: path, error))
      }
      try values.withUnsafeBufferPointer {
        try body(
          CalibrationBatch($0, samples: width == 0 ? 0 : $0.count / width, inputs: width))
      }
    }
  }

  /// All samples as one list, for a network that takes them as its own input.
  ///
  /// - Throws: ``ModelError`` when a file cannot be read or is not whole samples.
  public static func networkSamples(
    at path: String, valuesPerSample: Int
  ) throws(ModelError) -> NetworkSamples {
    var all: [Float] = []
    for path in try files(at: path) {
      let array = try Self.array(path)
      do throws(DataProblem) { all += try array.floats() } catch {
        throw .file(.malformed(path: path, error))
      }
    }
    return try NetworkSamples(all, valuesPerSample: valuesPerSample)
  }

  private static func array(_ path: String) throws(ModelError) -> NumericArray {
    let array: NumericArray
    do throws(FileError) { array = try NPY.read(contentsOf: path) } catch { throw .file(error) }
    if array.shape.isEmpty {
      throw .dataMismatch(what: "dimensions of \(path)", expected: 2, found: 0)
    }
    return array
  }

  private static func files(at path: String) throws(ModelError) -> [String] {
    guard let folder = opendir(path) else { return [path] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".npy") { names.append(name) }
    }
    if names.isEmpty {
      throw .dataMismatch(what: ".npy files in \(path)", expected: 1, found: 0)
    }
    return names.sorted().map { "\(path)/\($0)" }
  }
}

extension Checkpoint {
  /// The same checkpoint with the weights of a network that was pruned from it. Masks of an earlier
  /// pruning run are dropped; the moments of the optimiser stay.
  ///
  /// - Throws: ``ModelError/architectureMismatch(expected:found:)``
  public init(_ other: Checkpoint, weightsOf model: SequentialModel) throws(ModelError) {
    try other.check(architecture: model.architecture)
    (architecture, settings, progress) = (other.architecture, other.settings, other.progress)
    (weights, moments, pruning) = (model.weights, other.moments, nil)
  }
}
