// A graph for given input shapes: fused, its weights packed, its memory laid out; made once, run many times.

import LacunaFormats
import LacunaOperations

/// How a graph is planned.
public struct GraphOptions: Hashable, Sendable {
  /// Threads that one run may use, at least 1. Results do not depend on it where kernels are the same.
  public var threads: Int
  /// Choose kernels by the estimate alone, without timing: the same machine and weights always give the same ones.
  public var deterministic: Bool
  /// Never multiply by a weight that is zero.
  public var excludesDense: Bool
  /// Look for zeros in weights, and skip them where that is faster. Off, all are multiplied dense: what sparse kernels
  /// are compared with; ``excludesDense`` has no say then.
  public var skipsZeros: Bool
  /// Fold normalisations, activations and sums into products, and elementwise nodes into each other. Off, each node
  /// is computed for itself.
  public var fuses: Bool
  /// Use this instruction set instead of `ISA.selected`.
  public var isa: ISA?
  /// Bytes that constants, activations and scratch memory may take; nil for what the machine has.
  public var memory: Int?

  /// By default one thread, everything fused, kernels chosen by timing.
  public init(
    threads: Int = 1, deterministic: Bool = false, excludesDense: Bool = false,
    skipsZeros: Bool = true, fuses: Bool = true, isa: ISA? = nil, memory: Int? = nil
  ) {
    (self.threads, self.deterministic, self.excludesDense) = (threads, deterministic, excludesDense)
    (self.skipsZeros, self.fuses, self.isa, self.memory) = (skipsZeros, fuses, isa, memory)
  }

  var plans: PlanOptions {
    PlanOptions(
      threads: threads, deterministic: deterministic, isa: isa,
      excludesDense: excludesDense && skipsZeros)
  }
}

/// A value of a plan that a run is given or gives.
public struct GraphPort: Hashable, Sendable {
  /// The value's name in the graph.
  public let name: String
  /// Its element type and shape.
  public let type: GraphType
}

/// A network ready to run on inputs of one shape.
///
/// Products and convolutions are plans of `LacunaOperations`, which skip the zeros of their weights where that is
/// faster. Activations lie in one arena in which values share memory that are never needed together. A run allocates
/// nothing beyond what OpenBLAS does, and a plan may be run by several threads at once, each of which then has an
/// arena of its own. Results are bitwise the same for any number of threads.
public final class GraphPlan: Sendable {
  /// What a run is given, in the graph's order.
  public let inputs: [GraphPort]
  /// What a run gives, in the graph's order.
  public let outputs: [GraphPort]
  /// What a run does, in order.
  public let steps: [GraphStep]
  /// Bytes of activations and scratch memory of one run.
  public let arenaBytes: Int
  /// Bytes that all activations would take without sharing.
  public let activationBytes: Int

  let memory: RunMemory
  let threads: Int

  /// Plans a graph.
  ///
  /// - Parameters:
  ///   - shapes: of the inputs with open dimensions, by name.
  ///   - constants: inputs that are always the same: they are folded into the plan, and no longer inputs of it.
  /// - Throws: ``GraphError``
  public init(
    _ graph: Graph, shapes: [String: [Int]] = [:], constants: [String: GraphArray] = [:],
    options: GraphOptions = .init()
  ) throws(GraphError) {
    if options.threads < 1 {
      throw .option(
        .outOfRange(name: "threads", value: options.threads, minimum: 1, maximum: .max))
    }
    let limit = MemoryLimit(options.memory)
    var planned = try PlannedGraph(graph, shapes: shapes, fixed: constants, memory: limit)
    if options.fuses {
      planned.fuseGates()
      planned.fuseWeights()
      planned.fuseElements()
    }
    let layout = try ValueLayout(planned, limit, options)
    memory = layout.memory
    threads = options.threads
    steps = layout.steps
    (arenaBytes, activationBytes) = (layout.arenaBytes, layout.activationBytes)
    inputs = planned.inputs.map {
      GraphPort(name: planned.values[$0].name, type: planned.values[$0].type)
    }
    // A value of a branch has the branch's name for it.
    outputs = zip(graph.outputs, planned.outputs).map { name, place in
      GraphPort(name: name, type: planned.values[place].type)
    }
  }
}

/// One step of a plan.
public struct GraphStep: Sendable {
  /// The node's name in the graph; of fused nodes the first one's.
  public let name: String
  /// What the node computes.
  public let operation: String
  /// What is computed along with it.
  public let fused: [String]
  /// The kernel that was chosen.
  public let kernel: String
  /// Of the first result.
  public let type: GraphType
  /// Multiplications and additions with the stored weights of a product or convolution; 0 for other steps.
  public let operations: Int
  /// Bytes of all operands and results, constants and packed weights included.
  public let bytes: Int

  let body: any GraphBody
  /// Where the numbers of its operands begin in the plan's list.
  let firstPlace: Int
  let inputCount: Int
  /// Bytes from the start of the arena to its scratch memory.
  let workspace: Int
}

extension GraphStep: CustomStringConvertible {
  /// One line: what is computed, how, and what comes out.
  public var description: String {
    "\(name): \(([operation] + fused).joined(separator: " + ")) → \(type), \(kernel)"
  }
}

extension GraphPlan: CustomStringConvertible {
  /// One line for each step.
  public var description: String { steps.map(\.description).joined(separator: "\n") }
}
