// Running a recurrent network: whole on some threads, or a share of the sequences on this one.

import LacunaFormats

extension RecurrentCore {
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
