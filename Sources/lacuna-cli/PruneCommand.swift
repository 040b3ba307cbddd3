// `lacuna prune FILE`: removes weights on a schedule while a checkpoint is fine-tuned, or from a file of weights
// at once.

import ArgumentParser
import Lacuna

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Fine-tune a checkpoint while its smallest weights are removed.",
    discussion: """
      Sparsity rises along the schedule; masked weights are exactly zero after every step. \
      A checkpoint is written after each epoch, at the end, and when Ctrl-C stops the run (exit code \
      130). A run that was stopped goes on bit for bit with --resume and the same options.

      With --method and --calibration weights go at once, without training, so that each \
      layer's outputs on those inputs change least: the weights of a model file in any format, each \
      on inputs that are given for it, or the layers of a network of this library one after the other. \
      The output is of the input's kind. A stopped run goes on with --resume.

      Of other files the weights are pruned at once by magnitude, to --sparsity, or to where the schedule stands \
      at step --at: what the operators of an ONNX or TFLite file multiply with, as matrices of outputs by inputs \
      whatever the file's layout; of arrays, the floating-point ones of rank 2 or more. Everything else in the \
      file stays as it is, byte for byte.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "Schedule") var schedule: ScheduleOptions
  @OptionGroup(title: "What is pruned") var granularity: GranularityOptions
  @OptionGroup(title: "Model files") var model: ModelPruneOptions
  @OptionGroup(title: "Without training") var oneShot: OneShotOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Training for few bits") var quantization: QuantizationOptions
  @OptionGroup(title: "Data") var data: DataOptions

  @Argument(
    help:
      "The checkpoint to start from, or a file of weights in any format; - reads standard input.",
    completion: .file())
  var checkpoint: String

  @Option(help: "How tensors share the sparsity: uniform, global or erdos-renyi (erk). [uniform]")
  var budget: Budget?

  @Option(help: "The most weights that may be left at the end, those that are not pruned included.")
  var maxWeights: Int?

  @Option(help: "Without training: the step of the schedule whose sparsity is meant.")
  var at: Int?

  @Option(help: "Passes over the training images. [3]")
  var epochs: Int?

  @Option(
    name: .shortAndLong,
    help: """
      The file to write; - is standard output. [pruned.lacuna; for arrays pruned.npy, .npz or .safetensors; needed \
      for other model files]
      """,
    completion: .file())
  var output: String?

  @Flag(help: "Go on with a pruning run that was stopped: the checkpoint is the one it left.")
  var resume = false

  func validate() throws {
    try check("--epochs", epochs, in: TrainingSettings.allowedEpochs)
    try check("--max-weights", maxWeights, in: OptionRange.weights)
    try check("--at", at, in: OptionRange.steps)
    if model.groups.isTyped {
      try refuse(
        [
          ("--sparsity", schedule.sparsity != nil), ("--at", at != nil),
          ("--block", granularity.block != nil),
        ], "has no effect beside --pattern and --window, which decide themselves")
    }
    if oneShot.method != nil {
      try refuse(
        schedule.typed + [("--at", at != nil), ("--epochs", epochs != nil)]
          + training.typed.filter { $0.name != "--threads" } + quantization.typed + data.typed,
        "has no effect beside --method, which prunes at once")
      try refuse([("--budget", budget != nil)], "is for training: beside --method, --allocation")
      try refuse([("--max-weights", maxWeights != nil)], "is not for --method: give --sparsity")
      try refuse(
        [("--pool", granularity.pool != nil)], "has no effect beside --method: costs are added up")
      try refuse(
        [("--sparse", model.sparse), ("--compat", model.compat != nil)], "is not for --method")
      if oneShot.latency != nil {
        try refuse(
          [
            ("--sparsity", schedule.sparsity != nil), ("--block", granularity.block != nil),
            ("--resume", resume),
          ] + model.groups.typed, "has no effect beside --latency, which chooses itself")
      }
      if model.groups.isTyped || granularity.block != nil {
        try refuse(
          [("--structure", oneShot.structure != nil)],
          "has no effect beside --pattern, --window and --block")
      }
    }
  }

  func run() throws {
    let input = try inputPath(checkpoint)
    let file = try ModelFile(contentsOf: input)
    if let method = oneShot.method { return try pruneAtOnce(method, file) }
    let isCheckpoint = file.format == .lacuna && file.metadata["kind"] == "lacuna checkpoint"
    if !isCheckpoint { return try pruneModel(file) }
    try refuse(model.typed, "is for model files: a checkpoint is fine-tuned while it is pruned")
    try refuse([("--at", at != nil)], "is for files that are pruned at once, not a checkpoint")
    let output = output ?? "pruned.lacuna"
    try checkWritable(output)
    let start = try Checkpoint(contentsOf: checkpoint)
    let (train, test) = try data.load()
    let settings = training.settings(
      epochs: epochs ?? 3, quantization: quantization.settings)
    let steps = settings.totalSteps(samples: train.count)
    let recipe = PruningSettings(
      schedule: try schedule.schedule(steps: steps), granularity: granularity.granularity,
      budget: budget ?? .uniform, parameterLimit: maxWeights, rules: granularity.rules,
      plannedSteps: steps)
    let model = try start.makeModel(threads: training.threads)
    try granularity.check(model)
    let trainer: Trainer
    if resume {
      guard start.settings == settings, start.pruning != nil else {
        throw Failure(
          .usage, "\(checkpoint) is not of a pruning run with these options: give the same ones")
      }
      trainer = try start.resume(data: train, pruning: recipe, threads: training.threads)
    } else {
      trainer = try Trainer(
        try PrunedModel(model, settings: recipe), data: train, settings: settings)
    }
    let result = try TrainingRun(
      trainer, test: test, output: output, title: "prune", common: common,
      wayOn: CommandText.resuming(prune: output, insteadOf: checkpoint))
    try common.show(result) { result.text }
  }

  /// The file to write, where nothing is trained.
  private func output(for file: ModelFile) throws -> String {
    let hasUsualName = [.lacuna, .npy, .npz, .safetensors].contains(file.format)
    guard let output = output ?? (hasUsualName ? "pruned.\(file.format.rawValue)" : nil) else {
      throw Failure(.usage, "give the file to write: --output")
    }
    let isSciPy = file.format == .scipy && output.hasSuffix(".npz")
    if let format = ModelFormat(nameOf: output), format != file.format, !isSciPy {
      throw Failure(
        .usage,
        "\(output.printable()) is a name for \(format.rawValue), and what is pruned stays "
          + "\(file.format.rawValue): convert it afterwards")
    }
    return output
  }

  /// The weights of a model file, in place of a checkpoint.
  private func pruneModel(_ file: ModelFile) throws {
    let output = try output(for: file)
    try checkWritable(outputPath(output))
    try refuse(
      [("--epochs", epochs != nil), ("--resume", resume)] + training.typed + quantization.typed
        + data.typed,
      "is for checkpoints: nothing is trained when \(file.format.rawValue) is pruned")
    let pruning = model.pruning(
      sparsity: try sparsityAtOnce(), granularity: granularity, budget: budget ?? .uniform,
      limit: maxWeights)
    let facts = try ModelPruneRun(file: file, output: output, pruning: pruning, common: common)
      .run()
    try common.show(facts, besides: output) { facts.text }
  }

  /// What the schedule says at `--at`, or at its end.
  private func sparsityAtOnce() throws -> Double {
    guard let at else {
      try refuse(
        schedule.typed, "needs --at, a step of the schedule: weights go at once, to --sparsity")
      return schedule.final
    }
    try refuse(
      [("--frequency", schedule.frequency != nil)],
      "has no effect beside --at: the curve is asked, not its updates")
    if schedule.schedule == .constant {
      try refuse(
        [("--at", true)], "has no effect beside --schedule constant, which is the same everywhere")
    }
    guard let end = schedule.end else {
      throw Failure(.usage, "--at \(at) is a place between --begin and --end: give --end as well")
    }
    return try schedule.schedule(steps: end).sparsity(at: at)
  }

  /// The weights of a model file or the layers of a network, from calibration inputs.
  private func pruneAtOnce(_ method: OneShotMethodName, _ file: ModelFile) throws {
    let output = try output(for: file)
    try OneShotRun(
      file: file, output: output, method: method, options: oneShot,
      settings: oneShot.settings(
        method, sparsity: schedule.final, granularity: granularity, groups: model.groups),
      included: model.include, excluded: granularity.exclude, resume: resume,
      threads: training.threads, common: common
    ).run()
  }
}

extension Budget: ExpressibleByArgument {
  public init?(argument: String) {
    self.init(
      rawValue: argument == "erdos-renyi" || argument == "erk" ? "erdosRenyi" : argument)
  }
}
