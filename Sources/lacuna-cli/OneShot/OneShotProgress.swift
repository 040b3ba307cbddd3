// Layers that are done, in a file beside the output, so that a stopped run goes on

import Lacuna

/// The pruned layers of an unfinished one-shot run: `OUTPUT.progress`, gone when the output is
/// written.
struct OneShotProgress {
  let path: String
  /// What has to be the same for the layers to be of use.
  let request: String
  private(set) var reports: [OneShotLayerReport] = []
  private(set) var kernels: [NamedTensor] = []

  private static let kind = "lacuna one-shot progress"

  init(output: String, request: String) {
    (path, self.request) = (output + ".progress", request)
  }

  /// Reads what an earlier run left.
  mutating func resume() throws {
    let file = try LacunaFile(contentsOf: path)
    guard file.metadata["kind"] == Self.kind, let stored = file.metadata["reports"] else {
      throw Failure(.badData, "\(path) is not of a one-shot pruning run")
    }
    guard file.metadata["request"] == request else {
      throw Failure(
        .usage, "\(path) is of a run with other options: give the same ones, or leave --resume out")
    }
    do {
      reports = try JSONDecoder().decode([OneShotLayerReport].self, from: Data(stored.utf8))
    } catch { throw Failure(.badData, "\(path): its reports cannot be read") }
    kernels = file.tensors
  }

  /// Adds a layer and writes the file.
  mutating func append(_ report: OneShotLayerReport, _ weights: [Float], shape: [Int]) throws {
    reports.append(report)
    kernels.append(NamedTensor(name: report.name, tensor: .dense(shape: shape, values: weights)))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(reports), as: UTF8.self)
    try LacunaFile(
      metadata: ["kind": Self.kind, "request": request, "reports": text], tensors: kernels
    ).write(to: path)
  }

  /// Removes the file.
  func remove() { unlink(path) }
}
