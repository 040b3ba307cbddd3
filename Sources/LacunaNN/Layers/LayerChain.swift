// y = layerₙ(… layer₁(x)) over a mini-batch: layers that follow one another, and what lies between them.

import LacunaFormats

/// A chain of layers with their activations, between memory for x and ∂loss/∂x that the caller has.
///
/// Runs of layers that work on one sample at a time (convolution, ReLU, pooling) compute a few
/// samples at a time, so that activations are still in cache when the next layer reads them. A
/// mini-batch is cut into the same slices for any number of threads and sums are taken slice by
/// slice: results are bitwise the same for any number of threads.
final class LayerChain {
  let layers: [any Layer]
  let inputShape: Shape

  /// Parts a mini-batch is cut into, each with partial gradients of its own.
  static let slices = 16
  /// Activations of a run that should stay in the second-level cache, in floats.
  private static let runBudget = 128_000

  /// Consecutive sample-wise layers; every other layer on its own.
  private let runs: [Range<Int>]
  /// What layer number `i − 1` writes; empty at 0 and behind a ``Flatten``, which leaves its input where it is.
  private var activations: [AlignedBuffer<Float>] = []
  private var gradients: [AlignedBuffer<Float>] = []
  /// What rounds the inputs of some layers in training, by the number of the layer. To be set before memory is
  /// allocated.
  var roundings: [Int: InputRounding] = [:]

  init(_ layers: [any Layer], input: Shape) {
    (self.layers, inputShape) = (layers, input)
    var runs: [Range<Int>] = []
    for (i, layer) in layers.enumerated() {
      if let last = runs.last, layer.isSampleWise, layers[i - 1].isSampleWise {
        runs[runs.count - 1] = last.lowerBound..<i + 1
      } else {
        runs.append(i..<i + 1)
      }
    }
    self.runs = runs
  }

  var outputShape: Shape { layers.last?.outputShape ?? inputShape }

  /// Allocates for mini-batches up to `batch`.
  func prepare(batch: Int, workers: Int) {
    (activations, gradients) = ([AlignedBuffer(count: 0)], [AlignedBuffer(count: 0)])
    for layer in layers {
      let count = layer is Flatten ? 0 : batch * layer.outputShape.count
      activations.append(AlignedBuffer(count: count == 0 ? 0 : count + overrun))
      gradients.append(AlignedBuffer(count: count))
      layer.prepare(batch: batch, workers: workers, slices: Self.slices)
    }
    for rounding in roundings.values { rounding.prepare(batch: batch, slices: Self.slices) }
  }

  /// What layer number `i` reads, and behind the last one the chain's results.
  func activation(_ i: Int, _ x: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
    var i = i
    while i > 0 && layers[i - 1] is Flatten { i -= 1 }
    return i == 0 ? x : activations[i].pointer
  }

  /// Where ∂loss/∂ of that goes; nil where it is ∂loss/∂x that nobody wants.
  func gradient(
    _ i: Int, _ dx: UnsafeMutablePointer<Float>?
  ) -> UnsafeMutablePointer<Float>? {
    var i = i
    while i > 0 && layers[i - 1] is Flatten { i -= 1 }
    return i == 0 ? dx : gradients[i].pointer
  }

  private func buffers(
    _ i: Int, _ x: UnsafeMutablePointer<Float>, _ dx: UnsafeMutablePointer<Float>?
  ) -> Activations {
    // Only a flattening at the start has no gradient behind it, and does not touch it.
    Activations(
      x: activation(i, x), y: activation(i + 1, x), dx: gradient(i, dx),
      dy: gradient(i + 1, dx) ?? gradients[0].pointer)
  }

  /// Computes the results of `batch` samples at `x`.
  func forward(
    _ x: UnsafeMutablePointer<Float>, batch: Int, training: Bool, random: RandomStream,
    _ threads: Workers
  ) {
    if training { for layer in layers { layer.willForward() } }
    for run in runs {
      compute(run, batch, training, random, threads) { [self] i, pass in
        var a = buffers(i, x, nil)
        if training, let rounding = roundings[i] { a.x = rounding.forward(a.x, pass) }
        layers[i].forward(a, pass)
      }
    }
  }

  /// Computes the gradient of every parameter, and of x unless `dx` is nil, after a forward pass in training, from
  /// what was put at the last ``gradient(_:_:)``.
  func backward(
    _ x: UnsafeMutablePointer<Float>, dx: UnsafeMutablePointer<Float>?, batch: Int,
    random: RandomStream, _ threads: Workers
  ) {
    for run in runs.reversed() {
      compute(run, batch, true, random, threads, reversed: true) { [self] i, pass in
        var a = buffers(i, x, dx)
        let exact = a.x
        if let rounding = roundings[i] { a.x = rounding.read(exact) }
        layers[i].backward(a, pass)
        roundings[i]?.backward(exact, dx: a.dx, pass)
      }
      for i in run { layers[i].finishBackward(slices: min(Self.slices, batch), threads) }
    }
  }

  private func compute(
    _ run: Range<Int>, _ batch: Int, _ training: Bool, _ random: RandomStream,
    _ threads: Workers, reversed: Bool = false, _ body: (Int, Pass) -> Void
  ) {
    func pass(_ samples: Range<Int>, slice: Int, opens: Bool, worker: Int) -> Pass {
      Pass(
        isTraining: training, batch: batch, samples: samples, slice: slice, opensSlice: opens,
        worker: worker, random: random, threads: threads)
    }
    if !layers[run.lowerBound].isSampleWise {
      for i in run { body(i, pass(0..<batch, slice: 0, opens: true, worker: 0)) }
      return
    }
    let largest = run.map { layers[$0].outputShape.count }.max()!
    let group = max(1, Self.runBudget / largest)
    let slices = min(Self.slices, batch)
    let order = reversed ? Array(run.reversed()) : Array(run)
    threads.run(tasks: slices) { slice, worker in
      let (start, end) = (batch * slice / slices, batch * (slice + 1) / slices)
      for first in stride(from: start, to: end, by: group) {
        let samples = first..<min(first + group, end)
        let pass = pass(samples, slice: slice, opens: first == start, worker: worker)
        for i in order { body(i, pass) }
      }
    }
  }
}
