// What does not fit is refused with the numbers that disagree.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct RecurrentErrorTests {
  private func error(_ body: () throws -> Void) -> OperationError? {
    do { try body() } catch { return error as? OperationError }
    return nil
  }

  private let most = Int(Int32.max)

  @Test func sizesBelowOneAreOutOfRange() {
    for value in [0, -1, Int.min, most + 1, Int.max] {
      func wrong(_ name: String, _ maximum: Int) -> OperationError {
        .outOfRange(name: name, value: value, minimum: 1, maximum: maximum)
      }
      #expect(
        error { _ = try RecurrentShape(.lstm, inputs: value, hidden: 1) } == wrong("inputs", most))
      #expect(
        error { _ = try RecurrentShape(.lstm, inputs: 1, hidden: value) }
          == wrong("hidden units", most))
      #expect(
        error { _ = try RecurrentShape(.lstm, inputs: 1, hidden: 1, layers: value) }
          == wrong("layers", 1024))
    }
  }

  @Test func whatCannotBeAddressedIsRefused() {
    #expect(
      error { _ = try RecurrentShape(.lstm, inputs: most, hidden: most) }
        == .recurrent(.tooManyElements(name: "the weights", factors: [4, most, most])))
  }

  /// 3 inputs, 2 units.
  private func weights(
    rows: Int = 8, inputs: Int = 3, hidden: Int = 2, recurrentRows: Int? = nil,
    bias: [Float]? = nil, recurrentBias: [Float]? = nil
  ) throws -> RecurrentWeights {
    RecurrentWeights(
      input: SparseTensor(try DenseMatrix<Float>(rows: rows, columns: inputs)),
      recurrent: SparseTensor(
        try DenseMatrix<Float>(rows: recurrentRows ?? rows, columns: hidden)),
      inputBias: bias, recurrentBias: recurrentBias)
  }

  @Test func networksRefuseWhatDoesNotFit() throws {
    let shape = try RecurrentShape(.lstm, inputs: 3, hidden: 2)
    func networkError(
      _ weights: RecurrentWeights..., steps: Int = 1, batch: Int = 1,
      options: PlanOptions = .init(deterministic: true)
    ) -> OperationError? {
      error {
        _ = try Recurrent(
          shape, weights: weights, order: .onnx, steps: steps, batch: batch, options: options)
      }
    }
    let good = try weights()
    #expect(networkError(good) == nil)
    var wide = good
    wide.recurrent = wide.recurrent.converted(to: Double.self)
    #expect(
      networkError(wide) == .elementType(operand: "weights", expected: .f32, actual: .f64))
    #expect(
      networkError(good, good)
        == .shapeMismatch(operand: "the network", dimension: "weights", expected: 1, actual: 2))
    #expect(
      networkError(try weights(rows: 6))
        == .shapeMismatch(operand: "the input matrix", dimension: "rows", expected: 8, actual: 6))
    #expect(
      networkError(try weights(inputs: 2))
        == .shapeMismatch(
          operand: "the input matrix", dimension: "columns", expected: 3, actual: 2))
    #expect(
      networkError(try weights(recurrentRows: 2))
        == .shapeMismatch(
          operand: "the recurrent matrix", dimension: "rows", expected: 8, actual: 2))
    #expect(
      networkError(try weights(hidden: 8))
        == .shapeMismatch(
          operand: "the recurrent matrix", dimension: "columns", expected: 2, actual: 8))
    #expect(networkError(try weights(bias: [1])) == .biasCount(expected: 8, actual: 1))
    #expect(
      networkError(try weights(recurrentBias: [Float](repeating: 1, count: 16)))
        == .biasCount(expected: 8, actual: 16))
    for value in [0, -3] {
      #expect(
        networkError(good, steps: value)
          == .outOfRange(name: "steps", value: value, minimum: 1, maximum: most))
      #expect(
        networkError(good, batch: value)
          == .outOfRange(name: "sequences", value: value, minimum: 1, maximum: most))
      #expect(
        networkError(good, options: PlanOptions(threads: value))
          == .outOfRange(name: "threads", value: value, minimum: 1, maximum: .max))
    }
    #expect(
      networkError(good, options: PlanOptions(updatable: true)) == .recurrent(.updatable))
    let plan = try Plan(csr([Float(1)], 1, 1), width: 1)
    #expect(
      networkError(good, options: PlanOptions(decision: plan.decision))
        == .invalidDecision(reason: "it was made for a product, not for a recurrent network"))
    guard case .unknownKernel("none", _) = networkError(good, options: PlanOptions(kernel: "none"))
    else {
      Issue.record("a kernel called none exists")
      return
    }
    #expect(
      networkError(good, steps: 1 << 30, batch: 1 << 30)
        == .recurrent(.tooManyElements(name: "the sequences", factors: [1 << 30, 1 << 30, 3])))
  }

  @Test(arguments: [RecurrentCell.lstm, .gru(resetsAfter: true)])
  func runsRefuseWhatDoesNotFit(cell: RecurrentCell) throws {
    let shape = try RecurrentShape(cell, inputs: 3, hidden: 2, layers: 2)
    let rows = cell.gates * 2
    let network = try Recurrent(
      shape, weights: [weights(rows: rows), weights(rows: rows, inputs: 2)], order: .torch)
    let fit = RecurrentStates(shape, batch: 2)
    func runError(
      _ count: Int, y: Int, batch: Int = 2, states: RecurrentStates? = nil, lengths: [Int]? = nil
    ) -> OperationError? {
      let x = [Float](repeating: 1, count: count)
      var results = [Float](repeating: 7, count: y)
      var after = states ?? fit
      let before = after
      let found = error {
        var into = results.mutableSpan
        try network.run(x.span, into: &into, batch: batch, states: &after, lengths: lengths)
      }
      if found != nil {
        #expect(results.allSatisfy { $0 == 7 } && after == before, "something was written")
      }
      return found
    }
    #expect(runError(12, y: 8) == nil)
    #expect(
      runError(0, y: 0) == .outOfRange(name: "steps", value: 0, minimum: 1, maximum: most))
    #expect(
      runError(12, y: 8, batch: 0)
        == .outOfRange(name: "sequences", value: 0, minimum: 1, maximum: most))
    #expect(
      runError(13, y: 8)
        == .shapeMismatch(operand: "X", dimension: "elements", expected: 12, actual: 13))
    #expect(
      runError(12, y: 9)
        == .shapeMismatch(operand: "Y", dimension: "elements", expected: 8, actual: 9))
    var states = fit
    states.hidden.removeLast()
    #expect(
      runError(12, y: 8, states: states)
        == .shapeMismatch(
          operand: "the hidden state", dimension: "elements", expected: 8, actual: 7))
    states = fit
    states.cell.append(1)
    let cells = cell.hasCellState ? 8 : 0
    #expect(
      runError(12, y: 8, states: states)
        == .shapeMismatch(
          operand: "the cell state", dimension: "elements", expected: cells, actual: cells + 1))
    #expect(
      runError(12, y: 8, lengths: [1])
        == .shapeMismatch(operand: "the lengths", dimension: "elements", expected: 2, actual: 1))
    #expect(
      runError(12, y: 8, lengths: [2, 3])
        == .recurrent(.length(sequence: 1, length: 3, steps: 2)))
    #expect(
      runError(12, y: 8, lengths: [-1, 2])
        == .recurrent(.length(sequence: 0, length: -1, steps: 2)))
    #expect(runError(12, y: 8, lengths: [0, 2]) == nil)
    #expect(
      error { _ = try network([1, 2], batch: -1) }
        == .outOfRange(name: "sequences", value: -1, minimum: 1, maximum: most))
    #expect(
      error { _ = try network([]) }
        == .outOfRange(name: "steps", value: 0, minimum: 1, maximum: most))
  }

  @Test func everyErrorIsOneLine() {
    for error in [
      RecurrentError.tooManyElements(name: "the weights", factors: [4, 5]),
      .length(sequence: 1, length: 3, steps: 2), .updatable,
    ] {
      #expect("\(OperationError.recurrent(error))" == "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }
}
