// The phases of a task: dense from random weights, then pruned from the dense ones.

import Lacuna

struct ResultsRun {
  let name: ResultsName
  let task: ResultsTask
  let seed: UInt64
  let threads: Int
  /// Seconds of timed runs for each network.
  let time: Double

  /// Share of a pruned phase's steps until its last sparsity is reached.
  private static let ramp = 0.66
  /// Mask updates of a ramp.
  private static let updates = 24

  var summary: String {
    "\(name.rawValue): \(task.architecture.summary); "
      + "\(task.training.count) samples to train on, \(task.validation.count) to choose by, "
      + "\(task.test.count) to test with"
  }

  func dense() throws -> (row: ResultsRow, weights: [String: [Float]]) {
    let model = try SequentialModel(task.architecture, seed: seed, threads: threads)
    let seconds = try train(model, epochs: task.denseEpochs, rate: task.rate, "dense")
    let row = try measured(
      model, phase: "dense", sparsity: 0, .element, epochs: task.denseEpochs, zeros: 0, seconds)
    return (row, model.weights)
  }

  func pruned(
    from weights: [String: [Float]], to sparsity: Double, _ block: BlockSize
  ) throws -> ResultsRow {
    let model = try SequentialModel(task.architecture, seed: seed, threads: threads)
    try model.setWeights(weights)
    let epochs = task.prunedEpochs
    if sparsity == 0 {
      let seconds = try train(
        model, epochs: epochs, rate: task.rate * task.furtherRate, "dense, further")
      return try measured(
        model, phase: "further", sparsity: 0, block, epochs: epochs, zeros: 0, seconds)
    }
    let steps = TrainingSettings(epochs: epochs, batchSize: task.batch).totalSteps(
      samples: task.training.count)
    let end = max(1, Int(Double(steps) * Self.ramp))
    let settings = PruningSettings(
      schedule: try PolynomialDecay(
        initial: sparsity / 3, final: sparsity, begin: 1, end: end,
        frequency: max(1, end / Self.updates)),
      granularity: block == .element ? .element : .block(block), budget: task.budget,
      rules: task.rules)
    let pruned = try PrunedModel(model, settings: settings)
    let seconds = try train(
      pruned, epochs: epochs, rate: task.rate * task.furtherRate,
      "\(Numeral.percent(sparsity)) in \(block)")
    return try measured(
      model, phase: "pruned", sparsity: sparsity, block, epochs: epochs, zeros: pruned.sparsity,
      seconds)
  }

  private func train(
    _ model: any Trainable, epochs: Int, rate: Float, _ what: String
  ) throws -> Double {
    let trainer = try Trainer(
      model, data: task.training,
      settings: TrainingSettings(
        epochs: epochs, batchSize: task.batch,
        learningRate: .cosine(initial: rate, finalFraction: 0.02), seed: seed,
        gradientNorm: task.gradientNorm))
    let clock = ContinuousClock()
    let start = clock.now
    try trainer.run { progress in
      if progress.endsEpoch {
        Console.standardError(
          "\(what): epoch \(progress.epoch + 1) of \(epochs), loss "
            + "\(Numeral.fixed(progress.loss, digits: 4)), "
            + "\(Numeral.duration(seconds: (clock.now - start).seconds))")
      }
    }
    return (clock.now - start).seconds
  }

  private func measured(
    _ model: SequentialModel, phase: String, sparsity: Double, _ block: BlockSize, epochs: Int,
    zeros: Double, _ seconds: Double
  ) throws -> ResultsRow {
    let stored = try CompressedModel(
      model, form: sparsity == 0 ? .dense : .sparse, block: block)
    // What is deployed is what is tested: the file's weights in sparse plans.
    let network = try SparseNetwork(stored, batch: 64)
    return ResultsRow(
      task: name, phase: phase, sparsity: sparsity, block: block, budget: task.budget,
      epochs: epochs,
      measure: task.measure, validation: task.measure(try model.evaluate(task.validation)),
      test: task.measure(try network.evaluate(task.test)), zeros: zeros,
      parameters: model.parameterCount, bytes: try stored.file.encoded().count,
      timing: try InferenceTiming.measure(stored, batch: task.timedBatch, seconds: time),
      trainingSeconds: seconds, seed: seed)
  }
}
