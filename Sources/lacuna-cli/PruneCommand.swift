// `lacuna prune CHECKPOINT`: removes weights on a schedule while the network is fine-tuned.

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
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "Schedule") var schedule: ScheduleOptions
  @OptionGroup(title: "What is pruned") var granularity: GranularityOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Data") var data: DataOptions

  @Argument(help: "The checkpoint to start from.", completion: .file(extensions: ["lacuna"]))
  var checkpoint: String

  @Option(help: "Passes over the training images.")
  var epochs = 3

  @Option(name: .shortAndLong, help: "The checkpoint to write.", completion: .file())
  var output = "pruned.lacuna"

  @Flag(help: "Go on with a pruning run that was stopped: the checkpoint is the one it left.")
  var resume = false

  func run() throws {
    try checkWritable(output)
    let start = try Checkpoint(contentsOf: checkpoint)
    let (train, test) = try data.load()
    let settings = try training.settings(epochs: epochs)
    let steps = settings.totalSteps(samples: train.count)
    let recipe = PruningSettings(
      schedule: try schedule.schedule(steps: steps), granularity: granularity.granularity,
      rules: granularity.rules, plannedSteps: steps)
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
      trainer, test: test, output: output, title: "prune", common: common)
    try common.show(result) { result.text }
  }
}
