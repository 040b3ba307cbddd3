// What a training loop tells while it runs, and how it is asked to stop.

import Synchronization

/// The state of a run after a step.
public struct TrainingProgress: Sendable {
  /// Steps done, the first step being 1, of ``totalSteps``.
  public let step: Int
  /// Steps of the whole run.
  public let totalSteps: Int
  /// The epoch of this step, counted from 0, of ``epochs``.
  public let epoch: Int
  /// Epochs of the whole run.
  public let epochs: Int
  /// Mean loss of the training samples of this epoch so far.
  public let loss: Double
  /// The share of right answers among the training samples of this epoch so far.
  public let accuracy: Double
  /// Mean loss of this step's mini-batch.
  public let batchLoss: Double
  /// Masked weights over all weights of the tensors that are pruned; 0 when nothing is.
  public let sparsity: Double
  /// The learning rate of this step.
  public let learningRate: Float
  /// Whether the step was the last of its epoch.
  public let endsEpoch: Bool
}

/// A flag that asks a training loop to stop after its current step. Safe to raise from a signal
/// handler or another thread.
public final class CancellationFlag: Sendable {
  private let raised = Atomic<Bool>(false)

  /// A flag that is not raised.
  public init() {}
  /// Whether the flag is raised.
  public var isCancelled: Bool { raised.load(ordering: .relaxed) }
  /// Raises the flag, for good.
  public func cancel() { raised.store(true, ordering: .relaxed) }
}

/// Why ``Trainer/run(until:cancellation:onStep:)`` returned.
public enum TrainingOutcome: Sendable, Equatable {
  /// All steps asked for are done.
  case finished
  /// The cancellation flag was raised; the state is that after a whole step.
  case cancelled
}

/// Accuracy and mean loss over a data set.
public struct Evaluation: Sendable, Equatable {
  /// The share of right answers, 0...1.
  public let accuracy: Double
  /// Mean cross-entropy, in nats.
  public let loss: Double
  /// Number of answers: samples, or steps of them all.
  public let count: Int

  /// Joins the three.
  public init(accuracy: Double, loss: Double, count: Int) {
    (self.accuracy, self.loss, self.count) = (accuracy, loss, count)
  }
}
