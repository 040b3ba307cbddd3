// A model as a training loop sees it: a network, and something to do around each step.

/// A network that ``Trainer`` can train: a plain ``SequentialModel``, or one that is being pruned.
public protocol Trainable: AnyObject {
  var network: SequentialModel { get }
  /// Called once per step before the forward pass.
  func willStep() throws
  /// Called once per step between the backward pass and the optimiser.
  func didComputeGradients() throws
  /// Called once per step after the optimiser.
  func didStep()
  /// Zeros over all weights of the pruned tensors.
  var sparsity: Double { get }
}

extension SequentialModel: Trainable {
  public var network: SequentialModel { self }
  public func willStep() {}
  public func didComputeGradients() {}
  public func didStep() {}
  public var sparsity: Double { 0 }
}
