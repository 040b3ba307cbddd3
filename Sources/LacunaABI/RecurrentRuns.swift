// lcn_recurrent_run, lcn_recurrent_run_slice: the operands checked, then the network.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaOperations

@c @implementation
public func lcn_recurrent_run(
  _ network: OpaquePointer?, _ operands: UnsafePointer<lcn_recurrent_operands>?
) -> lcn_status {
  call { () throws(Failure) in
    try HandleTable.use(network, .recurrent, as: RecurrentCore.self) { (core) throws(Failure) in
      let sequences = try Sequences(core, try descriptor(operands, "operands"))
      if sequences.workspace == nil || core.threads > 1 {
        try Failure.operation { () throws(OperationError) in
          try core.checkMemory(steps: sequences.call.steps, batch: sequences.call.batch)
        }
      }
      core.run(sequences.call, workspace: sequences.workspace)
    }
  }
}

@c @implementation
public func lcn_recurrent_run_slice(
  _ network: OpaquePointer?, _ slice: Int64, _ slices: Int64,
  _ operands: UnsafePointer<lcn_recurrent_operands>?
) -> lcn_status {
  call { () throws(Failure) in
    try checkSlice(slice, slices)
    try HandleTable.use(network, .recurrent, as: RecurrentCore.self) { (core) throws(Failure) in
      let sequences = try Sequences(core, try descriptor(operands, "operands"))
      if sequences.workspace == nil {
        try Failure.operation { () throws(OperationError) in
          try core.checkMemory(steps: sequences.call.steps, batch: sequences.call.batch)
        }
      }
      core.run(
        sequences.call, slice: Int(slice), of: Int(slices), workspace: sequences.workspace)
    }
  }
}

/// The operands of one run, checked.
private struct Sequences {
  let call: RecurrentCall
  let workspace: UnsafeMutableRawPointer?

  init(_ core: RecurrentCore, _ o: lcn_recurrent_operands) throws(Failure) {
    try zero(o.reserved, "reserved")
    let (steps, batch) = (try dimension(o.steps, "steps"), try dimension(o.batch, "batch"))
    let shape = core.shape
    try Failure.operation { () throws(OperationError) in
      try Recurrent.checkSizes(shape, steps: steps, batch: batch)
    }
    let xCount = steps * batch * shape.inputs
    let yCount = steps * batch * shape.outputs
    let states = shape.stateCount(batch: batch)
    if !shape.cell.hasCellState && (o.first_cell != nil || o.last_cell != nil) {
      throw Failure(.shapeMismatch, "a cell state is given, and a GRU has none")
    }
    func input(
      _ pointer: UnsafePointer<Float>?, _ count: Int, _ name: StaticString
    ) throws(Failure) -> UnsafePointer<Float>? {
      if pointer == nil { return nil }
      return try array(pointer, count: count, size: 4, name).assumingMemoryBound(to: Float.self)
    }
    func output(
      _ pointer: UnsafeMutablePointer<Float>?, _ count: Int, _ name: StaticString
    ) throws(Failure) -> UnsafeMutablePointer<Float>? {
      if pointer == nil { return nil }
      return try mutableArray(pointer, count: count, size: 4, name)
        .assumingMemoryBound(to: Float.self)
    }
    let x = try array(o.x, count: xCount, size: 4, "x").assumingMemoryBound(to: Float.self)
    var call = RecurrentCall(
      x: x, y: try output(o.y, yCount, "y"), steps: steps, batch: batch)
    call.firstHidden = try input(o.first_hidden, states, "first_hidden")
    call.firstCell = try input(o.first_cell, states, "first_cell")
    call.lastHidden = try output(o.last_hidden, states, "last_hidden")
    call.lastCell = try output(o.last_cell, states, "last_cell")
    if let lengths = o.lengths {
      let values = try array(lengths, count: batch, size: 8, "lengths")
        .assumingMemoryBound(to: Int.self)
      for b in 0..<batch where values[b] < 0 || values[b] > steps {
        throw Failure(
          .invalidArgument, "lengths[\(b)] is \(values[b]), must be in 0...\(steps)")
      }
      call.lengths = values
    }
    if call.y == nil && call.lastHidden == nil && call.lastCell == nil {
      throw Failure(.nullPointer, "y, last_hidden and last_cell are NULL: nothing is asked for")
    }
    workspace = try checkedWorkspace(
      o.workspace, o.workspace_bytes,
      wanted: core.workspaceBytes(steps: steps, batch: batch), "network")
    self.call = call
    try checkOverlaps(xCount, yCount, states, batch)
  }

  /// Outputs overlap nothing, but that last states may take the place of the first ones.
  private func checkOverlaps(
    _ xCount: Int, _ yCount: Int, _ states: Int, _ batch: Int
  ) throws(Failure) {
    func apart(
      _ a: UnsafeMutablePointer<Float>?, _ aCount: Int, _ aName: StaticString,
      _ b: UnsafeRawPointer?, _ bBytes: Int, _ bName: StaticString
    ) throws(Failure) {
      guard let a, let b else { return }
      if overlap(UnsafeRawPointer(a), aCount * 4, b, bBytes) {
        throw Failure(.invalidArgument, "\(aName) and \(bName) overlap")
      }
    }
    let bytes = states * 4
    let (x, lengths) = (UnsafeRawPointer(call.x), call.lengths.map { UnsafeRawPointer($0) })
    let (h, c) = (
      call.firstHidden.map { UnsafeRawPointer($0) }, call.firstCell.map { UnsafeRawPointer($0) }
    )
    let (lastH, lastC) = (
      call.lastHidden.map { UnsafeRawPointer($0) }, call.lastCell.map { UnsafeRawPointer($0) }
    )
    try apart(call.y, yCount, "y", x, xCount * 4, "x")
    try apart(call.y, yCount, "y", h, bytes, "first_hidden")
    try apart(call.y, yCount, "y", c, bytes, "first_cell")
    try apart(call.y, yCount, "y", lastH, bytes, "last_hidden")
    try apart(call.y, yCount, "y", lastC, bytes, "last_cell")
    try apart(call.y, yCount, "y", lengths, batch * 8, "lengths")
    try apart(call.lastHidden, states, "last_hidden", x, xCount * 4, "x")
    try apart(call.lastHidden, states, "last_hidden", lengths, batch * 8, "lengths")
    try apart(call.lastHidden, states, "last_hidden", lastC, bytes, "last_cell")
    try apart(call.lastHidden, states, "last_hidden", c, bytes, "first_cell")
    if lastH != h { try apart(call.lastHidden, states, "last_hidden", h, bytes, "first_hidden") }
    try apart(call.lastCell, states, "last_cell", x, xCount * 4, "x")
    try apart(call.lastCell, states, "last_cell", lengths, batch * 8, "lengths")
    try apart(call.lastCell, states, "last_cell", h, bytes, "first_hidden")
    if lastC != c { try apart(call.lastCell, states, "last_cell", c, bytes, "first_cell") }
  }
}
