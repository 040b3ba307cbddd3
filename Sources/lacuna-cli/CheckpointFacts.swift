// What a checkpoint says about its run, in numbers and words instead of bits.

import Lacuna

/// The counters and settings of a training run on disk.
struct CheckpointFacts: Encodable {
  var architecture: String
  var parameters: Int
  var step: Int
  var totalSteps: Int
  var epochs: Int
  var batchSize: Int
  var samples: Int
  var seed: UInt64
  var learningRate: Float
  var optimiser: String
  /// What steps are rounded to; nil for a run in single precision.
  var quantization: String?
  /// Means over the current epoch so far; nil before its first step.
  var loss: Double?
  var accuracy: Double?
  /// Steps that the pruner took; nil for a run that does not prune.
  var pruningStep: Int?
  var masks: Int?
  /// What the run prunes by, without the marks of Swift's own text of it.
  var recipe: String?

  init(_ checkpoint: Checkpoint) {
    let (settings, progress) = (checkpoint.settings, checkpoint.progress)
    architecture = checkpoint.architecture.summary
    parameters = checkpoint.weights.values.reduce(0) { $0 + $1.count }
    (step, samples) = (progress.step, progress.samples)
    totalSteps = settings.totalSteps(samples: samples)
    (epochs, batchSize, seed) = (settings.epochs, settings.batchSize, settings.seed)
    learningRate = settings.learningRate.value(at: step, of: totalSteps)
    optimiser =
      switch settings.optimiser {
      case .sgd(let momentum): "sgd, momentum \(momentum)"
      case .adam(let beta1, let beta2, let epsilon): "adam, β \(beta1) and \(beta2), ε \(epsilon)"
      }
    quantization = settings.quantization.map {
      "weights in \($0.weightBits) bits" + ($0.roundsActivations ? ", activations in bytes" : "")
    }
    (loss, accuracy) = (progress.loss, progress.accuracy)
    pruningStep = checkpoint.pruning?.state.step
    masks = checkpoint.pruning?.masks.count
    recipe = checkpoint.pruning?.recipe?
      .replacing("LacunaPruning.", with: "")
      .replacing(/Optional\(([^()]*)\)/) { $0.output.1 }
  }

  /// Lines that take the place of the file's own texts of the same keys.
  var texts: [String: String] {
    var result = [
      "architecture": "\(architecture), \(Numeral.grouped(parameters)) parameters",
      "training":
        "\(epochs) epochs, \(batchSize) images a step, \(optimiser), learning rate now "
        + "\(learningRate), seed \(seed)" + (quantization.map { ", \($0)" } ?? ""),
      "progress":
        "step \(step) of \(totalSteps) over \(Numeral.grouped(samples)) images"
        + (loss.map { ", loss of the epoch \(Numeral.fixed($0, digits: 4))" } ?? "")
        + (accuracy.map { ", accuracy \(Numeral.percent($0, digits: 2))" } ?? ""),
    ]
    if let pruningStep, let masks { result["pruning"] = "step \(pruningStep), \(masks) masks" }
    if let recipe { result["recipe"] = recipe }
    return result
  }
}
