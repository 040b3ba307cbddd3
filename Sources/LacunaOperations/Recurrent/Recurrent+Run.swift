// Running a recurrent network: checked with arrays, unchecked with pointers, or slice by slice.

import LacunaFormats

extension Recurrent {
  /// The results of all steps, from states of zeros.
  ///
  /// - Parameters:
  ///   - x: steps · batch · inputs values in the network's layout.
  ///   - lengths: steps of each sequence, 0 or more; nil when each has all of them.
  /// - Throws: as ``run(_:into:batch:states:lengths:)``.
  public func callAsFunction(
    _ x: [Float], batch: Int = 1, lengths: [Int]? = nil
  ) throws(OperationError) -> [Float] {
    try Self.checkSizes(shape, steps: 1, batch: batch)
    var states = RecurrentStates(shape, batch: batch)
    return try self(x, batch: batch, states: &states, lengths: lengths)
  }

  /// The results of all steps; `states` are those before the first step, then those after the last one.
  public func callAsFunction(
    _ x: [Float], batch: Int = 1, states: inout RecurrentStates, lengths: [Int]? = nil
  ) throws(OperationError) -> [Float] {
    try Self.checkSizes(shape, steps: 1, batch: batch)
    let steps = x.count / (batch * shape.inputs)
    var y = [Float](repeating: 0, count: steps * batch * shape.outputs)
    var into = y.mutableSpan
    try run(x.span, into: &into, batch: batch, states: &states, lengths: lengths)
    return y
  }

  /// The same in the caller's memory. Allocates nothing, when steps and sequences are no more than the network was
  /// made for.
  ///
  /// - Parameters:
  ///   - x: steps · batch · inputs values in the network's layout.
  ///   - y: steps · batch · outputs values.
  ///   - states: before the first step; overwritten with those after each sequence's last one.
  ///   - lengths: steps of each sequence, 0 or more; nil when each has all of them. Behind its end a sequence's
  ///     results are 0.
  /// - Throws: ``OperationError/outOfRange(name:value:minimum:maximum:)`` for runs without steps or sequences,
  ///   ``OperationError/shapeMismatch(operand:dimension:expected:actual:)`` for spans and states of other sizes,
  ///   ``RecurrentError/length(sequence:length:steps:)``, ``OperationError/outOfMemory(bytes:)``; then nothing was
  ///   written.
  /// - Complexity: O(stored · steps · batch) for sparse kernels.
  public func run(
    _ x: Span<Float>, into y: inout MutableSpan<Float>, batch: Int = 1,
    states: inout RecurrentStates, lengths: [Int]? = nil
  ) throws(OperationError) {
    try Self.checkSizes(shape, steps: 1, batch: batch)
    let steps = x.count / (batch * shape.inputs)
    try Self.checkSizes(shape, steps: steps, batch: batch)
    try expect("X", "elements", steps * batch * shape.inputs, x.count)
    try expect("Y", "elements", steps * batch * shape.outputs, y.count)
    let count = shape.stateCount(batch: batch)
    try expect("the hidden state", "elements", count, states.hidden.count)
    try expect(
      "the cell state", "elements", shape.cell.hasCellState ? count : 0, states.cell.count)
    if let lengths {
      try expect("the lengths", "elements", batch, lengths.count)
      for (b, length) in lengths.enumerated() where length < 0 || length > steps {
        throw .recurrent(.length(sequence: b, length: length, steps: steps))
      }
    }
    try core.checkMemory(steps: steps, batch: batch)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        states.hidden.withUnsafeMutableBufferPointer { hidden in
          states.cell.withUnsafeMutableBufferPointer { cell in
            var call = RecurrentCall(
              x: x.baseAddress!, y: y.baseAddress!, steps: steps, batch: batch)
            call.firstHidden = UnsafePointer(hidden.baseAddress!)
            call.lastHidden = hidden.baseAddress!
            if shape.cell.hasCellState {
              call.firstCell = UnsafePointer(cell.baseAddress!)
              call.lastCell = cell.baseAddress!
            }
            if let lengths {
              lengths.withUnsafeBufferPointer {
                call.lengths = $0.baseAddress!
                core.run(call)
              }
            } else {
              core.run(call)
            }
          }
        }
      }
    }
  }

  /// The same on raw memory. Not checked: anything.
  ///
  /// - Parameter workspace: ``workspaceBytes(steps:batch:)`` bytes, 64-byte aligned, that no other call uses; nil
  ///   borrows from the network, as does one of several threads.
  public func run(_ call: RecurrentCall, workspace: UnsafeMutableRawPointer? = nil) {
    core.run(call, workspace: workspace)
  }

  /// Share number `slice` of `slices` of the same work, for callers with threads of their own: some of the sequences
  /// through all layers. All shares together are one run. Not checked: anything.
  ///
  /// - Parameter workspace: ``workspaceBytes(steps:batch:)`` bytes, 64-byte aligned, that no other call uses; nil
  ///   borrows from the network.
  public func run(
    slice: Int, of slices: Int, _ call: RecurrentCall, workspace: UnsafeMutableRawPointer? = nil
  ) {
    core.run(call, slice: slice, of: slices, workspace: workspace)
  }
}

extension RecurrentCore {
  /// - Throws: ``OperationError/outOfMemory(bytes:)`` when a run needs more memory than the network has and there is.
  package func checkMemory(steps: Int, batch: Int) throws(OperationError) {
    let bytes = runBytes(steps: steps, batch: batch)
    if bytes > planned && bytes > 1 << 20 && !AvailableMemory.has(bytes) {
      throw .outOfMemory(bytes: bytes)
    }
  }
}
