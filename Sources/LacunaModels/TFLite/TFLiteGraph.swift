// What TFLite operators do with their inputs: which is a weight, and how it lies.

import LacunaIO

/// The operators of one subgraph, by the tensors that they read.
struct TFLiteGraph {
  private struct Use {
    let code: Int
    let input: Int
    let output: Int?
    let isTransposed: Bool
  }

  /// The uses of each tensor.
  private var uses: [Int: [Use]] = [:]

  /// Numbers in BuiltinOperator.
  enum Code {
    static let convolution = 3, depthwise = 4, dequantize = 6, embeddingLookup = 7
    static let fullyConnected = 9, lstm = 16, rnn = 24, svdf = 27, gather = 36
    static let sequenceRNN = 35, sequenceLSTM = 44, transposedConvolution = 67
    static let densify = 124, batchProduct = 126, convolution3D = 132
  }

  init(_ table: FlatTable, _ codes: [Int]) throws(DataProblem) {
    for operation in try table.tables(3) {
      let number = Int(try operation.integer(0, UInt32.self))
      guard number < codes.count else {
        throw .outOfRange(
          what: "operator code", value: number, lowest: 0, highest: codes.count - 1)
      }
      let code = codes[number]
      var isTransposed = false
      if code == Code.batchProduct, let options = try operation.table(4) {
        isTransposed = try options.integer(1, UInt8.self) != 0
      }
      let output = try operation.integers(2, Int32.self).first
      for (input, tensor) in try operation.integers(1, Int32.self).enumerated() where tensor >= 0 {
        uses[tensor, default: []].append(
          Use(code: code, input: input, output: output, isTransposed: isTransposed))
      }
    }
  }

  /// The operators that read the tensor.
  func operators(of tensor: Int) -> [Int] { uses[tensor, default: []].map(\.code) }

  /// What the tensor is for, by the first operator that says; DENSIFY and DEQUANTIZE are looked through.
  func use(
    of tensor: Int, rank: Int
  ) -> (role: TensorRole, operation: String?, view: MatrixView?) {
    var (current, steps) = (tensor, 0)
    while steps < 4 {
      for use in (uses[current] ?? []).prefix(256) {
        if let found = Self.role(use, rank) { return found }
      }
      guard
        let next = uses[current]?.first(where: {
          ($0.code == Code.densify || $0.code == Code.dequantize) && $0.input == 0
        }), let output = next.output
      else { break }
      (current, steps) = (output, steps + 1)
    }
    return (.unknown, nil, nil)
  }

  private static func role(
    _ use: Use, _ rank: Int
  ) -> (role: TensorRole, operation: String?, view: MatrixView?)? {
    let axes = Array(0..<rank)
    let (outputFirst, outputLast, outputPenultimate) = (
      MatrixView(rank: rank),
      rank < 2 ? nil : MatrixView(axes: [rank - 1] + axes.dropLast(), rowAxes: 1),
      rank < 2
        ? nil : MatrixView(axes: axes.dropLast(2) + [rank - 1, rank - 2], rowAxes: rank - 1)
    )
    switch (use.code, use.input) {
    case (Code.fullyConnected, 1): return (.weight, "FULLY_CONNECTED", outputFirst)
    // [out, kH, kW, in], and [1, kH, kW, out] for one filter per channel.
    case (Code.convolution, 1): return (.weight, "CONV_2D", outputFirst)
    case (Code.depthwise, 1): return (.weight, "DEPTHWISE_CONV_2D", outputLast)
    case (Code.transposedConvolution, 1): return (.weight, "TRANSPOSE_CONV", outputFirst)
    // [kD, kH, kW, in, out]
    case (Code.convolution3D, 1): return (.weight, "CONV_3D", outputLast)
    case (Code.batchProduct, 1):
      return (
        .weight, "BATCH_MATMUL",
        use.isTransposed && rank > 1
          ? MatrixView(axes: axes, rowAxes: rank - 1) : outputPenultimate
      )
    case (Code.sequenceLSTM, 1...4), (Code.lstm, 1...4):
      return (.weight, "LSTM", outputFirst)
    case (Code.sequenceLSTM, 5...8), (Code.lstm, 5...8):
      return (.recurrent, "LSTM", outputFirst)
    case (Code.rnn, 1), (Code.sequenceRNN, 1): return (.weight, "RNN", outputFirst)
    case (Code.rnn, 2), (Code.sequenceRNN, 2): return (.recurrent, "RNN", outputFirst)
    case (Code.svdf, 1): return (.weight, "SVDF", outputFirst)
    case (Code.embeddingLookup, 1): return (.embedding, "EMBEDDING_LOOKUP", nil)
    case (Code.gather, 0): return (.embedding, "GATHER", nil)
    case (Code.fullyConnected, 2): return (.bias, "FULLY_CONNECTED", nil)
    case (Code.convolution, 2): return (.bias, "CONV_2D", nil)
    case (Code.depthwise, 2): return (.bias, "DEPTHWISE_CONV_2D", nil)
    case (Code.transposedConvolution, 3): return (.bias, "TRANSPOSE_CONV", nil)
    default: return nil
    }
  }
}
