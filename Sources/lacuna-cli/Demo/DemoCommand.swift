// `lacuna demo`: train, prune, compress, quantise and run a real classifier, and show the proof.

import ArgumentParser
import Lacuna

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Train a network, remove 90 % of its weights, and compare size, speed and accuracy.",
    discussion: """
      Writes into the output folder: the checkpoints dense.lacuna, pruned.lacuna and quantized.lacuna, the models \
      sparse.lacuna, sparse-8bit.lacuna and sparse-codebook.lacuna, report.html and report.json.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var data: DataOptions

  @Option(help: "The folder for everything that is written.", completion: .directory)
  var output = "lacuna-demo"

  @Flag(help: "The tutorial's 12 epochs and ramp instead of a few minutes.")
  var full = false

  @Flag(help: "Remove 97 % of the weights, for the smallest file, instead of 90 %.")
  var small = false

  @Option(help: "Threads for training. [all cores]")
  var threads: Int?

  @Option(help: "Seconds for each of the six measurements.")
  var measure = 4.0

  @Option(help: "Seed of the whole run.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("What the report names as its source.", visibility: .hidden))
  var commit = ""

  /// The mini-batch that stands for many images at once.
  private static let largeBatch = 256

  /// Images that ranges of activations are taken from: what `lacuna calibrate` looks at as well.
  private static let calibrationImages = 1024

  func validate() throws {
    if !(measure >= 0 && measure <= 60) {
      throw ValidationError("--measure is \(measure), must be in 0...60 seconds")
    }
    try check("--threads", threads, in: OptionRange.threads)
  }

  func run() throws {
    let start = ContinuousClock.now
    // Known before the images are read, made after that: a failure leaves no empty folder.
    try checkCanMake(folder: output)
    let (train, test) = try data.load()
    do {
      try FileManager.default.createDirectory(
        atPath: output, withIntermediateDirectories: true)
    } catch {
      throw Failure(.inputOutput, "\(output): cannot make the folder")
    }
    try checkWritable(path("report.html"))
    let stepsPerEpoch = (train.count + 127) / 128
    var recipe =
      full
      ? DemoRecipe.full(stepsPerEpoch: stepsPerEpoch)
      : DemoRecipe.short(stepsPerEpoch: stepsPerEpoch)
    if small { recipe.finalSparsity = DemoRecipe.smallSparsity }

    stage("1/6  train the dense network for \(recipe.denseEpochs) epochs")
    let model = try SequentialModel(.tutorial, seed: seed, threads: threads)
    let denseRecorder = DemoRecorder()
    let denseRun = try TrainingRun(
      try Trainer(model, data: train, settings: settings(recipe.denseEpochs)), test: test,
      output: path("dense.lacuna"), title: "train", common: common,
      wayOn: CommandText.anew,
      onStep: denseRecorder.record)
    let before = try model.copyOfKernels()
    let denseModel = try CompressedModel(model, form: .dense)

    stage(
      "2/6  prune to \(Numeral.percent(recipe.finalSparsity, digits: 0)) while fine-tuning for "
        + "\(recipe.pruningEpochs) epochs")
    let pruningSettings = settings(recipe.pruningEpochs)
    let pruned = try pruneLowMagnitude(
      model, schedule: recipe.schedule(), exclusions: [.biases, .firstConvolution, .lastLayer])
    let recorder = DemoRecorder(watching: model.parameter(named: "dense1/kernel"))
    let pruningRun = try TrainingRun(
      try Trainer(pruned, data: train, settings: pruningSettings), test: test,
      output: path("pruned.lacuna"), title: "prune", common: common,
      wayOn: CommandText.anew,
      onStep: recorder.record)

    stage("3/6  compress")
    let sparseModel = try stored(try CompressedModel(model, form: .sparse), "sparse.lacuna")
    let quantizedModel = try stored(
      try CompressedModel(model, form: .quantized).calibrated(
        on: train.prefix(Self.calibrationImages).images.map { Float($0) / 255 }),
      "sparse-8bit.lacuna")
    let prunedDense = try CompressedModel(model, form: .dense)
    let after = try model.copyOfKernels()

    stage(
      "4/6  put the weights of each kernel on a few values while fine-tuning for "
        + "\(recipe.quantizingEpochs) epoch\(recipe.quantizingEpochs == 1 ? "" : "s")")
    let codebooks = try CodebookModel(model, error: recipe.error)
    let quantizingRun = try TrainingRun(
      try Trainer(codebooks, data: train, settings: settings(recipe.quantizingEpochs)), test: test,
      output: path("quantized.lacuna"), title: "quantize", common: common, wayOn: CommandText.anew)
    let codebookModel = try stored(
      try CompressedModel(model, form: .codebook), "sparse-codebook.lacuna")

    stage("5/6  run the sparse networks on \(test.count) test images")
    let (accuracies, difference) = try verified(
      [denseModel, prunedDense, sparseModel, quantizedModel, codebookModel], on: test)

    stage("6/6  measure sparse against dense, one thread")
    let measured: [(CompressedModel, NetworkArithmetic)] = [
      (sparseModel, .f32), (quantizedModel, .i8), (codebookModel, .f32),
    ]
    let timings = try measured.flatMap { model, arithmetic in
      try [1, Self.largeBatch].map { batch in
        try InferenceTiming.measure(
          model, batch: batch, threads: 1, seconds: measure, arithmetic: arithmetic)
      }
    }

    let sparsity = zeros(in: after.map(\.values))
    func row(
      _ name: String, _ at: Int, _ model: CompressedModel, file: String, dense: Bool,
      timing: Int, sparsity: Double
    ) throws -> DemoResult.Row {
      let size = Compression(output: file, bytes: try written(model, file), of: model)
      let (one, batch) = (timings[timing], timings[timing + 1])
      return DemoResult.Row(
        name: name, accuracy: accuracies[at], sparsity: sparsity, bytes: size.bytes,
        gzipBytes: size.gzipBytes, secondsForOne: dense ? one.denseSeconds : one.sparseSeconds,
        secondsForBatch: dense ? batch.denseSeconds : batch.sparseSeconds)
    }
    var result = DemoResult(
      commit: commit, data: data.folder, trainingImages: train.count, testImages: test.count,
      parameters: model.parameterCount, recipe: recipe,
      commands: recipe.commands(
        training: pruningSettings, data: data, threads: model.workers.count, report: pruned.report),
      threads: model.workers.count,
      largeBatch: Self.largeBatch,
      rows: [
        try row(
          "dense", 0, denseModel, file: "dense-weights.lacuna", dense: true, timing: 0,
          sparsity: zeros(in: before.map(\.values))),
        try row(
          "pruned, stored dense", 1, prunedDense, file: "pruned-weights.lacuna", dense: true,
          timing: 0, sparsity: sparsity),
        try row(
          "sparse f32", 2, sparseModel, file: "sparse.lacuna", dense: false, timing: 0,
          sparsity: sparsity),
        try row(
          "sparse, products in 8 bits", 3, quantizedModel, file: "sparse-8bit.lacuna",
          dense: false, timing: 2, sparsity: sparsity),
        try row(
          "sparse codebook", 4, codebookModel, file: "sparse-codebook.lacuna", dense: false,
          timing: 4, sparsity: zeros(in: try model.copyOfKernels().map(\.values))),
      ],
      tensors: pruned.report.tensors.filter { $0.skipped == nil }.map {
        .init(
          name: $0.name, rows: $0.rows, columns: $0.columns, kept: $0.kept, sparsity: $0.sparsity)
      },
      largestLogitDifference: difference, timings: timings,
      loading: try LoadTiming(codebookModel, path: path("sparse-codebook.lacuna")),
      denseTrainingSeconds: denseRun.seconds, pruningSeconds: pruningRun.seconds,
      quantizingSeconds: quantizingRun.seconds,
      denseSteps: denseRecorder.steps, pruningSteps: recorder.steps)
    result.totalSeconds = (ContinuousClock.now - start) / .seconds(1)

    let report = DemoReport(
      result: result, before: before, after: after, frames: recorder.frames)
    try AtomicFile.write(Array(report.page().html().utf8), to: path("report.html"))
    try AtomicFile.write(Array(try common.encoded(result).utf8), to: path("report.json"))
    try common.show(result) {
      result.text(
        files: ["report.html", "sparse.lacuna", "sparse-8bit.lacuna", "sparse-codebook.lacuna"]
          .map { path($0).printable() })
    }
  }

  private func path(_ name: String) -> String { "\(output)/\(name)" }

  private func stage(_ text: String) {
    if !common.quiet { Console.standardError(text) }
  }

  private func settings(_ epochs: Int) -> TrainingSettings {
    TrainingSettings(epochs: epochs, seed: seed)
  }

  /// Compresses, saves, and loads again: what is measured later went through the file.
  private func stored(_ model: CompressedModel, _ name: String) throws -> CompressedModel {
    try model.save(to: path(name))
    return try CompressedModel.load(from: path(name))
  }

  /// The bytes of a model's file; models that the demo does not keep are only counted.
  private func written(_ model: CompressedModel, _ name: String) throws -> Int {
    let kept = path(name)
    if FileManager.default.fileExists(atPath: kept) {
      return try LacunaReader(contentsOf: kept).byteCount
    }
    try model.save(to: kept)
    defer { unlink(kept) }
    return try LacunaReader(contentsOf: kept).byteCount
  }

  /// Accuracies: the first two models run dense, the others sparse, what is stored in 8 bits with products of
  /// bytes; and how far sparse logits are from dense ones of the same weights.
  private func verified(
    _ models: [CompressedModel], on test: ImageDataset
  ) throws -> (accuracies: [Double], difference: Double) {
    let batch = Self.largeBatch
    let networks: [InferenceNetwork] = try models.enumerated().map { index, model in
      index < 2
        ? try DenseNetwork(model, batch: batch)
        : try SparseNetwork(model, batch: batch, arithmetic: index == 3 ? .i8 : .f32)
    }
    let accuracies = try networks.map { try $0.evaluate(test).accuracy }
    let sample = test.prefix(batch)
    let images = sample.images.map { Float($0) / 255 }
    let dense = try networks[1].logits(images)
    let sparse = try networks[2].logits(images)
    let difference = zip(dense, sparse).map { Double(($0 - $1).magnitude) }.max() ?? 0
    return (accuracies, difference)
  }

  private func zeros(in kernels: [[Float]]) -> Double {
    let count = kernels.reduce(0) { $0 + $1.count }
    let zeros = kernels.reduce(0) { $0 + $1.count { $0 == 0 } }
    return count == 0 ? 0 : Double(zeros) / Double(count)
  }
}

/// The weights of a kernel at some moment.
struct KernelCopy {
  var name: String
  var rows: Int
  var columns: Int
  var values: [Float]
}

extension SequentialModel {
  /// Copies of all kernels, in the order of the layers.
  func copyOfKernels() throws -> [KernelCopy] {
    parameters.filter { $0.role == .kernel }.map {
      KernelCopy(
        name: $0.name, rows: $0.rows, columns: $0.columns, values: Array($0.values.elements))
    }
  }
}
