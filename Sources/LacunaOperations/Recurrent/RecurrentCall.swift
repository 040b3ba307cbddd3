// The operands of one run of a recurrent network, as addresses.

/// Sequences, states and results in the caller's memory. Not checked: anything.
///
/// States are [layers · directions, batch, hidden]: layer after layer, the forward direction first. Last states may
/// be written where the first ones lie, so that a stream goes on where it was.
public struct RecurrentCall {
  /// steps · batch · inputs values in the network's layout.
  public var x: UnsafePointer<Float>
  /// steps · batch · outputs values; nil when only the last states are asked for.
  public var y: UnsafeMutablePointer<Float>?
  /// Steps and sequences, 1 or more.
  public var steps: Int, batch: Int
  /// Steps of each sequence, 0 to `steps`; nil when each has all of them. Behind its end a sequence's results are 0,
  /// and its last states are those of its own last step, in reverse of its first.
  public var lengths: UnsafePointer<Int>?
  /// h and c before the run; nil is zeros. c of an LSTM alone.
  public var firstHidden: UnsafePointer<Float>?, firstCell: UnsafePointer<Float>?
  /// h and c after the run, if asked for.
  public var lastHidden: UnsafeMutablePointer<Float>?, lastCell: UnsafeMutablePointer<Float>?

  /// Whole sequences that start from zeros; the rest is set afterwards.
  public init(
    x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>?, steps: Int = 1, batch: Int = 1
  ) {
    (self.x, self.y, self.steps, self.batch) = (x, y, steps, batch)
  }
}
