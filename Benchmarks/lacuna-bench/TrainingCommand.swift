// `lacuna-bench training`: a step of training, dense and at a fixed mask, over the dense products in it.

import ArgumentParser
import Lacuna

struct TrainingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "training",
    abstract: "Steps of training of the tutorial's network, dense and at fixed masks.",
    discussion: """
      Networks take steps in turn on the same random images: one that is dense, and one for each sparsity whose masks \
      stand still, as they do when a pruned network is fine-tuned. Beside each the dense products of a step alone, as \
      calls of cblas_sgemm on operands of the same sizes.
      """)

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of zeros in every kernel, parted by commas.", valueName: "s,…"))
  var sparsities = List([0.9])

  @Option(help: "Images of a step.")
  var batch = 128

  @Option(help: "Steps of each network that are timed.")
  var steps = 20

  @Option(help: "Threads of training.")
  var threads = 1

  @Option(help: "Seed of weights and images.")
  var seed: UInt64 = 1

  @Flag(help: "Print one JSON line per network.")
  var json = false

  func validate() throws {
    try check("--batch", batch, in: 1...1 << 16)
    try check("--steps", steps, in: 1...10_000)
    try check("--threads", threads, in: OptionRange.threads)
    for sparsity in sparsities.elements { try checkSparsity("--sparsity", sparsity) }
  }

  func run() throws {
    let architecture = Architecture.tutorial
    var generator = SplitMix64(seed: seed)
    let shape = architecture.input
    let images = (0..<batch * shape.count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    let data = try ImageDataset(
      shape: shape, classes: 10, images: images, labels: (0..<batch).map { UInt16($0 % 10) })
    func network() throws -> SequentialModel {
      try SequentialModel(architecture, seed: seed, threads: threads)
    }
    var models: [any Trainable] = [try network()]
    for sparsity in sparsities.elements {
      let schedule = try ConstantSparsity(sparsity, begin: 1, end: 1, frequency: 1)
      models.append(try pruneLowMagnitude(network(), schedule: schedule))
    }
    let timings = try TrainingStepTiming.measure(models, data: data, batch: batch, steps: steps)
    var printer = RowPrinter(
      json: json, header: TrainingRow.tableHeader, widths: TrainingRow.tableWidths)
    for (model, timing) in zip(models, timings) {
      let row = TrainingRow(
        network: architecture.name, sparsity: model.sparsity, timing: timing,
        denseSeconds: timings[0].stepSeconds)
      printer.show(row.row, row.tableCells)
    }
  }
}

/// What a step of one network took.
struct TrainingRow {
  var network: String
  /// Of all kernels together.
  var sparsity: Double
  var timing: TrainingStepTiming
  var denseSeconds: Double

  private var speedup: Double { denseSeconds / timing.stepSeconds }

  var row: Row {
    Row(fields: [
      ("op", .text("training")), ("network", .text(network)), ("batch", .integer(timing.batch)),
      ("threads", .integer(timing.threads)), ("sparsity", .number(sparsity)),
      ("isa", .text(ISA.selected.rawValue)), ("seconds", .number(timing.stepSeconds)),
      ("denseSeconds", .number(denseSeconds)), ("denseCore", .text(BLAS.coreName)),
      ("productSeconds", .number(timing.productSeconds)), ("speedup", .number(speedup)),
      ("overProducts", .number(timing.ratio)),
      ("denseGflops", .number(timing.flops / timing.productSeconds / 1e9)),
    ])
  }

  static let tableHeader = [
    "network", "batch", "threads", "zeros", "step", "dense products", "over them", "speed-up",
  ]
  static let tableWidths = [12, 5, 7, 7, 9, 14, 9, 8]

  var tableCells: [String] {
    [
      network, "\(timing.batch)", "\(timing.threads)", Numeral.percent(sparsity),
      Numeral.duration(seconds: timing.stepSeconds),
      Numeral.duration(seconds: timing.productSeconds),
      Numeral.fixed(timing.ratio, digits: 2) + "×", Numeral.fixed(speedup, digits: 2) + "×",
    ]
  }
}
