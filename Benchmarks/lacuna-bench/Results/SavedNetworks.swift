// Networks of a run as files, named by what they are: `resnet-dense.lacuna`, `resnet-0.9-4x1.lacuna`.

import Lacuna

/// A folder of trained networks.
struct SavedNetworks {
  let folder: String

  /// The folder, made where there is none. What could not be written behind hours of training is an error now.
  init(writing folder: String) throws {
    self.folder = folder
    // With the dot a file is no folder.
    if mkdir(folder, 0o777) == 0 || errno == EEXIST, access(folder + "/.", W_OK | X_OK) == 0 {
      return
    }
    throw Failure(
      .inputOutput, "--save: \(folder) cannot be written: \(String(cString: strerror(errno)))")
  }

  func save(
    _ network: CompressedModel, _ task: ResultsName, phase: String, sparsity: Double,
    _ block: BlockSize
  ) throws {
    let what = sparsity == 0 ? phase : "\(sparsity)-\(block)"
    try network.save(to: "\(folder)/\(task.rawValue)-\(what).lacuna")
  }

  /// The names of a task's networks, without ending.
  static func names(_ task: ResultsName, in folder: String) throws -> [String] {
    let names = try fileNames(
      in: folder, ending: ".lacuna", hint: "lacuna-bench results --save leaves networks in one")
    let own = names.filter { $0.hasPrefix("\(task.rawValue)-") }
    if own.isEmpty { throw Failure(.missingInput, "\(folder): no \(task.rawValue)-….lacuna in it") }
    return own.map { String($0.dropLast(".lacuna".count)) }
  }
}
