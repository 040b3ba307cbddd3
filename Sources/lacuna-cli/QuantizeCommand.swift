// `lacuna quantize CHECKPOINT`: trains on with the weights of each kernel on a few values.

import ArgumentParser
import Lacuna

struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Fine-tune a pruned checkpoint with its weights on a few values.",
    discussion: """
      Each kernel's weights become a few numbers, chosen by rate–distortion as `lacuna compress --codebook` does; \
      training then sees those numbers and makes up for the error. Zeros stay zeros, and small weights become \
      zero where that is cheaper. `lacuna compress --codebook` stores the checkpoint that is written as it is.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var training: TrainingOptions

  @Argument(help: "The checkpoint to start from, pruned.", completion: .file())
  var checkpoint: String

  @Option(help: "Bits of a weight's value: 8 or 4, at most 255 or 16 values for each kernel.")
  var bits = StoredBits.eight

  @Option(
    help: ArgumentHelp(
      "What the values may cost before training: the squared change of the weights over their squares. "
        + "[\(CompressedModel.usualError)]", valueName: "share"))
  var error: Double?

  @Option(help: "Passes over the training images.")
  var epochs = 1

  @Option(name: .shortAndLong, help: "The checkpoint to write.", completion: .file())
  var output = "quantized.lacuna"

  func validate() throws {
    try check("--epochs", epochs, in: TrainingSettings.allowedEpochs)
    try checkError(error)
    if bits == .f32 { throw ValidationError("--bits is f32, must be 8 or 4") }
  }

  func run() throws {
    try checkWritable(output)
    let model = try Checkpoint(contentsOf: checkpoint).makeModel(threads: training.threads)
    let (train, test) = try data.load()
    let quantized = try CodebookModel(
      model, bits: { _ in bits.count }, error: error ?? CompressedModel.usualError)
    let result = try TrainingRun(
      try Trainer(quantized, data: train, settings: training.settings(epochs: epochs)), test: test,
      output: output, title: "quantize", common: common, wayOn: CommandText.anew)
    try common.show(result) { result.text }
  }
}

/// Fails unless an error of quantised weights is a share.
func checkError(_ error: Double?) throws {
  if let error, !(error > 0 && error < 1) {
    throw ValidationError("--error is \(error), must be above 0 and below 1")
  }
}
