// A training run on disk: weights, moments, masks, counters. What resumes from it goes on bit for bit.

import LacunaFormats
import LacunaIO
import LacunaPruning

/// The whole state of a training run after a step.
///
/// Random numbers are functions of the seed and the step, and so is the order of the samples: the
/// step is their state.
public struct Checkpoint: Sendable, Equatable {
  /// What the network is built from.
  public let architecture: Architecture
  /// The settings of the run.
  public let settings: TrainingSettings
  /// How far the run is.
  public let progress: Progress
  /// All tensors, by name.
  public let weights: [String: [Float]]
  /// The optimiser's moments of each trainable tensor, by name.
  let moments: [String: [[Float]]]
  /// The masks of a run that prunes, by tensor name; nil when it does not.
  public let pruning: Pruning?
  /// The ranges of activations of a run that learns them, by the name of the layer (``Trainer/activationRanges``).
  public let activationRanges: [String: ActivationBounds]

  /// Counters of a run.
  public struct Progress: Codable, Hashable, Sendable {
    /// Steps done.
    public var step: Int
    /// Samples in the training set; the order of samples depends on it.
    public var samples: Int
    var optimiserStep: Int
    /// Sums over the current epoch, the loss as the bits of a `Double`.
    var epochLoss: UInt64
    var epochCorrect: Int
    /// Answers so far: of one sample as many as the network has results for it.
    var epochLabels: Int

    // The key is that of files from before there was more than one answer to a sample.
    private enum CodingKeys: String, CodingKey {
      case step, samples, optimiserStep, epochLoss, epochCorrect
      case epochLabels = "epochSamples"
    }

    /// Mean loss of the current epoch so far; nil before its first step.
    public var loss: Double? {
      epochLabels > 0 ? Double(bitPattern: epochLoss) / Double(epochLabels) : nil
    }
    /// The share of right answers of the current epoch so far; nil before its first step.
    public var accuracy: Double? {
      epochLabels > 0 ? Double(epochCorrect) / Double(epochLabels) : nil
    }
  }

  /// The state of a pruner.
  public struct Pruning: Equatable, Sendable {
    /// What the pruner goes on from beside its masks.
    public let state: PrunerState
    /// The mask of each pruned tensor, by name.
    public let masks: [String: BitMask]
    /// The recipe in words, which a run that goes on has to repeat; nil in files of before.
    public let recipe: String?
  }

  /// The state of `trainer` now: a copy.
  public init(_ trainer: Trainer) {
    let network = trainer.model.network
    architecture = network.architecture
    settings = trainer.settings
    progress = Progress(
      step: trainer.step, samples: trainer.data.count, optimiserStep: trainer.optimiser.step,
      epochLoss: trainer.epochLoss.bitPattern, epochCorrect: trainer.epochCorrect,
      epochLabels: trainer.epochLabels)
    weights = network.weights
    moments = trainer.optimiser.state
    pruning = (trainer.model as? PrunedModel).map {
      Pruning(
        state: $0.pruner.state, masks: $0.pruner.masks, recipe: $0.pruner.settings.recipe)
    }
    activationRanges = trainer.activationRanges
  }

  /// A network with the checkpoint's weights.
  ///
  /// - Throws: ``ModelError`` when weights and architecture disagree or a weight is not finite.
  public func makeModel(threads: Int? = nil) throws(ModelError) -> SequentialModel {
    let model = try SequentialModel(architecture, threads: threads)
    try model.setWeights(weights)
    return model
  }

  /// The run, ready to go on.
  ///
  /// - Parameters:
  ///   - data: the same training set.
  ///   - pruning: the recipe of a run that prunes.
  /// - Throws: ``ModelError`` when data, architecture, weights, masks or recipe disagree.
  public func resume(
    data: any LabelledSamples, pruning settings: PruningSettings? = nil, threads: Int? = nil
  ) throws(ModelError) -> Trainer {
    if data.count != progress.samples {
      throw .dataMismatch(
        what: "training samples", expected: progress.samples, found: data.count)
    }
    if let settings, let recipe = pruning?.recipe, recipe != settings.recipe {
      throw .recipeMismatch(expected: recipe, found: settings.recipe)
    }
    let model = try makeModel(threads: threads)
    var trainable: any Trainable = model
    if let settings {
      do throws(PruningError) {
        trainable = try PrunedModel(
          model, settings: settings, resuming: pruning?.state ?? PrunerState(),
          masks: pruning?.masks ?? [:])
      } catch { throw .pruning(error) }
    }
    let trainer = try Trainer(trainable, data: data, settings: self.settings, done: progress.step)
    try trainer.restore(progress)
    try trainer.optimiser.restore(moments, step: progress.optimiserStep)
    trainer.activationRanges = activationRanges
    return trainer
  }

  /// Checks that the checkpoint is one of that network, whatever its name.
  ///
  /// - Throws: ``ModelError/architectureMismatch(expected:found:)`` unless the network is that one.
  public func check(architecture expected: Architecture) throws(ModelError) {
    if !architecture.isSameNetwork(as: expected) {
      throw .architectureMismatch(expected: expected.summary, found: architecture.summary)
    }
  }
}

extension Trainer {
  func restore(_ progress: Checkpoint.Progress) throws(ModelError) {
    for (name, value, most) in [
      ("step", progress.step, totalSteps), ("optimiser step", progress.optimiserStep, totalSteps),
      ("answers of the epoch", progress.epochLabels, data.labels.count),
      ("right answers of the epoch", progress.epochCorrect, progress.epochLabels),
    ] where value < 0 || value > most {
      throw .metadata(key: "progress", reason: "\(name) \(value) is not in 0...\(most)")
    }
    step = progress.step
    epochLoss = Double(bitPattern: progress.epochLoss)
    (epochCorrect, epochLabels) = (progress.epochCorrect, progress.epochLabels)
  }
}

extension PruningSettings {
  /// The recipe in words, as checkpoints keep it. What did not exist when a run began is not named where it is not set.
  fileprivate var recipe: String { "\(self)".replacing(", keepsDiagonal: nil", with: "") }
}
