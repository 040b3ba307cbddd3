// logits = network(images), with weights as stored, or the same weights dense.

import LacunaFormats
import LacunaOperations

/// A trained network prepared for inference on mini-batches of one size.
///
/// Threads that use one at once take turns: its buffers are for one run. To run side by side, make
/// one each.
public class InferenceNetwork: @unchecked Sendable {
  // Sound to share: the graph and the buffers are used under `lock` alone, the rest never changes.
  /// What the network computes.
  public let architecture: Architecture
  /// Samples per mini-batch.
  public let batch: Int
  private let graph: any NetworkRunner
  private let lock = ForkSafeLock()
  private let input: AlignedBuffer<Float>
  private let output: AlignedBuffer<Float>

  init(
    _ model: CompressedModel, storage: WeightStorage, batch: Int, threads: Int, excludesDense: Bool
  ) throws(ModelError) {
    if batch < 1 || batch > 1 << 16 {
      throw .invalidSetting(name: "batch", reason: "is \(batch), must be in 1...65536")
    }
    if threads < 1 || threads > 1024 {
      throw .invalidSetting(name: "threads", reason: "is \(threads), must be in 1...1024")
    }
    (architecture, self.batch) = (model.architecture, batch)
    if model.architecture.firstBeyondChain == nil {
      graph = try InferenceGraph(
        model, storage: storage, batch: batch, workers: Workers(count: threads),
        excludesDense: excludesDense)
    } else {
      graph = try GraphRunner(
        model, storage: storage, batch: batch, threads: threads, excludesDense: excludesDense)
    }
    outputShape = try model.architecture.shapes().last!
    input = AlignedBuffer(count: batch * graph.inputShape.count)
    output = AlignedBuffer(count: batch * graph.outputs)
    (steps, outputs) = (graph.steps, graph.outputs)
  }

  /// Names of the steps in the order they run, and the kernel of each that has weights.
  public let steps: [(name: String, kernel: String)]

  /// Shape of one sample's logits: classes, for each step of a sequence where the network has results for them.
  public let outputShape: Shape

  /// Logits of any number of samples: `[count, outputShape.count]` from `[count, height · width · channels]`.
  ///
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` when `images` is no whole number
  ///   of samples.
  public func logits(_ images: [Float]) throws(ModelError) -> [Float] {
    let size = graph.inputShape.count
    if images.count % size != 0 {
      throw .dataMismatch(
        what: "values after the last whole image", expected: 0, found: images.count % size)
    }
    return lock.withLock { logits(images, count: images.count / size) }
  }

  private func logits(_ images: [Float], count total: Int) -> [Float] {
    let size = graph.inputShape.count
    var result: [Float] = []
    for first in stride(from: 0, to: total, by: batch) {
      let count = min(batch, total - first)
      // What is left of the mini-batch keeps earlier samples; their logits are dropped.
      images.withUnsafeBufferPointer {
        input.pointer.update(from: $0.baseAddress! + first * size, count: count * size)
      }
      graph.run(input.pointer, into: output.pointer, watch: nil)
      result.append(contentsOf: output.elements[0..<count * outputs])
    }
    return result
  }

  /// Accuracy and loss over a data set.
  ///
  /// - Throws: ``ModelError/dataMismatch(what:expected:found:)`` when the shapes disagree.
  public func evaluate(_ data: some LabelledSamples) throws(ModelError) -> Evaluation {
    try data.check(input: graph.inputShape, output: outputShape)
    return lock.withLock {
      Evaluation(data, batch: batch) { first, count in
        for i in 0..<count { data.write(first + i, to: input.pointer + i * data.shape.count) }
        graph.run(input.pointer, into: output.pointer, watch: nil)
        return output.pointer
      }
    }
  }

  /// Logits per sample.
  package let outputs: Int

  /// Logits `[count, outputs]` of `count` samples in a caller's memory. Whole mini-batches are read
  /// and written where they lie; allocates nothing. Not checked: anything.
  package func run(
    _ images: UnsafePointer<Float>, count: Int, into logits: UnsafeMutablePointer<Float>
  ) {
    lock.withLock { runWhole(images, count: count, into: logits) }
  }

  private func runWhole(
    _ images: UnsafePointer<Float>, count: Int, into logits: UnsafeMutablePointer<Float>
  ) {
    let size = graph.inputShape.count
    let whole = count / batch * batch
    for first in stride(from: 0, to: whole, by: batch) {
      graph.run(images + first * size, into: logits + first * outputs, watch: nil)
    }
    if whole == count { return }
    // What is left of the mini-batch keeps earlier samples; their logits are dropped.
    input.pointer.update(from: images + whole * size, count: (count - whole) * size)
    graph.run(input.pointer, into: output.pointer, watch: nil)
    (logits + whole * outputs).update(from: output.pointer, count: (count - whole) * outputs)
  }

  /// Whether a watch of ``runOnce(watch:)`` is told about the steps.
  var isWatched: Bool { graph.isWatched }

  /// One pass over what the input buffer holds.
  func runOnce(watch: (any StepWatch)? = nil) {
    lock.withLock { graph.run(input.pointer, into: output.pointer, watch: watch) }
  }

  /// Runs mini-batches of images for their activations alone; the last one is filled up with images from the start.
  func observe(_ images: [Float], _ watch: any StepWatch) {
    let size = graph.inputShape.count
    let count = images.count / size
    for first in stride(from: 0, to: count, by: batch) {
      for i in 0..<batch {
        let image = (first + i) % count
        images.withUnsafeBufferPointer {
          (input.pointer + i * size).update(from: $0.baseAddress! + image * size, count: size)
        }
      }
      runOnce(watch: watch)
    }
  }
}

/// A network for inference on sparse weights.
///
///     let network = try SparseNetwork(CompressedModel.load(from: "model.lacuna"), batch: 256)
///     let logits = try network.logits(images)
///
/// Each layer with weights is a plan over the tensor as it is stored, whose zeros are never stored; what the products
/// are computed in is a choice, ``NetworkArithmetic``. Only a plan that finds dense weights faster for a layer (few
/// zeros in it) makes that layer dense, unless the network excludes it.
public final class SparseNetwork: InferenceNetwork, @unchecked Sendable {
  // Sound to share: it adds nothing to its superclass.
  /// Plans every layer for mini-batches of `batch` samples.
  ///
  /// - Parameters:
  ///   - threads: threads to use; results do not depend on it.
  ///   - excludesDense: no layer that is stored sparse is made dense, so that a NaN or an infinity
  ///     meets stored weights only: `PlanOptions.excludesDense`.
  ///   - arithmetic: what products are computed in, and activations stored as.
  /// - Throws: ``ModelError`` when a tensor does not fit or a product cannot be planned, and
  ///   ``ModelError/invalidSetting(name:reason:)`` for ``NetworkArithmetic/i8`` when no kernel is stored in 8 bits.
  public init(
    _ model: CompressedModel, batch: Int = 1, threads: Int = 1, excludesDense: Bool = false,
    arithmetic: NetworkArithmetic = .f32
  ) throws(ModelError) {
    if arithmetic == .i8 && !model.tensors.contains(where: { $0.tensor.isQuantized }) {
      throw .invalidSetting(
        name: "arithmetic", reason: "is i8, but no kernel of the model is stored in 8 bits")
    }
    try super.init(
      model, storage: .sparse(arithmetic), batch: batch, threads: threads,
      excludesDense: excludesDense)
  }
}

/// The same graph with every weight dense, zeros included, on OpenBLAS: what sparse inference is
/// compared with, in results and in time.
public final class DenseNetwork: InferenceNetwork, @unchecked Sendable {
  // Sound to share: it adds nothing to its superclass.
  /// As ``SparseNetwork/init(_:batch:threads:excludesDense:arithmetic:)``.
  public init(_ model: CompressedModel, batch: Int = 1, threads: Int = 1) throws(ModelError) {
    try super.init(
      model, storage: .dense, batch: batch, threads: threads, excludesDense: false)
  }
}
