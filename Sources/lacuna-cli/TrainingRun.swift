// A training run from start to end: progress, checkpoints on the way, what Ctrl-C leaves, the result.

import Lacuna

/// What a finished run reports.
struct TrainingRun: Encodable {
  var output: String
  var architecture: String
  var parameters: Int
  var steps: Int
  var epochs: Int
  /// Over the last epoch, in training mode.
  var trainingLoss: Double
  var trainingAccuracy: Double
  var testLoss: Double
  var testAccuracy: Double
  var testImages: Int
  var sparsity: Double
  var seconds: Double
  var pruning: PruningReport?

  /// Runs `trainer` to its end and writes `output`.
  ///
  /// - Throws: ``Failure`` with exit code 130 after an interruption, when the checkpoint is written.
  init(
    _ trainer: Trainer, test: ImageDataset, output: String, title: String, common: CommonOptions,
    onStep: (TrainingProgress) -> Void = { _ in }
  ) throws {
    let start = ContinuousClock.now
    let interruption = Interruption.caught()
    var bar = common.progressBar(total: trainer.totalSteps, title: title)
    var last: TrainingProgress?
    // One epoch at a time, so that a crash or a power cut costs at most one.
    while !trainer.isFinished {
      let epochEnd = (trainer.step / trainer.stepsPerEpoch + 1) * trainer.stepsPerEpoch
      let outcome: TrainingOutcome
      do {
        outcome = try trainer.run(until: epochEnd, cancellation: interruption) { progress in
          bar.update(step: progress.step, detail: progress.line)
          last = progress
          onStep(progress)
        }
      } catch {
        bar.finish()
        throw error
      }
      if outcome == .cancelled || trainer.isFinished { break }
      try Checkpoint(trainer).write(to: output)
    }
    bar.finish()
    try Checkpoint(trainer).write(to: output)
    if !trainer.isFinished {
      throw Failure(
        .interrupted,
        "stopped after step \(trainer.step) of \(trainer.totalSteps); go on with --resume \(output)"
      )
    }

    let network = trainer.model.network
    let evaluation = try network.evaluate(test)
    let pruned = trainer.model as? PrunedModel
    self.output = output
    architecture = network.architecture.summary
    parameters = network.parameterCount
    steps = trainer.totalSteps
    epochs = trainer.settings.epochs
    trainingLoss = last?.loss ?? .nan
    trainingAccuracy = last?.accuracy ?? .nan
    testLoss = evaluation.loss
    testAccuracy = evaluation.accuracy
    testImages = evaluation.count
    sparsity = pruned?.sparsity ?? 0
    seconds = (ContinuousClock.now - start) / .seconds(1)
    pruning = pruned?.report
  }

  var text: String {
    var lines: [String] = []
    if let pruning {
      var table = TextTable(
        ["tensor", "shape", "weights", "kept", "sparsity", "threshold", "note"], leading: [0, 1, 6])
      for tensor in pruning.tensors {
        table.append([
          tensor.name, "\(tensor.rows)×\(tensor.columns)", "\(tensor.weights)", "\(tensor.kept)",
          Numeral.percent(tensor.sparsity), tensor.threshold.map { "\($0)" } ?? "",
          tensor.skipped?.rawValue ?? "",
        ])
      }
      lines += [table.rendered(), ""]
    }
    lines.append(
      "accuracy \(Numeral.percent(testAccuracy, digits: 2)) on \(testImages) test images, "
        + "loss \(Numeral.fixed(testLoss, digits: 4))"
        + (pruning == nil ? "" : ", sparsity \(Numeral.percent(sparsity, digits: 2))"))
    lines.append(
      "\(steps) steps in \(Numeral.clock(seconds: seconds)); \(parameters) parameters in \(output)")
    return lines.joined(separator: "\n")
  }
}

extension TrainingProgress {
  /// Loss, accuracy and, while something is pruned, sparsity.
  fileprivate var line: String {
    var parts = [
      "epoch \(epoch + 1)/\(epochs)", "loss \(Numeral.fixed(loss, digits: 3))",
      "accuracy \(Numeral.percent(accuracy))",
    ]
    if sparsity > 0 { parts.append("sparsity \(Numeral.percent(sparsity))") }
    return parts.joined(separator: "  ")
  }
}

/// Fails before hours of work when the folder of `path` cannot take a new file.
///
/// - Throws: ``Failure`` with exit code 74.
func checkWritable(_ path: String) throws(Failure) {
  let url = URL(fileURLWithPath: path)
  var status = stat()
  if stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR {
    throw Failure(.inputOutput, "\(path): is a folder")
  }
  let folder = url.deletingLastPathComponent().path
  guard access(folder, W_OK | X_OK) == 0 else {
    throw Failure(
      .inputOutput, "\(path): cannot write into \(folder): \(String(cString: strerror(errno)))")
  }
}
