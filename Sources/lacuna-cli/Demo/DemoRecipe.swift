// The numbers of the demonstration: how long it trains and along which ramp it prunes.

import Lacuna

/// The recipe of `lacuna demo`.
struct DemoRecipe: Encodable {
  /// Epochs of the dense network, then of fine-tuning while pruning.
  var denseEpochs: Int
  var pruningEpochs: Int
  var initialSparsity = 0.5
  /// Of the kernels that are pruned. The first convolution and the last layer stay dense: they hold
  /// 0.3 % of the weights and cost the most accuracy, so the others give slightly more than 90 %, and
  /// all kernels together lose 90 %.
  var finalSparsity = 0.9033
  var power = 3.0
  var begin: Int
  var end: Int
  var frequency: Int
  /// Epochs with the weights on few values, and what those may cost before.
  var quantizingEpochs = 1
  var error = CompressedModel.usualError

  /// Of the kernels that are pruned, for the smallest file.
  static let smallSparsity = 0.97

  /// Few epochs, a short ramp: minutes on two cores.
  static func short(stepsPerEpoch: Int) -> DemoRecipe {
    let steps = 5 * stepsPerEpoch
    // The ramp ends after two thirds: the last epochs only heal.
    return DemoRecipe(
      denseEpochs: 4, pruningEpochs: 5, begin: 1, end: max(1, steps * 2 / 3),
      frequency: max(1, steps / 60))
  }

  /// The tutorial of 2019: 12 epochs each, 50 % to 90 % over steps 2000…5628, every 100 steps.
  ///
  /// On a smaller data set the ramp keeps its place within the run.
  static func full(stepsPerEpoch: Int) -> DemoRecipe {
    let steps = 12 * stepsPerEpoch
    let begin = max(1, steps * 2000 / 5628)
    return DemoRecipe(
      denseEpochs: 12, pruningEpochs: 12, begin: begin, end: steps,
      frequency: max(1, steps * 100 / 5628))
  }

  /// The commands that train, prune and compress to the same weights as a run with this recipe: what they
  /// say is taken from what ran.
  func commands(
    training: TrainingSettings, data: DataOptions, threads: Int, report: PruningReport
  ) -> [String] {
    let images =
      (data.data.map { ["--data", $0] } ?? []) + (data.limit.map { ["--limit", "\($0)"] } ?? [])
    let common =
      ["--batch-size", "\(training.batchSize)", "--seed", "\(training.seed)"]
      + ["--threads", "\(threads)"] + images
    // What the demonstration leaves alone by its place in the network, by name.
    let alone = report.tensors.filter {
      $0.skipped == .firstConvolution || $0.skipped == .lastLayer
    }.flatMap { ["--exclude", $0.name] }
    let train = ["train", "--epochs", "\(denseEpochs)"] + common + ["--output", "dense.lacuna"]
    let prune =
      ["prune", "dense.lacuna", "--initial", "\(initialSparsity)", "--sparsity"]
      + ["\(finalSparsity)", "--power", "\(power)", "--begin", "\(begin)", "--end", "\(end)"]
      + ["--frequency", "\(frequency)"] + alone + ["--epochs", "\(pruningEpochs)"] + common
      + ["--output", "pruned.lacuna"]
    let compress = ["compress", "pruned.lacuna", "--bits", "8", "--output", "model.lacuna"]
    let calibrate = ["calibrate", "model.lacuna"] + images + ["--output", "model.lacuna"]
    let quantize =
      ["quantize", "pruned.lacuna", "--error", "\(error)", "--epochs"]
      + ["\(quantizingEpochs)"] + common + ["--output", "quantized.lacuna"]
    let shorten =
      ["compress", "quantized.lacuna", "--codebook", "--bits", "8", "--output", "small.lacuna"]
    let look = [["inspect", "small.lacuna"], ["evaluate", "small.lacuna"] + images]
    return ([train, prune, compress, calibrate, quantize, shorten] + look).map {
      (["lacuna"] + $0).shellCommand
    }
  }

  func schedule() throws(PruningError) -> PolynomialDecay {
    try PolynomialDecay(
      initial: initialSparsity, final: finalSparsity, begin: begin, end: end, power: power,
      frequency: frequency)
  }
}
