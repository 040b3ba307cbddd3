// Cells, directions and sizes of a recurrent network: everything about it but its numbers.

import LacunaFormats

/// What a unit computes from its sums s = W·x + R·h + biases.
public enum RecurrentCell: Hashable, Sendable {
  /// c ← σ(s_f)·c + σ(s_i)·tanh(s_c), h ← σ(s_o)·tanh(c).
  case lstm
  /// h ← (1 − z)·n + z·h with z = σ(s_z), r = σ(s_r), and n = tanh(W_h·x + b + r·(R_h·h + b′)) where the reset comes
  /// after the product (PyTorch; ONNX's `linear_before_reset`; Keras' `reset_after`), else
  /// n = tanh(W_h·x + b + R_h·(r·h) + b′).
  case gru(resetsAfter: Bool)

  /// Sums of each unit: rows of the weights over units.
  public var gates: Int {
    switch self {
    case .lstm: 4
    case .gru: 3
    }
  }

  /// Whether a unit has a cell state c beside h.
  public var hasCellState: Bool { self == .lstm }
}

extension RecurrentCell: CustomStringConvertible {
  /// Such as "lstm" or "gru, reset after".
  public var description: String {
    switch self {
    case .lstm: "lstm"
    case .gru(let resetsAfter): resetsAfter ? "gru, reset after" : "gru, reset before"
    }
  }
}

/// The order in which the gates' rows follow each other in weights and biases.
public enum GateOrder: String, Hashable, Sendable, Codable, CaseIterable {
  /// LSTM i, o, f, c; GRU z, r, h.
  case onnx
  /// LSTM i, f, c, o; GRU z, r, h. Keras stores the transposed matrices, [in, gates · units].
  case keras
  /// LSTM i, f, g, o; GRU r, z, n.
  case torch

  /// Which of the gates i, f, c, o or z, r, h comes when.
  func places(_ cell: RecurrentCell) -> [Int] {
    switch (cell, self) {
    case (.lstm, .onnx): [0, 2, 3, 1]
    case (.lstm, .keras), (.lstm, .torch): [0, 1, 2, 3]
    case (.gru, .onnx), (.gru, .keras): [0, 1, 2]
    case (.gru, .torch): [1, 0, 2]
    }
  }
}

/// The way through a sequence.
public enum RecurrentDirection: String, Hashable, Sendable, Codable, CaseIterable {
  /// From the first step to the last.
  case forward
  /// From the last step to the first; the results lie at the steps they belong to.
  case reverse
  /// Both, each with weights of its own; a step's results are the forward ones, then the others.
  case bidirectional

  /// 1 or 2.
  public var count: Int { self == .bidirectional ? 2 : 1 }
}

/// How sequences lie in memory.
public enum SequenceLayout: String, Hashable, Sendable, Codable, CaseIterable {
  /// X [time, batch, features], Y [time, batch, directions · hidden]: PyTorch.
  case time
  /// X [batch, time, features], Y [batch, time, directions · hidden]: Keras; PyTorch's `batch_first`.
  case batch
  /// X [time, batch, features], Y [time, directions, batch, hidden]: ONNX.
  case onnx
}

/// Sizes of a recurrent network: if you hold one, they fit.
public struct RecurrentShape: Hashable, Sendable {
  /// The kind of all units.
  public let cell: RecurrentCell
  /// Features of a step of X.
  public let inputs: Int
  /// Units of each direction of each layer.
  public let hidden: Int
  /// Layers, each of which reads the results of the one before.
  public let layers: Int
  /// The way that each layer goes.
  public let direction: RecurrentDirection

  /// - Parameters:
  ///   - inputs, hidden, layers: 1 or more.
  /// - Throws: ``OperationError/outOfRange(name:value:minimum:maximum:)``, ``RecurrentError``.
  public init(
    _ cell: RecurrentCell, inputs: Int, hidden: Int, layers: Int = 1,
    direction: RecurrentDirection = .forward
  ) throws(OperationError) {
    let most = Int(Int32.max)
    for (name, value, maximum) in [
      ("inputs", inputs, most), ("hidden units", hidden, most), ("layers", layers, 1 << 10),
    ] where value < 1 || value > maximum {
      throw .outOfRange(name: name, value: value, minimum: 1, maximum: maximum)
    }
    (self.cell, self.inputs, self.hidden) = (cell, inputs, hidden)
    (self.layers, self.direction) = (layers, direction)
    try Self.check("the weights", cell.gates, hidden, max(inputs, direction.count * hidden))
  }

  /// Refuses counts that cannot be addressed. Allocates nothing: every run asks.
  static func check(
    _ name: StaticString, _ a: Int, _ b: Int, _ c: Int = 1
  ) throws(OperationError) {
    let (ab, overflow) = a.multipliedReportingOverflow(by: b)
    let (abc, more) = ab.multipliedReportingOverflow(by: c)
    if overflow || more || abc > 1 << 44 {
      throw .recurrent(.tooManyElements(name: "\(name)", factors: c == 1 ? [a, b] : [a, b, c]))
    }
  }
}

extension RecurrentShape {
  /// Features of a step of Y.
  public var outputs: Int { direction.count * hidden }
  /// Cells with weights of their own: one for each direction of each layer.
  public var passes: Int { layers * direction.count }
  /// Elements of the state h, and of c where there is one: [layers · directions, batch, hidden].
  public func stateCount(batch: Int) -> Int { passes * batch * hidden }
  /// Rows of all weights.
  var rows: Int { cell.gates * hidden }
  /// Features that a layer reads.
  func inputs(layer: Int) -> Int { layer == 0 ? inputs : outputs }
}

extension RecurrentShape: CustomStringConvertible {
  /// Such as "lstm 40 → 128, 2 layers, bidirectional".
  public var description: String {
    "\(cell) \(inputs) → \(outputs)" + (layers == 1 ? "" : ", \(layers) layers")
      + (direction == .forward ? "" : ", \(direction.rawValue)")
  }
}
