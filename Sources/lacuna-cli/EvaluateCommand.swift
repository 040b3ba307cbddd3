// `lacuna evaluate MODEL`: accuracy and loss on the test images.

import ArgumentParser
import Lacuna

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure the accuracy of a checkpoint or a compact model on the test images.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var data: DataOptions

  @Argument(help: "A checkpoint or a model.", completion: .file(extensions: ["lacuna"]))
  var model: String

  @Option(help: "Threads. [all cores]")
  var threads: Int?

  func run() throws {
    let file = try LacunaFile(contentsOf: model)
    let network =
      try file.metadata["kind"] == "lacuna checkpoint"
      ? Checkpoint(file).makeModel(threads: threads)
      : CompressedModel(file).makeModel(threads: threads)
    let test = try data.load().test
    let evaluation = try network.evaluate(test)
    let result = EvaluationResult(
      model: model, accuracy: evaluation.accuracy, loss: evaluation.loss, images: evaluation.count)
    try common.show(result) {
      "accuracy \(Numeral.percent(evaluation.accuracy, digits: 2)) on \(evaluation.count) images, "
        + "loss \(Numeral.fixed(evaluation.loss, digits: 4))"
    }
  }
}

/// What `lacuna evaluate` reports.
struct EvaluationResult: Encodable {
  var model: String
  var accuracy: Double
  var loss: Double
  var images: Int
}
