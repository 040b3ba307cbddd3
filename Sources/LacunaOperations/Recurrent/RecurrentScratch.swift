// The scratch memory of one pass: sums of some steps, sums of one step, states.

import LacunaFormats

/// Where each part of the scratch memory of some sequences starts, in bytes; each on a cache line of its own.
struct RecurrentScratch: Sendable {
  fileprivate let recurrent: Int, hidden: Int, cell: Int, gated: Int, inputs: Int, product: Int
  let bytes: Int

  /// Right-hand sides that the wide product aims at: W is read once for so many, and their sums stay in the
  /// second-level cache for the steps that use them.
  private static let chunk = 128

  /// Steps whose inputs are multiplied at once.
  static func stepsPerChunk(steps: Int, sequences: Int) -> Int {
    let most = max(1, chunk / sequences)
    let chunks = (steps + most - 1) / most
    return (steps + chunks - 1) / chunks
  }

  /// - Parameters:
  ///   - inputs: most features that a layer reads.
  ///   - product: bytes that any of the products needs.
  init(_ shape: RecurrentShape, inputs: Int, product: Int, steps: Int, sequences: Int) {
    // No fewer for fewer sequences: a slice of a run fits into what the run needs.
    let rows = min(steps * sequences, max(Self.chunk, sequences))
    var offset = 0
    func take(_ floats: Int) -> Int {
      defer { offset += (floats * 4 + 63) / 64 * 64 }
      return offset
    }
    let states = sequences * shape.hidden
    _ = take(rows * shape.rows)
    recurrent = take(sequences * shape.rows)
    hidden = take(states)
    cell = take(shape.cell.hasCellState ? states : 0)
    gated = take(shape.cell == .gru(resetsAfter: false) ? states : 0)
    // One sequence, and one step, always lie evenly.
    self.inputs = take(steps == 1 || sequences == 1 ? 0 : rows * inputs)
    self.product = offset
    bytes = offset + (product + 63) / 64 * 64
  }
}

/// The same in the memory of one pass that runs.
struct RecurrentMemory {
  /// W·x + bias of a chunk's steps; R·h + bias of one.
  let sums: UnsafeMutablePointer<Float>, recurrent: UnsafeMutablePointer<Float>
  /// h and c; r·h; rows of X.
  let hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>
  let gated: UnsafeMutablePointer<Float>, inputs: UnsafeMutablePointer<Float>
  let product: UnsafeMutableRawPointer

  init(_ scratch: RecurrentScratch, _ workspace: UnsafeMutableRawPointer) {
    func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
      (workspace + offset).assumingMemoryBound(to: Float.self)
    }
    (sums, recurrent) = (floats(0), floats(scratch.recurrent))
    (hidden, cell) = (floats(scratch.hidden), floats(scratch.cell))
    (gated, inputs) = (floats(scratch.gated), floats(scratch.inputs))
    product = workspace + scratch.product
  }
}
