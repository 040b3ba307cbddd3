// How a network is trained.

import ArgumentParser
import Lacuna

/// The optimiser named on the command line.
enum OptimiserName: String, ExpressibleByArgument, CaseIterable {
  case adam, sgd
}

/// Options of every command that trains.
struct TrainingOptions: ParsableArguments {
  @Option(help: "Images per step. [128]")
  var batchSize: Int?

  @Option(help: "The optimiser: adam or sgd. [adam]")
  var optimiser: OptimiserName?

  @Option(
    help: "The learning rate at the start; it falls along a half cosine. [adam 0.001, sgd 0.05]")
  var learningRate: Float?

  @Option(help: "Seed of the initial weights, the order of the images and dropout. [1]")
  var seed: UInt64?

  @Option(help: "Threads; the result is reproducible for a given number. [all cores]")
  var threads: Int?

  func validate() throws {
    try check("--batch-size", batchSize, in: TrainingSettings.batchSizes)
    try check("--threads", threads, in: OptionRange.threads)
    if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
      throw ValidationError("--learning-rate is \(learningRate), must be positive and finite")
    }
  }

  /// The options, and whether they were typed.
  var typed: [(name: String, isTyped: Bool)] {
    [
      ("--batch-size", batchSize != nil), ("--optimiser", optimiser != nil),
      ("--learning-rate", learningRate != nil), ("--seed", seed != nil),
      ("--threads", threads != nil),
    ]
  }

  /// Not checked: `epochs` is in `TrainingSettings.allowedEpochs`.
  func settings(
    epochs: Int, quantization: QuantizationSettings? = nil
  ) -> TrainingSettings {
    let (chosen, rate): (OptimiserSettings, Float) =
      switch optimiser ?? .adam {
      case .adam: (.adam, 1e-3)
      case .sgd: (.sgd(momentum: 0.9), 0.05)
      }
    return TrainingSettings(
      epochs: epochs, batchSize: batchSize ?? 128, optimiser: chosen,
      learningRate: .cosine(initial: learningRate ?? rate, finalFraction: 0.02),
      seed: seed ?? 1, quantization: quantization)
  }
}
