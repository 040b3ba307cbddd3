// The phases of a task: dense from random weights, then pruned from the dense ones or from those of the phase before.

import Lacuna

struct ResultsRun {
  let name: ResultsName
  let task: ResultsTask
  let seed: UInt64
  let threads: Int
  /// Seconds of timed runs for each network.
  let time: Double
  /// Where each phase leaves its network.
  let saved: SavedNetworks?

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

  /// As many epochs as the longest pruned phase has, without masks.
  func further(from weights: [String: [Float]]) throws -> ResultsRow {
    let model = try model(weights)
    let epochs = task.mostPrunedEpochs
    let seconds = try train(
      model, epochs: epochs, rate: task.rate * task.furtherRate, "dense, further")
    return try measured(
      model, phase: "further", sparsity: 0, .element, epochs: epochs, zeros: 0, seconds)
  }

  /// - Parameter initial: the sparsity that the masks begin with.
  func pruned(
    from weights: [String: [Float]], initial: Double, to sparsity: Double, _ block: BlockSize
  ) throws -> (row: ResultsRow, weights: [String: [Float]]) {
    let model = try model(weights)
    let epochs = task.epochs(to: sparsity)
    let steps = TrainingSettings(epochs: epochs, batchSize: task.batch).totalSteps(
      samples: task.training.count)
    let settings = PruningSettings(
      schedule: try schedule(initial: initial, to: sparsity, steps: steps),
      granularity: block == .element ? .element : .block(block), budget: task.budget,
      rules: task.rules)
    let pruned = try PrunedModel(model, settings: settings)
    let seconds = try train(
      pruned, epochs: epochs, rate: task.rate * task.furtherRate,
      "\(Numeral.percent(sparsity)) in \(block)")
    let row = try measured(
      model, phase: "pruned", sparsity: sparsity, block, epochs: epochs, zeros: pruned.sparsity,
      seconds)
    return (row, model.weights)
  }

  private func schedule(
    initial: Double, to sparsity: Double, steps: Int
  ) throws -> any PruningSchedule {
    switch task.schedule {
    case .ramp:
      let end = max(1, Int(Double(steps) * task.ramp))
      return try PolynomialDecay(
        initial: initial, final: sparsity, begin: 1, end: end,
        frequency: max(1, end / Self.updates))
    case .acdc:
      let eighth = steps / 8
      if eighth == 0 {
        throw Failure(.usage, "--schedule acdc: a phase of \(steps) steps has no eighths")
      }
      return try PiecewiseSparsity.alternating(
        sparsity, begin: 1, phase: eighth, last: 1 + 6 * eighth)
    }
  }

  private func model(_ weights: [String: [Float]]) throws -> SequentialModel {
    let model = try SequentialModel(task.architecture, seed: seed, threads: threads)
    try model.setWeights(weights)
    return model
  }

  private func train(
    _ model: any Trainable, epochs: Int, rate: Float, _ what: String
  ) throws -> Double {
    let trainer = try Trainer(
      model, data: task.training,
      settings: TrainingSettings(
        epochs: epochs, batchSize: task.batch,
        learningRate: .cosine(initial: rate, finalFraction: 0.02), seed: seed,
        gradientNorm: task.gradientNorm, labelSmoothing: task.labelSmoothing))
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
    try saved?.save(stored, name, phase: phase, sparsity: sparsity, block)
    let scores = try scores(model, stored)
    return ResultsRow(
      task: name, phase: phase, sparsity: sparsity, block: block, budget: task.budget,
      start: task.start, schedule: task.schedule, epochs: epochs,
      measure: task.measure, validation: scores.validation, test: scores.test, zeros: zeros,
      parameters: model.parameterCount, bytes: try stored.file.encoded().count,
      timings: try task.timings(stored, seconds: time), trainingSeconds: seconds, seed: seed)
  }

  /// What is deployed is what is tested: the file's weights in sparse plans.
  private func scores(
    _ model: SequentialModel, _ stored: CompressedModel
  ) throws -> (validation: Double, test: Double) {
    let score: (Evaluation) -> Double
    switch task.measure {
    case .accuracy: score = \.accuracy
    case .perplexity: score = { exp($0.loss) }
    case .phonemeErrors(let words):
      let translator = try Translator(stored, batch: SpokenWords.wideBatch)
      return (
        try SpokenWords.errorRate(words.validation, translator),
        try SpokenWords.errorRate(words.test, translator)
      )
    }
    let network = try SparseNetwork(stored, batch: 64)
    return (
      score(try model.evaluate(task.validation)), score(try network.evaluate(task.test))
    )
  }
}
