// A model as a training loop sees it: a network, and something to do around each step.

/// A network that ``Trainer`` can train: a plain ``SequentialModel``, or one that is being pruned.
public protocol Trainable: AnyObject {
  /// The network whose parameters are trained.
  var network: SequentialModel { get }
  /// Called once by a trainer that will run `steps` steps from now on.
  ///
  /// - Returns: What is odd about such a run.
  /// - Throws: ``ModelError`` when such a run makes no sense.
  func willTrain(steps: Int) throws(ModelError) -> [TrainingWarning]
  /// Called once per step before the forward pass.
  func willStep() throws
  /// Called once per step between the backward pass and the optimiser.
  func didComputeGradients() throws
  /// Called once per step after the optimiser.
  func didStep()
  /// Masked weights over all weights of the pruned tensors.
  var sparsity: Double { get }
}

extension Trainable {
  /// Finds nothing odd.
  public func willTrain(steps: Int) throws(ModelError) -> [TrainingWarning] { [] }
}

extension SequentialModel: Trainable {
  /// The model itself.
  public var network: SequentialModel { self }
  /// Nothing.
  public func willStep() {}
  /// Nothing.
  public func didComputeGradients() {}
  /// Nothing.
  public func didStep() {}
  /// 0: nothing is masked.
  public var sparsity: Double { 0 }
}
