// Layers that are done, one file each in a folder beside the output, so that a stopped run goes on.

import Lacuna

/// The pruned layers of an unfinished one-shot run: `OUTPUT.progress/`, gone when the output is
/// written.
///
/// Their weights are there and not in memory.
struct OneShotProgress {
  let folder: String
  /// What has to be the same for the layers to be of use.
  let request: String
  private(set) var reports: [OneShotLayerReport] = []

  private static let kind = "lacuna one-shot progress"

  init(output: String, request: String) {
    (folder, self.request) = (output + ".progress", request)
  }

  private func path(_ index: Int) -> String { "\(folder)/\(index).lacuna" }

  /// Reads what an earlier run left.
  mutating func resume() throws {
    if access(folder, F_OK) != 0 { throw FileError.unreadable(path: folder, code: errno) }
    while access(path(reports.count), F_OK) == 0 {
      let path = path(reports.count)
      let file = try LacunaFile(contentsOf: path)
      guard file.metadata["kind"] == Self.kind, let stored = file.metadata["report"] else {
        throw Failure(.badData, "\(path) is not of a one-shot pruning run")
      }
      guard file.metadata["request"] == request else {
        throw Failure(
          .usage,
          "\(folder) is of a run with other options: give the same ones, or leave --resume out")
      }
      guard let report = try? JSONDecoder().decode(OneShotLayerReport.self, from: Data(stored.utf8))
      else { throw Failure(.badData, "\(path): its report cannot be read") }
      reports.append(report)
    }
  }

  /// Adds a layer.
  mutating func append(_ report: OneShotLayerReport, _ kernel: PrunedKernel) throws {
    if reports.isEmpty && mkdir(folder, 0o777) != 0 && errno != EEXIST {
      throw FileError.system(path: folder, operation: "create", code: errno)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(report), as: UTF8.self)
    var tensors = [
      NamedTensor(
        name: "weights",
        tensor: try .dense(shape: [report.rows, report.columns], values: kernel.weights))
    ]
    if let bias = kernel.bias {
      tensors.append(
        NamedTensor(name: "bias", tensor: try .dense(shape: [bias.count], values: bias)))
    }
    try LacunaFile(
      metadata: ["kind": Self.kind, "request": request, "report": text], tensors: tensors
    ).write(to: path(reports.count))
    reports.append(report)
  }

  /// The new weights of a layer that is done, and its bias where that changed.
  func kernel(_ name: String) throws(FileError) -> PrunedKernel {
    let path = path(reports.firstIndex { $0.name == name } ?? 0)
    let tensors = try LacunaFile(contentsOf: path).tensors
    func values(_ name: String) -> [Float]? {
      tensors.first { $0.name == name }?.tensor.denseValues
    }
    guard let weights = values("weights") else {
      throw .malformed(path: path, .absent(what: "weights"))
    }
    return PrunedKernel(weights: weights, bias: values("bias"))
  }

  /// Removes all files and the folder.
  func remove() {
    var index = 0
    while unlink(path(index)) == 0 { index += 1 }
    rmdir(folder)
  }
}
