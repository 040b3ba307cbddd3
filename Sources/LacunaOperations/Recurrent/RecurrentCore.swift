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
  private let mostInputs: Int, productBytes: Int
  /// Bytes of each piece of `workspaces`.
  let planned: Int
  private let workspaces: WorkspacePool

  /// Below this many multiply-adds a layer stays on one thread: about 50 µs of work.
  private static let smallWork = 4_000_000

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
  private static func groups(
    _ batch: Int, threads: Int, directions: Int, divides: Bool
  ) -> Int {
    divides ? max(1, min(batch, threads / directions)) : 1
  }

  /// What layers hand to each other, and the scratch memory of passes that run at once.
  private static func bytes(
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
  private static func sequenceBytes(_ shape: RecurrentShape, steps: Int, batch: Int) -> Int {
    (steps * batch * shape.outputs * 4 + 63) / 64 * 64
  }

  private static func sequenceBuffers(_ shape: RecurrentShape) -> Int { min(shape.layers - 1, 2) }

  /// Parts of a run's sequences, and passes at once.
  private func division(steps: Int, batch: Int) -> (groups: Int, tasks: Int, isSmall: Bool) {
    let directions = shape.direction.count
    let isSmall = stored / passes.count * directions < Self.smallWork / (steps * batch)
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

  /// The whole run, on as many threads as the network may use; in the caller's workspace when that is one thread.
  package func run(_ call: RecurrentCall, workspace: UnsafeMutableRawPointer? = nil) {
    if call.steps <= 0 || call.batch <= 0 { return }
    let (groups, tasks, isSmall) = division(steps: call.steps, batch: call.batch)
    let bytes = runBytes(steps: call.steps, batch: call.batch)
    let given = threads == 1 ? workspace : nil
    let memory = given ?? borrow(bytes)
    if tasks == 1 {
      run(call, 0..<call.batch, usesPool: threads > 1 && !isSmall, memory)
    } else {
      share(call, groups: groups, memory)
    }
    if given == nil { giveBack(memory, bytes) }
  }

  /// Share number `slice` of `slices`: some of the sequences, through all layers, on this thread.
  package func run(
    _ call: RecurrentCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer? = nil
  ) {
    if call.steps <= 0 || call.batch <= 0 { return }
    let tasks = usefulSlices(batch: call.batch)
    let (begin, end) = (tasks * slice / slices, tasks * (slice + 1) / slices)
    if begin == end { return }
    let sequences = dividesSequences ? begin..<end : 0..<call.batch
    let bytes = workspaceBytes(steps: call.steps, batch: sequences.count)
    let memory = workspace ?? borrow(bytes)
    run(call, sequences, usesPool: false, memory)
    if workspace == nil { giveBack(memory, bytes) }
  }

  private func borrow(_ bytes: Int) -> UnsafeMutableRawPointer {
    bytes <= planned ? workspaces.borrow() : .allocate(byteCount: bytes, alignment: 64)
  }

  private func giveBack(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
    if bytes <= planned { workspaces.giveBack(memory) } else { memory.deallocate() }
  }

  /// Some sequences through all layers and directions, one after the other.
  private func run(
    _ call: RecurrentCall, _ sequences: Range<Int>, usesPool: Bool,
    _ workspace: UnsafeMutableRawPointer
  ) {
    let buffers = sequenceBuffers(workspace, call.steps, sequences)
    for layer in 0..<shape.layers {
      for direction in 0..<shape.direction.count {
        run(
          call, layer, direction, sequences, buffers, usesPool: usesPool, scratch: buffers.scratch)
      }
    }
  }

  /// The results of layers between the first and the last, of some sequences.
  private struct SequenceBuffers {
    let sequences: Range<Int>
    /// Of layers with even numbers, and with odd ones.
    let even: UnsafeMutablePointer<Float>, odd: UnsafeMutablePointer<Float>
    /// What lies behind them.
    let scratch: UnsafeMutableRawPointer
  }

  private func sequenceBuffers(
    _ workspace: UnsafeMutableRawPointer, _ steps: Int, _ sequences: Range<Int>
  ) -> SequenceBuffers {
    let bytes = Self.sequenceBytes(shape, steps: steps, batch: sequences.count)
    return SequenceBuffers(
      sequences: sequences, even: workspace.assumingMemoryBound(to: Float.self),
      odd: (workspace + bytes).assumingMemoryBound(to: Float.self),
      scratch: workspace + Self.sequenceBuffers(shape) * bytes)
  }

  /// One direction of one layer, of some of the buffers' sequences.
  private func run(
    _ call: RecurrentCall, _ layer: Int, _ direction: Int, _ sequences: Range<Int>,
    _ buffers: SequenceBuffers, usesPool: Bool, scratch memory: UnsafeMutableRawPointer
  ) {
    let (first, n) = (sequences.lowerBound, sequences.count)
    let (inner, hidden) = (buffers.sequences.count, shape.hidden)
    // The sequences' place in the buffers.
    let offset = (first - buffers.sequences.lowerBound) * shape.outputs
    let state = ((layer * shape.direction.count + direction) * call.batch + first) * hidden
    let source = layer % 2 == 0 ? buffers.odd : buffers.even
    let target = layer % 2 == 0 ? buffers.even : buffers.odd
    var pass = PassCall(
      x: UnsafePointer(source) + offset, xTime: inner * shape.outputs, xBatch: shape.outputs,
      y: target + offset + direction * hidden, yTime: inner * shape.outputs, yBatch: shape.outputs,
      firstHidden: call.firstHidden.map { $0 + state },
      firstCell: call.firstCell.map { $0 + state },
      lastHidden: call.lastHidden.map { $0 + state }, lastCell: call.lastCell.map { $0 + state },
      lengths: call.lengths.map { $0 + first }, steps: call.steps, sequences: n,
      isReversed: shape.direction == .reverse || direction == 1, usesPool: usesPool)
    if layer == 0 {
      (pass.xTime, pass.xBatch) =
        layout == .batch
        ? (shape.inputs, call.steps * shape.inputs) : (call.batch * shape.inputs, shape.inputs)
      pass.x = call.x + first * pass.xBatch
    }
    if layer == shape.layers - 1 {
      let offset: Int
      switch layout {
      case .time:
        (pass.yTime, pass.yBatch) = (call.batch * shape.outputs, shape.outputs)
        offset = direction * hidden
      case .batch:
        (pass.yTime, pass.yBatch) = (shape.outputs, call.steps * shape.outputs)
        offset = direction * hidden
      case .onnx:
        (pass.yTime, pass.yBatch) = (call.batch * shape.outputs, hidden)
        offset = direction * call.batch * hidden
      }
      pass.y = call.y.map { $0 + offset + first * pass.yBatch }
    }
    let scratch = RecurrentScratch(
      shape, inputs: mostInputs, product: productBytes, steps: call.steps, sequences: n)
    passes[layer * shape.direction.count + direction].run(pass, scratch, memory)
  }

  /// What a pool's task finds behind its context pointer: a layer's directions, and parts of the sequences.
  private struct SharedLayer {
    let core: RecurrentCore
    let call: RecurrentCall
    let buffers: SequenceBuffers
    var layer: Int
    let groups: Int
    let scratchBytes: Int
  }

  /// All layers, each shared among threads by directions and sequences.
  private func share(_ call: RecurrentCall, groups: Int, _ workspace: UnsafeMutableRawPointer) {
    let scratch = RecurrentScratch(
      shape, inputs: mostInputs, product: productBytes, steps: call.steps,
      sequences: (call.batch + groups - 1) / groups)
    var shared = SharedLayer(
      core: self, call: call,
      buffers: sequenceBuffers(workspace, call.steps, 0..<call.batch), layer: 0, groups: groups,
      scratchBytes: scratch.bytes)
    for layer in 0..<shape.layers {
      shared.layer = layer
      withUnsafeMutablePointer(to: &shared) { context in
        ThreadPool.shared.run(
          tasks: groups * shape.direction.count, limit: threads, context: context
        ) { context, task in
          let shared = context.assumingMemoryBound(to: SharedLayer.self)
          let (groups, batch) = (shared.pointee.groups, shared.pointee.call.batch)
          let (direction, group) = (task / groups, task % groups)
          shared.pointee.core.run(
            shared.pointee.call, shared.pointee.layer, direction,
            batch * group / groups..<batch * (group + 1) / groups, shared.pointee.buffers,
            usesPool: false,
            scratch: shared.pointee.buffers.scratch + task * shared.pointee.scratchBytes)
        }
      }
    }
  }
}
