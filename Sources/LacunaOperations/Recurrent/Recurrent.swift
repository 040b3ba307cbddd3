// h_t = cell(W·x_t + R·h_{t−1} + biases) for whole sequences: inspected and packed once, run many times.

import LacunaFormats

/// An LSTM or GRU of one or more layers: packed weights, the kernels chosen for them, and how the work is split.
///
/// The gates' matrices of a direction of a layer are two matrices, W [gates · hidden, inputs] and R [gates · hidden,
/// hidden], each dense, sparse, in blocks or in 8 bits. A run multiplies the inputs of many steps by W at once, then
/// the state by R step after step. The element-wise part has a tanh and a logistic function within 3 ulp, the same
/// bits on every instruction set; so a network of 8-bit weights has the same bits everywhere.
///
/// A run that fits what the network was made for allocates nothing itself and takes no lock (OpenBLAS, in a product
/// that is "dense", may do both; ``PlanOptions/excludesDense`` keeps sparse weights clear of it). Results are bitwise
/// the same for any number of threads or slices, and with sparse kernels also for any number of sequences beside each
/// other and however a sequence is cut into runs.
///
/// NaN and infinities are computed with as IEEE 754 says: NaN in a step of a sequence makes NaN of its units that
/// read it, from then on, and reaches no other sequence. A weight that is not stored contributes nothing.
public final class Recurrent: Sendable {
  package let core: RecurrentCore

  /// Packs the weights and chooses kernels.
  ///
  /// - Parameters:
  ///   - weights: one for each direction of each layer, layer after layer, the forward direction first.
  ///   - order: the gates' order in all of them.
  ///   - layout: how sequences lie in memory.
  ///   - steps: expected steps of a run, 1 or more.
  ///   - batch: expected sequences of a run, 1 or more.
  ///   - options: `kernel` is for all products; `decision` and `updatable` are refused.
  /// - Throws: ``OperationError`` for matrices of other shapes, biases of another length, another number of weights,
  ///   fewer than one thread, step or sequence, an unknown kernel name, or more memory than there is.
  /// - Complexity: O(stored)
  public init(
    _ shape: RecurrentShape, weights: [RecurrentWeights], order: GateOrder,
    layout: SequenceLayout = .time, steps: Int = 1, batch: Int = 1, options: PlanOptions = .init()
  ) throws(OperationError) {
    try options.validate()
    try Self.checkSizes(shape, steps: steps, batch: batch)
    if options.decision != nil {
      throw .invalidDecision(reason: "it was made for a product, not for a recurrent network")
    }
    if options.updatable { throw .recurrent(.updatable) }
    try expect("the network", "weights", shape.passes, weights.count)
    for (i, weights) in weights.enumerated() {
      let inputs = shape.inputs(layer: i / shape.direction.count)
      let name = shape.passes == 1 ? "" : " of weights \(i)"
      try expect("the input matrix" + name, "rows", shape.rows, weights.input.rows)
      try expect("the input matrix" + name, "columns", inputs, weights.input.columns)
      try expect("the recurrent matrix" + name, "rows", shape.rows, weights.recurrent.rows)
      try expect("the recurrent matrix" + name, "columns", shape.hidden, weights.recurrent.columns)
      for bias in [weights.inputBias, weights.recurrentBias] {
        if let bias, bias.count != shape.rows {
          throw .biasCount(expected: shape.rows, actual: bias.count)
        }
      }
    }
    core = try RecurrentCore(
      shape, weights, order: order, layout: layout, steps: steps, batch: batch, options: options)
  }

  /// Refuses runs without steps or sequences, and those whose arrays cannot be addressed.
  package static func checkSizes(
    _ shape: RecurrentShape, steps: Int, batch: Int
  ) throws(OperationError) {
    let most = Int(Int32.max)
    if steps < 1 || steps > most {
      throw .outOfRange(name: "steps", value: steps, minimum: 1, maximum: most)
    }
    if batch < 1 || batch > most {
      throw .outOfRange(name: "sequences", value: batch, minimum: 1, maximum: most)
    }
    try RecurrentShape.check("the sequences", steps, batch, shape.inputs)
    try RecurrentShape.check("the results", steps, batch, shape.outputs)
    try RecurrentShape.check("the states", shape.passes, batch, shape.hidden)
    try RecurrentShape.check("the sums", max(batch, 128), shape.rows)
  }

  /// Cell and sizes.
  public var shape: RecurrentShape { core.shape }
  /// The order of the gates in its weights.
  public var order: GateOrder { core.order }
  /// How sequences lie in memory.
  public var layout: SequenceLayout { core.layout }
  /// Steps and sequences that the network was made for; other numbers work as well, and larger ones allocate.
  public var steps: Int { core.steps }
  /// See ``steps``.
  public var batch: Int { core.batch }
  /// Threads that a whole run uses at most.
  public var threads: Int { core.threads }
  /// Stored weights.
  public var stored: Int { core.stored }
  /// Bytes of weights, indices and tables that one step reads.
  public var packedBytes: Int { core.packedBytes }
  /// The kernels of the products by W and by R, such as "spmm-4x4 + csr"; of several passes the distinct ones.
  public var kernelName: String { core.kernelName }
  /// Bytes of scratch memory of a run on one thread, or of a slice, 64-byte aligned.
  public func workspaceBytes(steps: Int, batch: Int) -> Int {
    core.workspaceBytes(steps: steps, batch: batch)
  }
  /// How many slices of a run of that many sequences can work at once without idling.
  public func usefulSlices(batch: Int) -> Int { core.usefulSlices(batch: batch) }
  /// A line for each direction of each layer: what was chosen for its products, and why.
  public var explanation: String { core.explanation }
}

extension Recurrent: CustomStringConvertible {
  /// One line: shape, kernels, bytes.
  public var description: String { core.summary }
}
