// logits ← network(x), for mini-batches of one size: a chain of steps, or a planned graph.

import LacunaFormats
import LacunaGraph
import LacunaOperations

/// What an ``InferenceNetwork`` runs. For one caller at a time.
protocol NetworkRunner: AnyObject {
  var inputShape: Shape { get }
  /// Values of one sample's result.
  var outputs: Int { get }
  /// Names of the steps in order, and the kernels that run them.
  var steps: [(name: String, kernel: String)] { get }
  /// Whether a watch is told about the steps.
  var isWatched: Bool { get }
  /// Computes a whole mini-batch, a row per sample, from `[batch, inputShape.count]`.
  func run(
    _ x: UnsafePointer<Float>, into logits: UnsafeMutablePointer<Float>, watch: (any StepWatch)?)
}

/// A network with branches or recurrence, by a plan of its graph.
final class GraphRunner: NetworkRunner {
  let inputShape: Shape
  let outputs: Int
  let steps: [(name: String, kernel: String)]
  var isWatched: Bool { false }
  private let plan: GraphPlan

  init(
    _ model: CompressedModel, storage: WeightStorage, batch: Int, threads: Int, excludesDense: Bool
  ) throws(ModelError) {
    if storage == .sparse(.i8) {
      throw .invalidLayer(
        name: model.architecture.firstBeyondChain?.name ?? "",
        reason: "products of bytes are for chains of layers alone")
    }
    let graph = try model.graph(batch: batch)
    do throws(GraphError) {
      plan = try GraphPlan(
        graph,
        options: GraphOptions(
          threads: threads, deterministic: true, excludesDense: excludesDense,
          skipsZeros: storage != .dense))
    } catch { throw .graph(error) }
    inputShape = model.architecture.input
    outputs = plan.outputs[0].type.count / batch
    steps = plan.steps.map { ($0.name, $0.kernel) }
  }

  func run(
    _ x: UnsafePointer<Float>, into logits: UnsafeMutablePointer<Float>, watch: (any StepWatch)?
  ) {
    withUnsafePointer(to: UnsafeRawPointer(x)) { x in
      withUnsafePointer(to: UnsafeMutableRawPointer(logits)) { y in
        plan.run(
          inputs: UnsafeBufferPointer(start: x, count: 1),
          outputs: UnsafeBufferPointer(start: y, count: 1))
      }
    }
  }
}
