// `lacuna prune` on any file but a checkpoint: weights become zero, once.

import Lacuna

/// Prunes the weights of one model file.
struct ModelPruneRun {
  var file: ModelFile
  var output: String
  var pruning: ModelPruning
  var common: CommonOptions

  /// Weights from which on progress is shown.
  private static let leastProgress = 64 << 20

  func run() throws -> ModelPruneFacts {
    var bar: ProgressBar?
    let isLarge = file.tensors.reduce(0) { $0 + $1.elementCount } >= Self.leastProgress
    let result = try namingOptions(["parameterLimit": "--max-weights"]) {
      do {
        return try pruning.prune(file, to: outputPath(output)) { (done, all) in
          if !isLarge { return }
          bar = bar ?? common.progressBar(total: all, title: "prune")
          bar?.update(step: done, detail: "tensors")
        }
      } catch ModelPruningError.pruning(let error) { throw error }
    }
    bar?.finish()
    return ModelPruneFacts(
      output: output, format: file.format.rawValue, bytes: result.byteCount,
      tensors: result.outcomes)
  }
}

/// What `lacuna prune` reports of a model file.
struct ModelPruneFacts: Encodable {
  var output: String
  var format: String
  var bytes: Int
  /// Weights of the tensors that took part, and how many of them are zero.
  var weights: Int
  var zeros: Int
  /// Zeros over these weights, those that were zero before among them.
  var sparsity: Double
  /// What masks drop, over these weights.
  var masked: Double
  var tensors: [ModelPruning.Outcome]

  init(output: String, format: String, bytes: Int, tensors: [ModelPruning.Outcome]) {
    (self.output, self.format, self.bytes, self.tensors) = (output, format, bytes, tensors)
    weights = tensors.reduce(0) { $0 + $1.weights }
    zeros = tensors.reduce(0) { $0 + $1.zeros }
    let dropped = weights - tensors.reduce(0) { $0 + $1.kept }
    // Every tensor that takes part has weights.
    (sparsity, masked) = (Double(zeros) / Double(weights), Double(dropped) / Double(weights))
  }

  var text: String {
    var table = TextTable(
      ["tensor", "shape", "weights", "kept", "dropped", "zeros"], leading: [0, 1])
    for tensor in tensors {
      table.append([
        tensor.name, tensor.shape.map(String.init).joined(separator: "×"),
        Numeral.grouped(tensor.weights), Numeral.grouped(tensor.kept),
        Numeral.percent(tensor.sparsity, digits: 2),
        Numeral.percent(Double(tensor.zeros) / Double(tensor.weights), digits: 2),
      ])
    }
    return table.rendered()
      + "\n\n\(output.printable()): \(format), \(Numeral.grouped(bytes)) bytes, "
      + "\(Numeral.percent(sparsity, digits: 2)) of these weights are zero; "
      + "masks dropped \(Numeral.percent(masked, digits: 2))"
  }
}
