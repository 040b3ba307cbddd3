// h_t = cell(W·x_t + R·h_{t−1} + biases): the kinds of cell that a network can be trained with.

import LacunaOperations

/// The kind of a recurrent layer's units; its gates' rows follow each other as in ONNX.
public enum RecurrentUnit: String, Hashable, Codable, Sendable, CaseIterable {
  /// A long short-term memory: gates i, o, f, c.
  case lstm
  /// A gated recurrent unit that resets after the product, as Keras has it by default: gates z, r, h.
  case gru

  /// What runs it.
  public var cell: RecurrentCell {
    switch self {
    case .lstm: .lstm
    case .gru: .gru(resetsAfter: true)
    }
  }

  /// Rows of the weights over units.
  public var gates: Int { cell.gates }
}

/// What a recurrent layer hands on.
public enum RecurrentOutput: String, Hashable, Codable, Sendable, CaseIterable {
  /// The state after the last step: a vector.
  case last
  /// The states after all steps: a sequence.
  case all
}
