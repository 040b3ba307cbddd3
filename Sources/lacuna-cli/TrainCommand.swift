// `lacuna train`: images and an architecture → a checkpoint.

import ArgumentParser
import Lacuna

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train an image classifier and write a checkpoint.",
    discussion: """
      A checkpoint is written after each epoch, at the end, and when Ctrl-C stops the run (exit code \
      130). A run that was stopped goes on bit for bit with --resume and the same options.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var training: TrainingOptions
  @OptionGroup var quantization: QuantizationOptions

  @Option(help: "The network: tutorial has 3.3 million weights, perceptron a tenth of a million.")
  var architecture = ArchitectureName.tutorial

  @Option(help: "Passes over the training images.")
  var epochs = 4

  @Option(name: .shortAndLong, help: "The checkpoint to write.", completion: .file())
  var output = "dense.lacuna"

  @Option(help: "A checkpoint of a stopped run to go on from.", completion: .file())
  var resume: String?

  func validate() throws {
    try check("--epochs", epochs, in: TrainingSettings.allowedEpochs)
  }

  func run() throws {
    try checkWritable(output)
    let settings = training.settings(epochs: epochs, quantization: quantization.settings)
    let checkpoint = try resume.map { try Checkpoint(contentsOf: $0) }
    if let checkpoint {
      try checkpoint.check(architecture: architecture.architecture)
      guard checkpoint.settings == settings, checkpoint.pruning == nil else {
        throw Failure(.usage, "\(resume!) is of a run with other options: give the same ones again")
      }
    }
    let (train, test) = try data.load()
    let trainer =
      if let checkpoint {
        try checkpoint.resume(data: train, threads: training.threads)
      } else {
        try Trainer(
          try SequentialModel(
            architecture.architecture, seed: training.seed ?? 1, threads: training.threads),
          data: train, settings: settings)
      }
    let result = try TrainingRun(
      trainer, test: test, output: output, title: "train", common: common,
      wayOn: CommandText.resuming(train: output))
    try common.show(result) { result.text }
  }
}

/// The networks that have a name on the command line.
enum ArchitectureName: String, ExpressibleByArgument, CaseIterable {
  case tutorial, perceptron

  var architecture: Architecture {
    switch self {
    case .tutorial: .tutorial
    case .perceptron: .perceptron()
    }
  }
}
