// The states of a recurrent network between two runs.

/// h, and c of an LSTM: [layers · directions, batch, hidden] each, layer after layer, the forward direction first.
public struct RecurrentStates: Equatable, Sendable {
  /// h of every unit.
  public var hidden: [Float]
  /// c of every unit of an LSTM; empty for a GRU.
  public var cell: [Float]

  /// Any numbers; a run checks that they are as many as it needs.
  public init(hidden: [Float], cell: [Float] = []) { (self.hidden, self.cell) = (hidden, cell) }

  /// Zeros: where sequences start.
  public init(_ shape: RecurrentShape, batch: Int = 1) {
    let count = shape.stateCount(batch: batch)
    hidden = [Float](repeating: 0, count: count)
    cell = [Float](repeating: 0, count: shape.cell.hasCellState ? count : 0)
  }
}
