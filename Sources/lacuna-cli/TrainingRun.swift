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
  /// Zeros over all weights of the tensors that are pruned or put on few values; 0 when none is.
  var sparsity: Double
  /// The share of those weights that masks drop.
  var masked: Double
  var seconds: Double
  var pruning: PruningReport?
  /// What was odd about the run.
  var warnings: [String]

  /// Runs `trainer` to its end and writes `output`.
  ///
  /// - Parameter wayOn: what to do after an interruption, a command to be typed at its end.
  /// - Throws: ``Failure`` with exit code 130 after an interruption, when the checkpoint is written.
  init(
    _ trainer: Trainer, test: ImageDataset, output: String, title: String, common: CommonOptions,
    wayOn: String, onStep: (TrainingProgress) -> Void = { _ in }
  ) throws {
    warnings = trainer.warnings.map(\.description)
    for warning in warnings { Console.standardError("lacuna: warning: \(warning)") }
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
        "stopped after step \(trainer.step) of \(trainer.totalSteps); \(wayOn)")
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
    seconds = (ContinuousClock.now - start) / .seconds(1)
    pruning = pruned?.report
    let tensors = (pruning?.tensors ?? []).filter { $0.skipped == nil }
    let weights = Double(max(tensors.reduce(0) { $0 + $1.weights }, 1))
    sparsity =
      pruned == nil
      ? trainer.model.sparsity : Double(tensors.reduce(0) { $0 + ($1.zeros ?? 0) }) / weights
    masked = Double(tensors.reduce(0) { $0 + $1.weights - $1.kept }) / weights
  }

  var text: String {
    var lines: [String] = []
    if let pruning {
      var table = TextTable(
        ["tensor", "shape", "weights", "kept", "masked", "zeros", "threshold", "note"],
        leading: [0, 1, 7])
      for tensor in pruning.tensors {
        table.append([
          tensor.name, "\(tensor.rows)×\(tensor.columns)", "\(tensor.weights)", "\(tensor.kept)",
          Numeral.percent(tensor.sparsity), Numeral.percent(tensor.zeroShare),
          tensor.threshold.map { Numeral.short($0) } ?? "", tensor.skipped?.rawValue ?? "",
        ])
      }
      lines += [table.rendered(), ""]
    }
    lines.append(
      "accuracy \(Numeral.percent(testAccuracy, digits: 2)) on \(testImages) test images, "
        + "loss \(Numeral.fixed(testLoss, digits: 4))"
        + (pruning == nil
          ? sparsity == 0 ? "" : ", zeros \(Numeral.percent(sparsity, digits: 2)) of the kernels"
          : ", zeros \(Numeral.percent(sparsity, digits: 2)) of the pruned tensors, "
            + "masked \(Numeral.percent(masked, digits: 2))"))
    lines.append(
      "\(steps) steps in \(Numeral.clock(seconds: seconds)); \(parameters) parameters in "
        + output.printable())
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

extension TensorReport {
  /// Zeros over all weights, 0 for an empty tensor.
  var zeroShare: Double { weights == 0 ? 0 : Double(zeros ?? 0) / Double(weights) }
}

/// Fails when a folder of this path neither exists nor can be made.
///
/// - Throws: ``Failure`` with exit code 74.
func checkCanMake(folder path: String) throws(Failure) {
  var url = URL(fileURLWithPath: path)
  var status = stat()
  // The nearest folder above that exists has to take a new one.
  while stat(url.path, &status) != 0, url.path != "/" { url.deleteLastPathComponent() }
  if status.st_mode & S_IFMT != S_IFDIR {
    throw Failure(.inputOutput, "\(path): \(url.path) is no folder")
  }
  if access(url.path, W_OK | X_OK) != 0 {
    throw Failure(
      .inputOutput,
      "\(path): cannot write into \(url.path): \(String(cString: strerror(errno)))")
  }
}

/// Fails before hours of work when the folder of `path` cannot take a new file.
///
/// - Throws: ``Failure`` with exit code 74.
func checkWritable(_ path: String) throws(Failure) {
  if path == AtomicFile.standardOutput { return }
  let url = URL(fileURLWithPath: path)
  var status = stat()
  if PathText.withCString(path, { stat($0, &status) }) == 0 && status.st_mode & S_IFMT == S_IFDIR {
    throw Failure(.inputOutput, "\(path): is a folder")
  }
  let folder = url.deletingLastPathComponent().path
  guard PathText.withCString(folder, { access($0, W_OK | X_OK) }) == 0 else {
    throw Failure(
      .inputOutput, "\(path): cannot write into \(folder): \(String(cString: strerror(errno)))")
  }
}
