// `lacuna evaluate MODEL`: accuracy and loss on the test images.

import ArgumentParser
import Lacuna

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure the accuracy of a checkpoint or a compact model on the test images.",
    discussion: "A compact model runs sparse: its dense weights are never made.")

  @OptionGroup var common: CommonOptions
  @OptionGroup var data: DataOptions

  @Argument(help: "A checkpoint or a model.", completion: .file(extensions: ["lacuna"]))
  var model: String

  @Option(help: "Threads. [all cores]")
  var threads: Int?

  @Flag(help: "Run a compact model with every weight dense, zeros too.")
  var dense = false

  @Option(help: NetworkArithmetic.help)
  var arithmetic = NetworkArithmetic.f32

  /// Images of one mini-batch: wide enough for the kernels, small enough for the caches.
  private static let batch = 256

  func validate() throws {
    try check("--threads", threads, in: OptionRange.threads)
    if dense {
      try refuse([("--arithmetic", arithmetic != .f32)], "is for sparse weights, not --dense")
    }
  }

  func run() throws {
    let file = try LacunaFile(contentsOf: model)
    let evaluation: Evaluation
    if file.metadata["kind"] == "lacuna checkpoint" {
      try refuse(
        [("--dense", dense), ("--arithmetic", arithmetic != .f32)],
        "is for compact models: a checkpoint always runs with every weight")
      let network = try Checkpoint(file).makeModel(threads: threads)
      evaluation = try network.evaluate(try data.load().test)
    } else {
      let stored = try CompressedModel(file)
      let threads = threads ?? CPUInfo.current.cores
      let network: InferenceNetwork =
        dense
        ? try DenseNetwork(stored, batch: Self.batch, threads: threads)
        : try SparseNetwork(
          stored, batch: Self.batch, threads: threads, arithmetic: arithmetic)
      evaluation = try network.evaluate(try data.load().test)
    }
    let result = EvaluationResult(
      model: model, accuracy: evaluation.accuracy, loss: evaluation.loss, images: evaluation.count)
    try common.show(result) {
      "accuracy \(Numeral.percent(evaluation.accuracy, digits: 2)) on \(evaluation.count) images, "
        + "loss \(Numeral.fixed(evaluation.loss, digits: 4))"
    }
  }
}

extension NetworkArithmetic: ExpressibleByArgument {
  static var help: ArgumentHelp {
    "What a compact model multiplies in: f32, or i8 for products of bytes where weights are 8-bit."
  }
}

/// What `lacuna evaluate` reports.
struct EvaluationResult: Encodable {
  var model: String
  var accuracy: Double
  var loss: Double
  var images: Int
}
