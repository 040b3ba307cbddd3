// y = layerₙ(… layer₁(x)): a network with weights, its activations, and one gradient per weight.

import LacunaFormats

/// A trainable network whose layers follow one another; a layer may hold a branch
/// (``LayerDescription/residual(name:body:shortcut:relu:)``).
///
/// Results are bitwise the same for any number of threads.
///
/// Belongs to one task or thread at a time; its own threads touch disjoint parts of the
/// activations.
public final class SequentialModel {
  /// What the network was built from.
  public let architecture: Architecture
  /// The layers, first to last.
  package var layers: [any Layer] { chain.layers }
  /// The threads that it runs on.
  package let workers: Workers
  /// All tensors in the order of the layers.
  public let parameters: [Parameter]

  /// Whether layers have been told masks that stand still.
  var hasFixedMasks = false
  private let chain: LayerChain
  private var capacity = 0
  private var input = AlignedBuffer<Float>(count: 0)

  /// Builds the layers with Glorot-uniform kernels, zero biases, drawn from `seed`.
  ///
  /// - Parameter threads: threads to use; by default one per processor.
  /// - Throws: ``ModelError`` when a layer does not fit its input, or `threads` is not in `1...1024`.
  public init(_ architecture: Architecture, seed: UInt64 = 1, threads: Int? = nil)
    throws(ModelError)
  {
    if let threads { try TrainingSettings.check(threads, "threads", in: 1...1024) }
    self.architecture = architecture
    chain = LayerChain(try architecture.makeLayers(seed: seed), input: architecture.input)
    parameters = chain.layers.flatMap(\.parameters)
    workers = Workers(count: threads)
  }

  /// Shape of one input sample.
  public var inputShape: Shape { architecture.input }
  /// Shape of one output sample; its scalars are the logits, a set of them for each pixel or step.
  public var outputShape: Shape { chain.outputShape }
  /// Scalars in all tensors, running statistics included.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// The tensor called `name`.
  public func parameter(named name: String) -> Parameter? { parameters.first { $0.name == name } }

  /// Where the caller puts a mini-batch of up to `batch` samples before
  /// ``forward(batch:training:random:)``.
  package func input(batch: Int) -> UnsafeMutablePointer<Float> {
    reserve(batch)
    return input.pointer
  }

  /// What layer number `index` read in the last forward pass.
  func activation(before index: Int) -> UnsafeMutablePointer<Float> {
    chain.activation(index, input.pointer)
  }

  /// The outputs of the last forward pass: `[batch, outputShape.count]`.
  package var output: UnsafeMutablePointer<Float> { activation(before: layers.count) }
  /// Where the caller puts ∂loss/∂output before ``backward(batch:random:)``.
  package var outputGradient: UnsafeMutablePointer<Float> {
    chain.gradient(layers.count, input.pointer)!
  }

  private func reserve(_ batch: Int) {
    if batch <= capacity { return }
    capacity = batch
    input = AlignedBuffer(count: batch * inputShape.count + overrun)
    chain.prepare(batch: batch, workers: workers.count)
  }

  /// Rounds what some layers read in training, by the number of the layer, and nothing else from now on.
  func roundInputs(_ roundings: [Int: InputRounding]) {
    if roundings.isEmpty && chain.roundings.isEmpty { return }
    chain.roundings = roundings
    // They need memory of their own.
    capacity = 0
  }

  /// Computes ``output`` from the first `batch` samples of the input.
  package func forward(batch: Int, training: Bool, random: RandomStream) {
    reserve(batch)
    chain.forward(input.pointer, batch: batch, training: training, random: random, workers)
  }

  /// Computes the gradient of every parameter from ``outputGradient``, after a forward pass in
  /// training.
  package func backward(batch: Int, random: RandomStream) {
    chain.backward(input.pointer, dx: nil, batch: batch, random: random, workers)
  }
}
