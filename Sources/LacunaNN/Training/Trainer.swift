// for each step: next mini-batch → masks → rounding → forward → loss → backward → optimiser → masks.

import LacunaFormats

/// A training loop over a data set: it can stop after any step, be saved, and go on bit for bit.
///
/// Belongs to one task or thread at a time, with its model: neither is `Sendable`.
public final class Trainer {
  /// What is trained.
  public let model: any Trainable
  /// The training set.
  public let data: any LabelledSamples
  /// The settings of the run.
  public let settings: TrainingSettings
  /// Moves the parameters after each step.
  public let optimiser: Optimiser
  /// Steps done.
  public internal(set) var step = 0
  /// Steps of an epoch: mini-batches that it takes to see every sample once.
  public let stepsPerEpoch: Int
  /// Steps of the whole run.
  public let totalSteps: Int
  /// What is odd about this run: nothing is printed, a program may.
  public let warnings: [TrainingWarning]
  /// Sums of this epoch so far.
  var epochLoss = 0.0
  var epochCorrect = 0
  var epochLabels = 0
  private let quantizedStep: QuantizedStep?
  private var order: (epoch: Int, indices: [Int32]) = (-1, [])

  /// A run over `data` from its first step on, or from the one after `done`.
  ///
  /// - Parameter done: Steps of this run that were taken before it was stopped.
  /// - Throws: ``ModelError`` when the data do not fit the network, a setting is out of range, or a model
  ///   that is to be pruned has a schedule that cannot fire within the steps of this run.
  public init(
    _ model: any Trainable, data: any LabelledSamples, settings: TrainingSettings, done: Int = 0
  ) throws(ModelError) {
    try settings.validate()
    let network = model.network
    try data.check(input: network.inputShape, output: network.outputShape)
    if data.count == 0 { throw .dataMismatch(what: "samples", expected: 1, found: 0) }
    (self.model, self.data, self.settings) = (model, data, settings)
    optimiser = Optimiser(settings.optimiser, network.parameters)
    stepsPerEpoch = settings.stepsPerEpoch(samples: data.count)
    totalSteps = settings.totalSteps(samples: data.count)
    if let quantization = settings.quantization {
      if model is CodebookModel {
        throw .invalidSetting(
          name: "quantization", reason: "is for weights that are not on few values already")
      }
      quantizedStep = try QuantizedStep(quantization, network, steps: totalSteps)
    } else {
      quantizedStep = nil
      network.roundInputs([:])
    }
    warnings = try model.willTrain(steps: max(0, totalSteps - max(0, done)))
  }

  /// The ranges of what layers read, as ``QuantizationSettings/roundsActivations`` has found them so far, by the name
  /// of the layer; empty without it, and before the first step.
  public internal(set) var activationRanges: [String: ActivationBounds] {
    get { quantizedStep?.ranges ?? [:] }
    set { quantizedStep?.ranges = newValue }
  }

  /// Whether all steps are done.
  public var isFinished: Bool { step >= totalSteps }

  /// Trains to `last` steps in total (by default all) or until `cancellation` is raised.
  ///
  /// - Parameter onStep: called after each step, on the calling thread.
  /// - Throws: ``ModelError/diverged(step:)`` when the loss is not finite, and what the pruner
  ///   throws.
  @discardableResult
  public func run(
    until last: Int? = nil, cancellation: CancellationFlag? = nil,
    onStep: (TrainingProgress) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    let end = min(last ?? totalSteps, totalSteps)
    while step < end {
      if cancellation?.isCancelled == true { return .cancelled }
      onStep(try takeStep())
    }
    return .finished
  }

  private func takeStep() throws -> TrainingProgress {
    let (epoch, position) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    if position == 0 { (epochLoss, epochCorrect, epochLabels) = (0, 0, 0) }
    let network = model.network
    let labels = loadBatch(epoch: epoch, position: position)
    let count = labels.count / data.labelsPerSample
    let random = RandomStream(seed: settings.seed, 2, UInt64(step))

    try model.willStep()
    quantizedStep?.begin(step: step + 1)
    network.forward(batch: count, training: true, random: random)
    let (lossSum, correct, answers) = SoftmaxCrossEntropy.evaluate(
      logits: network.output, labels: labels, classes: data.classes, ignoring: data.ignoredLabel,
      smoothing: settings.labelSmoothing ?? 0, gradient: network.outputGradient,
      threads: network.workers)
    guard lossSum.isFinite else {
      quantizedStep?.end()
      throw ModelError.diverged(step: step + 1)
    }
    network.backward(batch: count, random: random)
    quantizedStep?.end()
    try quantizedStep?.moveRanges(batch: count)
    if let most = settings.gradientNorm { network.clipGradients(norm: most) }
    try model.didComputeGradients()
    let rate = settings.learningRate.value(at: step, of: totalSteps)
    optimiser.apply(learningRate: rate, network.workers)
    model.didStep()

    step += 1
    if isFinished { quantizedStep?.finish() }
    epochLoss += lossSum
    epochCorrect += correct
    epochLabels += answers
    return TrainingProgress(
      step: step, totalSteps: totalSteps, epoch: epoch, epochs: settings.epochs,
      loss: epochLoss / Double(max(epochLabels, 1)),
      accuracy: Double(epochCorrect) / Double(max(epochLabels, 1)),
      batchLoss: lossSum / Double(max(answers, 1)),
      sparsity: model.sparsity, learningRate: rate, endsEpoch: position == stepsPerEpoch - 1)
  }

  /// Puts the mini-batch into the network's input and returns its labels.
  private func loadBatch(epoch: Int, position: Int) -> [UInt16] {
    if order.epoch != epoch {
      var random = RandomStream(seed: settings.seed, 1, UInt64(epoch))
      order = (epoch, random.permutation(data.count))
    }
    let first = position * settings.batchSize
    let indices = order.indices[first..<min(first + settings.batchSize, data.count)]
    let input = model.network.input(batch: indices.count)
    let (data, n) = (data, data.shape.count)
    model.network.workers.split(indices.count, parts: 8) { range in
      for i in range { data.write(Int(indices[first + i]), to: input + i * n) }
    }
    return indices.flatMap { data.labels(of: Int($0)) }
  }
}

extension SequentialModel {
  /// Logits of `count` samples starting at `first`: `[count, outputShape.count]` floats in
  /// inference mode.
  package func predict(
    _ data: some LabelledSamples, first: Int, count: Int
  ) -> UnsafeMutablePointer<Float> {
    let input = input(batch: count)
    let n = data.shape.count
    workers.split(count, parts: 8) { range in
      for i in range { data.write(first + i, to: input + i * n) }
    }
    forward(batch: count, training: false, random: RandomStream(seed: 0))
    return output
  }

  /// Accuracy and loss over a data set, in inference mode.
  ///
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` when the data do not fit the network,
  ///   ``ModelError/invalidSetting(name:reason:)`` for a batch size outside
  ///   ``TrainingSettings/batchSizes``.
  public func evaluate(
    _ data: some LabelledSamples, batchSize: Int = 128
  ) throws(ModelError) -> Evaluation {
    try TrainingSettings.check(batchSize, "batch size", in: TrainingSettings.batchSizes)
    try data.check(input: inputShape, output: outputShape)
    return Evaluation(data, batch: batchSize) { predict(data, first: $0, count: $1) }
  }
}

extension Evaluation {
  /// Adds up over a data set what `logits(first, count)` gives for some samples.
  init(
    _ data: some LabelledSamples, batch: Int,
    logits: (_ first: Int, _ count: Int) -> UnsafeMutablePointer<Float>
  ) {
    let (total, perSample) = (data.count, data.labelsPerSample)
    var (loss, correct, labels) = (0.0, 0, 0)
    for first in stride(from: 0, to: total, by: batch) {
      let count = min(batch, total - first)
      let part = SoftmaxCrossEntropy.evaluate(
        logits: logits(first, count),
        labels: Array(data.labels[first * perSample..<(first + count) * perSample]),
        classes: data.classes, ignoring: data.ignoredLabel)
      loss += part.lossSum
      correct += part.correct
      labels += part.count
    }
    self.init(
      accuracy: Double(correct) / Double(max(labels, 1)), loss: loss / Double(max(labels, 1)),
      count: labels)
  }
}
