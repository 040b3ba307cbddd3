// Y, h, c ← an LSTM or GRU over the steps of X: the recurrent networks of LacunaOperations as nodes.

import LacunaFormats
import LacunaOperations

/// One layer, in one direction or both: operands and results as ONNX has them.
struct RecurrentRule: OperatorRule {
  let cell: RecurrentCell
  let direction: RecurrentDirection
  /// Units of each direction; nil for what the weights say.
  let hidden: Int?

  /// X, W, R, biases, lengths, the state h, and of an LSTM c.
  var inputs: ClosedRange<Int> { 3...(cell.hasCellState ? 7 : 6) }
  var outputs: ClosedRange<Int> { 0...(cell.hasCellState ? 3 : 2) }
  var folds: Bool { false }

  private func sizes(
    _ x: Operands
  ) throws(GraphProblem) -> (shape: RecurrentShape, steps: Int, batch: Int) {
    let sequence = try x.numbers(0, "the sequence").shape
    let (w, r) = (
      try x.numbers(1, "the weights").shape, try x.numbers(2, "the recurrent weights").shape
    )
    let directions = direction.count
    guard sequence.count == 3, w.count == 3, r.count == 3, w[0] == directions, w[2] == sequence[2],
      w[1] % cell.gates == 0, r == [directions, w[1], w[1] / cell.gates]
    else { throw .shapes(what: "sequence and weights do not fit", [sequence, w, r]) }
    let units = w[1] / cell.gates
    if let hidden, hidden != units {
      throw .count(what: "units of the weights", expected: hidden, actual: units)
    }
    let states = [directions, sequence[1], units]
    for (index, what, expected) in [
      (3, "the biases", [directions, 2 * w[1]]), (4, "the lengths", [sequence[1]]),
      (5, "the state", states), (6, "the cell state", states),
    ] {
      if let operand = x.optional(index), operand.shape != expected {
        throw .shapes(what: "\(what) do not fit", [operand.shape, expected])
      }
    }
    for length in try x.integers(4, "the lengths") ?? [] where length < 0 || length > sequence[0] {
      throw .outOfRange(what: "a length", value: length, lowest: 0, highest: sequence[0])
    }
    do throws(OperationError) {
      let shape = try RecurrentShape(
        cell, inputs: sequence[2], hidden: units, direction: direction)
      try Recurrent.checkSizes(shape, steps: sequence[0], batch: sequence[1])
      return (shape, sequence[0], sequence[1])
    } catch { throw .operation(error) }
  }

  func results(_ x: Operands) throws(GraphProblem) -> [GraphType] {
    let (shape, steps, batch) = try sizes(x)
    let state = GraphType(unchecked: .f32, [direction.count, batch, shape.hidden])
    let all = try GraphType(.f32, [steps, direction.count, batch, shape.hidden])
    return cell.hasCellState ? [all, state, state] : [all, state]
  }

  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody {
    let x = request.inputs
    let (shape, steps, batch) = try sizes(x)
    let rows = cell.gates * shape.hidden
    var weights: [RecurrentWeights] = []
    for place in 0..<direction.count {
      let biases = try x.optional(3).map { operand throws(GraphProblem) in
        guard let floats = operand.floats else { throw .notConstant(what: "the biases") }
        return floats[(place * 2 * rows)..<((place + 1) * 2 * rows)]
      }
      weights.append(
        RecurrentWeights(
          input: try matrix(x[1], place, rows, "the weights", request),
          recurrent: try matrix(x[2], place, rows, "the recurrent weights", request),
          inputBias: biases.map { Array($0.prefix(rows)) },
          recurrentBias: biases.map { Array($0.suffix(rows)) }))
    }
    do throws(OperationError) {
      let network = try Recurrent(
        shape, weights: weights, order: .onnx, layout: .onnx, steps: steps, batch: batch,
        options: request.options)
      return RecurrentBody(
        network: network, steps: steps, batch: batch, lengths: try? x.integers(4, "the lengths"),
        hasHidden: x.optional(5) != nil, hasCell: x.optional(6) != nil)
    } catch { throw .operation(error) }
  }

  /// The matrix of one direction.
  private func matrix(
    _ operand: Operand?, _ direction: Int, _ rows: Int, _ what: String, _ request: BodyRequest
  ) throws(GraphProblem) -> SparseTensor {
    // Before every zero of it is written out.
    if case .weights(let tensor)? = operand?.constant, tensor.rows == rows, request.skipsZeros {
      return tensor.converted(to: Float.self)
    }
    guard let operand, let floats = operand.floats else { throw .notConstant(what: what) }
    let columns = operand.shape[2]
    let first = direction * rows * columns
    var matrix = DenseMatrix<Float>(uninitialized: rows, columns)
    matrix.withUnsafeMutableElements { target in
      _ = target.update(fromContentsOf: floats[first..<(first + rows * columns)])
    }
    return SparseTensor(request.skipsZeros ? StoredMatrix(skipping: matrix) : .dense(matrix))
  }
}

private struct RecurrentBody: GraphBody {
  let network: Recurrent
  let steps: Int, batch: Int
  /// Of each sequence; nil for whole ones.
  let lengths: [Int]?
  let hasHidden: Bool, hasCell: Bool

  var kernel: String { network.kernelName }

  func run(_ call: StepCall) {
    var run = RecurrentCall(x: call.floats(0), y: call.wanted(0), steps: steps, batch: batch)
    if hasHidden { run.firstHidden = call.floats(5) }
    run.lastHidden = call.wanted(1)
    if network.shape.cell.hasCellState {
      if hasCell { run.firstCell = call.floats(6) }
      run.lastCell = call.wanted(2)
    }
    guard let lengths else { return network.run(run) }
    lengths.withUnsafeBufferPointer {
      run.lengths = $0.baseAddress
      network.run(run)
    }
  }
}

extension StepCall {
  /// The memory of an output; nil when nobody wants it.
  fileprivate func wanted(_ index: Int) -> UnsafeMutablePointer<Float>? {
    let place = places[inputCount + index]
    return place < 0 ? nil : values[place]!.assumingMemoryBound(to: Float.self)
  }
}

extension GraphOperator {
  /// An LSTM or GRU over a sequence [steps, batch, features].
  ///
  /// Operands 1 to 3 are the weights [directions, gates · hidden, features], the recurrent weights [directions, gates ·
  /// hidden, hidden] and the biases [directions, 2 · gates · hidden] in ONNX's order of gates, known when a plan is
  /// made; 4 the steps of each sequence, known too; 5 and 6 the states h and c [directions, batch, hidden] before the
  /// first step. From 3 on they may be left out. Results are all steps [steps, directions, batch, hidden], and h and c
  /// after the last one.
  public static func recurrent(
    _ cell: RecurrentCell, direction: RecurrentDirection = .forward, hidden: Int? = nil
  ) -> GraphOperator {
    GraphOperator(
      cell.hasCellState ? "lstm" : "gru",
      RecurrentRule(cell: cell, direction: direction, hidden: hidden))
  }
}
