// A recurrent network's passes and workspaces, and how a run is shared among threads.

import LacunaFormats

/// What ``Recurrent`` is the checked face of.
package final class RecurrentCore: Sendable {
  package let shape: RecurrentShape
  package let order: GateOrder, layout: SequenceLayout
  package let steps: Int, batch: Int, threads: Int
  /// Layer after layer, the forward direction first.
  let passes: [RecurrentPass]
  /// Whether sequences may be computed apart. OpenBLAS rounds a product of other sizes in another way.
  let dividesSequences: Bool
  let mostInputs: Int, productBytes: Int
  /// Bytes of each piece of `workspaces`.
  let planned: Int
  let workspaces: WorkspacePool

  /// Not checked: that weights and options fit.
  init(
    _ shape: RecurrentShape, _ weights: [RecurrentWeights], order: GateOrder,
    layout: SequenceLayout, steps: Int, batch: Int, options: PlanOptions
  ) throws(OperationError) {
    (self.shape, self.order, self.layout) = (shape, order, layout)
    (self.steps, self.batch, threads) = (steps, batch, options.threads)
    let wide = batch * RecurrentScratch.stepsPerChunk(steps: steps, sequences: batch)
    var passes: [RecurrentPass] = []
    for (i, weights) in weights.enumerated() {
      passes.append(
        try RecurrentPass(
          weights, shape, inputs: shape.inputs(layer: i / shape.direction.count), order: order,
          wide: wide, batch: batch, options: options))
    }
    self.passes = passes
    let products = passes.flatMap(\.products)
    dividesSequences = !products.contains { $0.body.name == "dense" && $0.types.weights == .f32 }
    mostInputs = passes.map(\.inputs).max()!
    productBytes = products.map(\.body.workspaceBytes).max()!
    let groups = Self.groups(
      batch, threads: threads, directions: shape.direction.count, divides: dividesSequences)
    // Small runs stay on one thread.
    planned = max(
      Self.bytes(
        shape, mostInputs, productBytes, steps: steps, batch: batch, groups: groups,
        tasks: threads == 1 ? 1 : groups * shape.direction.count),
      Self.bytes(
        shape, mostInputs, productBytes, steps: steps, batch: batch, groups: 1, tasks: 1))
    workspaces = try WorkspacePool(checked: planned, count: threads)
  }

  package var stored: Int { passes.reduce(0) { $0 + $1.stored } }
  package var packedBytes: Int {
    passes.reduce(0) { $0 + $1.products.reduce(0) { $0 + $1.body.packedBytes } }
  }

  /// Scratch bytes of a run of that size on one thread, or of a slice of it.
  package func workspaceBytes(steps: Int, batch: Int) -> Int {
    Self.bytes(
      shape, mostInputs, productBytes, steps: steps, batch: batch, groups: 1, tasks: 1)
  }

  /// Most slices of a run that still have work each.
  package func usefulSlices(batch: Int) -> Int { dividesSequences ? max(batch, 1) : 1 }

  /// Parts into which the sequences of a run are cut, so that with the directions all threads work.
  static func groups(
    _ batch: Int, threads: Int, directions: Int, divides: Bool
  ) -> Int {
    divides ? max(1, min(batch, threads / directions)) : 1
  }

  /// What layers hand to each other, and the scratch memory of passes that run at once.
  static func bytes(
    _ shape: RecurrentShape, _ inputs: Int, _ product: Int, steps: Int, batch: Int, groups: Int,
    tasks: Int
  ) -> Int {
    let scratch = RecurrentScratch(
      shape, inputs: inputs, product: product, steps: steps,
      sequences: (batch + groups - 1) / groups)
    return sequenceBuffers(shape) * sequenceBytes(shape, steps: steps, batch: batch)
      + tasks * scratch.bytes
  }

  /// Results of a layer that the next one reads, in the layout `.time`.
  static func sequenceBytes(_ shape: RecurrentShape, steps: Int, batch: Int) -> Int {
    (steps * batch * shape.outputs * 4 + 63) / 64 * 64
  }

  static func sequenceBuffers(_ shape: RecurrentShape) -> Int { min(shape.layers - 1, 2) }

  /// Parts of a run's sequences, and passes at once.
  func division(steps: Int, batch: Int) -> (groups: Int, tasks: Int, isSmall: Bool) {
    let directions = shape.direction.count
    let isSmall = stored / passes.count * directions < ThreadPool.smallWork / (steps * batch)
    if threads == 1 || isSmall { return (1, 1, isSmall) }
    let groups = Self.groups(
      batch, threads: threads, directions: directions, divides: dividesSequences)
    return (groups, groups * directions, false)
  }

  /// Scratch bytes of a whole run on as many threads as the network may use.
  package func runBytes(steps: Int, batch: Int) -> Int {
    let (groups, tasks, _) = division(steps: steps, batch: batch)
    return Self.bytes(
      shape, mostInputs, productBytes, steps: steps, batch: batch, groups: groups, tasks: tasks)
  }
}
