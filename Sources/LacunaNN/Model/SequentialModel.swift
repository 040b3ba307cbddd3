// y = layerₙ(… layer₁(x)): a network with weights, its activations, and one gradient per weight.

import LacunaFormats

/// A trainable network whose layers follow one another.
///
/// Chains of layers that work on one sample at a time (convolution, ReLU, pooling) run a few
/// samples at a time, so that activations are still in cache when the next layer reads them. A
/// mini-batch is cut into the same slices for any number of threads and sums are taken slice by
/// slice: results are bitwise the same for any number of threads.
///
/// Belongs to one task or thread at a time; its own threads touch disjoint parts of the
/// activations.
public final class SequentialModel {
  /// What the network was built from.
  public let architecture: Architecture
  /// The layers, first to last.
  package let layers: [any Layer]
  /// The threads that it runs on.
  package let workers: Workers
  /// All tensors in the order of the layers.
  public let parameters: [Parameter]

  /// Parts a mini-batch is cut into, each with partial gradients of its own.
  static let slices = 16
  /// Activations of a chain that should stay in the second-level cache, in floats.
  private static let chainBudget = 128_000

  private let chains: [Range<Int>]
  private var capacity = 0
  private var activations: [AlignedBuffer<Float>] = []
  private var gradients: [AlignedBuffer<Float>] = []

  /// Builds the layers with Glorot-uniform kernels, zero biases, drawn from `seed`.
  ///
  /// - Parameter threads: threads to use; by default one per processor.
  /// - Throws: ``ModelError`` when a layer does not fit its input, or `threads` is not in `1...1024`.
  public init(_ architecture: Architecture, seed: UInt64 = 1, threads: Int? = nil)
    throws(ModelError)
  {
    if let threads { try TrainingSettings.check(threads, "threads", in: 1...1024) }
    self.architecture = architecture
    layers = try architecture.makeLayers(seed: seed)
    parameters = layers.flatMap(\.parameters)
    workers = Workers(count: threads)
    chains = Self.chains(of: layers)
  }

  /// Shape of one input sample.
  public var inputShape: Shape { architecture.input }
  /// Shape of one output sample; its scalars are the logits.
  public var outputShape: Shape { layers.last!.outputShape }
  /// Scalars in all tensors, running statistics included.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// The tensor called `name`.
  public func parameter(named name: String) -> Parameter? { parameters.first { $0.name == name } }

  /// Where the caller puts a mini-batch of up to `batch` samples before
  /// ``forward(batch:training:random:)``.
  package func input(batch: Int) -> UnsafeMutablePointer<Float> {
    reserve(batch)
    return activations[0].pointer
  }

  /// What layer number `index` read in the last forward pass.
  func activation(before index: Int) -> UnsafeMutablePointer<Float> { activations[index].pointer }

  /// The outputs of the last forward pass: `[batch, outputShape.count]`.
  package var output: UnsafeMutablePointer<Float> { activations[layers.count].pointer }
  /// Where the caller puts ∂loss/∂output before ``backward(batch:random:)``.
  package var outputGradient: UnsafeMutablePointer<Float> { gradients[layers.count].pointer }

  private func reserve(_ batch: Int) {
    if batch <= capacity { return }
    capacity = batch
    (activations, gradients) = (
      [AlignedBuffer(count: batch * inputShape.count + overrun)], [AlignedBuffer(count: 0)]
    )
    for (i, layer) in layers.enumerated() {
      if layer is Flatten {
        activations.append(activations[i])
        gradients.append(gradients[i])
      } else {
        activations.append(AlignedBuffer(count: batch * layer.outputShape.count + overrun))
        gradients.append(AlignedBuffer(count: batch * layer.outputShape.count))
      }
      layer.prepare(batch: batch, workers: workers.count, slices: Self.slices)
    }
  }

  private func buffers(_ i: Int) -> Activations {
    Activations(
      x: activations[i].pointer, y: activations[i + 1].pointer,
      dx: gradients[i].count == 0 ? nil : gradients[i].pointer, dy: gradients[i + 1].pointer)
  }

  /// Computes ``output`` from the first `batch` samples of the input.
  package func forward(batch: Int, training: Bool, random: RandomStream) {
    reserve(batch)
    for chain in chains {
      run(chain, batch, training, random) { layer, a, p in layer.forward(a, p) }
    }
  }

  /// Computes the gradient of every parameter from ``outputGradient``, after a forward pass in
  /// training.
  package func backward(batch: Int, random: RandomStream) {
    for chain in chains.reversed() {
      run(chain, batch, true, random, reversed: true) { layer, a, p in layer.backward(a, p) }
      for i in chain {
        layers[i].finishBackward(slices: min(Self.slices, batch), workers)
      }
    }
  }

  private func run(
    _ chain: Range<Int>, _ batch: Int, _ training: Bool, _ random: RandomStream,
    reversed: Bool = false, _ body: (any Layer, Activations, Pass) -> Void
  ) {
    func pass(_ samples: Range<Int>, slice: Int, opens: Bool, worker: Int) -> Pass {
      Pass(
        isTraining: training, batch: batch, samples: samples, slice: slice, opensSlice: opens,
        worker: worker, random: random, threads: workers)
    }
    if !layers[chain.lowerBound].isSampleWise {
      for i in chain {
        body(layers[i], buffers(i), pass(0..<batch, slice: 0, opens: true, worker: 0))
      }
      return
    }
    let largest = chain.map { layers[$0].outputShape.count }.max()!
    let group = max(1, Self.chainBudget / largest)
    let slices = min(Self.slices, batch)
    let order = reversed ? Array(chain.reversed()) : Array(chain)
    workers.run(tasks: slices) { slice, worker in
      let (start, end) = (batch * slice / slices, batch * (slice + 1) / slices)
      for first in stride(from: start, to: end, by: group) {
        let samples = first..<min(first + group, end)
        let pass = pass(samples, slice: slice, opens: first == start, worker: worker)
        for i in order { body(layers[i], buffers(i), pass) }
      }
    }
  }

  /// Runs of consecutive sample-wise layers; every other layer on its own.
  private static func chains(of layers: [any Layer]) -> [Range<Int>] {
    var chains: [Range<Int>] = []
    for (i, layer) in layers.enumerated() {
      if let last = chains.last, layer.isSampleWise, layers[i - 1].isSampleWise {
        chains[chains.count - 1] = last.lowerBound..<i + 1
      } else {
        chains.append(i..<i + 1)
      }
    }
    return chains
  }
}
