// y = layer(x) and ∂loss/∂x, ∂loss/∂w from ∂loss/∂y: what a layer gives to the model that runs it.

import LacunaFormats

/// Which part of which mini-batch a layer is asked to compute, and how.
package struct Pass: Sendable {
  /// Training uses batch statistics and dropout; inference does not.
  let isTraining: Bool
  /// Samples in the mini-batch.
  let batch: Int
  /// The samples to compute now: the whole batch unless the layer is sample-wise.
  let samples: Range<Int>
  /// Which slice of the batch `samples` belongs to. Gradients of parameters are summed per slice,
  /// then over slices in order, so they do not depend on which thread took which slice.
  let slice: Int
  /// Whether `samples` begins its slice: partial sums start at zero then.
  let opensSlice: Bool
  /// Index of the thread, for scratch memory.
  let worker: Int
  /// Random numbers of this training step.
  let random: RandomStream
  /// Threads for layers that take the whole batch at once.
  let threads: Workers
}

/// The activations around a layer during a pass. Sample `i` starts at `i · shape.count`.
package struct Activations {
  /// The layer's inputs.
  var x: UnsafeMutablePointer<Float>
  /// The layer's outputs.
  let y: UnsafeMutablePointer<Float>
  /// ∂loss/∂x to be written; nil when nobody needs it.
  let dx: UnsafeMutablePointer<Float>?
  /// ∂loss/∂y. The layer may overwrite it.
  let dy: UnsafeMutablePointer<Float>
}

/// A layer of a ``SequentialModel``. Its memory is allocated once, by
/// ``prepare(batch:workers:slices:)``.
///
/// The model's threads run one layer at once, each on its own samples and with its own
/// `Pass.worker`: scratch memory is per worker, partial gradients per slice.
package protocol Layer: AnyObject {
  /// Unique in the model; tensors are named `name/kernel`.
  var name: String { get }
  /// Shape of one sample of x.
  var inputShape: Shape { get }
  /// Shape of one sample of y.
  var outputShape: Shape { get }
  /// Learned tensors and running statistics, in a fixed order.
  var parameters: [Parameter] { get }
  /// Whether a sample's output depends on that sample alone and one thread computes it. The model
  /// runs chains of such layers a few samples at a time, so that activations stay in cache.
  var isSampleWise: Bool { get }

  /// Allocates for mini-batches up to `batch`, `workers` threads and `slices` partial gradients.
  func prepare(batch: Int, workers: Int, slices: Int)
  /// Trains the weights that `masks` keep and no others from now on, by the name of the tensor: products may skip the
  /// rest. Tensors without a mask train all.
  func fixMasks(_ masks: [String: BitMask], threads: Int)
  /// Called once before the forward pass of each training step, on one thread.
  func willForward()
  /// y ← layer(x) for `pass.samples`.
  func forward(_ a: Activations, _ pass: Pass)
  /// dx ← ∂loss/∂x and the gradients of the parameters, for `pass.samples`.
  func backward(_ a: Activations, _ pass: Pass)
  /// Sums partial gradients of `slices` slices into `parameter.gradient`; called once after all
  /// samples.
  func finishBackward(slices: Int, _ threads: Workers)
}

extension Layer {
  var parameters: [Parameter] { [] }
  var isSampleWise: Bool { true }
  func prepare(batch: Int, workers: Int, slices: Int) {}
  func fixMasks(_ masks: [String: BitMask], threads: Int) {}
  func willForward() {}
  func finishBackward(slices: Int, _ threads: Workers) {}
}
