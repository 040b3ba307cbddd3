// LSTM and GRU of ONNX: the usual functions, in one direction or both.

import LacunaGraph
import LacunaIO
import LacunaOperations

extension ONNXRule {
  static let recurrent: [String: ONNXRule] = [
    "LSTM": .init(7) { call throws(DataProblem) in
      try call.refuse("input_forget", unless: 0)
      if call.has(7) { throw .unsupported(what: "LSTM", found: "with peepholes") }
      return try call.recurrent(.lstm, functions: ["Sigmoid", "Tanh", "Tanh"])
    },
    "GRU": .init(7) { call throws(DataProblem) in
      try call.recurrent(
        .gru(resetsAfter: try call.flag("linear_before_reset")), functions: ["Sigmoid", "Tanh"])
    },
  ]
}

extension ONNXCall {
  fileprivate func recurrent(
    _ cell: RecurrentCell, functions: [String]
  ) throws(DataProblem) -> [GraphNode] {
    let name = try text("direction", "forward")
    guard let direction = RecurrentDirection(rawValue: name) else {
      throw .unsupported(what: "direction", found: name)
    }
    if case .texts(let given) = node.attributes["activations"],
      given != (0..<direction.count).flatMap({ _ in functions })
    {
      throw .unsupported(what: "activations", found: "\(given)")
    }
    if node.attributes["clip"] != nil { throw .unsupported(what: "attribute", found: "clip") }
    try refuse("layout", unless: 0)
    let hidden = node.attributes["hidden_size"] == nil ? nil : try integer("hidden_size", 0)
    return one(
      .recurrent(cell, direction: direction, hidden: hidden), inputs: cell.hasCellState ? 7 : 6)
  }
}
