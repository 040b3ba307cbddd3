// LSTM and GRU nodes are what onnxruntime computes.

import Foundation
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// A case of Tests/Golden/recurrent/cases.json.
private struct GoldenCase: Decodable {
  let op: String, direction: String, resetsAfter: Int
  let steps: Int, batch: Int, inputs: Int, hidden: Int
  let x: [Float], w: [Float], r: [Float]
  let b: [Float]?, lengths: [Int]?, firstHidden: [Float]?, firstCell: [Float]?
  let y: [Float], lastHidden: [Float], lastCell: [Float]?

  enum CodingKeys: String, CodingKey {
    case op, direction, steps, batch, inputs, hidden
    case resetsAfter = "linear_before_reset"
    case x = "X", w = "W", r = "R", b = "B", y = "Y"
    case lengths = "sequence_lens", firstHidden = "initial_h", firstCell = "initial_c"
    case lastHidden = "Y_h", lastCell = "Y_c"
  }

  func test(_ format: GateFormat) throws -> RecurrentCase {
    let cell: RecurrentCell = op == "LSTM" ? .lstm : .gru(resetsAfter: resetsAfter == 1)
    let shape = try RecurrentShape(
      cell, inputs: inputs, hidden: hidden, direction: RecurrentDirection(rawValue: direction)!)
    var test = RecurrentCase(
      shape, layout: .onnx, steps: steps, batch: batch, format: format, seed: 0)
    let rows = cell.gates * hidden
    test.weights = (0..<shape.direction.count).map { d in
      func part(_ all: [Float], _ count: Int) -> [Float] { Array(all[d * count..<(d + 1) * count]) }
      let biases = b.map { part($0, 2 * rows) }
      return DirectionWeights(
        w: part(w, rows * inputs), r: part(r, rows * hidden),
        wb: biases.map { Array($0[..<rows]) }, rb: biases.map { Array($0[rows...]) })
    }
    (test.x, test.lengths) = (x, lengths)
    test.states = RecurrentStates(shape, batch: batch)
    if let firstHidden { test.states.hidden = firstHidden }
    if let firstCell { test.states.cell = firstCell }
    return test
  }
}

@Suite struct RecurrentGoldenTests {
  private static func cases(here: String = #filePath) throws -> [GoldenCase] {
    let tests = here.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let path = tests.joined(separator: "/") + "/Golden/recurrent/cases.json"
    return try JSONDecoder().decode(
      [GoldenCase].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// onnxruntime's tanh and logistic function are polynomials within 1e-6; its sums err as ours do.
  private static let foreignError = 4e-6

  @Test(arguments: [GateFormat.dense, .elements, .squares])
  func nodesAreWhatOnnxruntimeComputes(format: GateFormat) throws {
    let cases = try Self.cases()
    #expect(cases.count == 21)
    for (number, golden) in cases.enumerated() {
      let test = try golden.test(format)
      let want = try test.expected()
      let result = try test.result(test.network())
      for (got, other, bound) in [
        (result.y, golden.y, want.y), (result.states.hidden, golden.lastHidden, want.hidden),
        (result.states.cell, golden.lastCell ?? [], want.cell),
      ] {
        #expect(got.count == other.count)
        let wrong = zip(zip(got, other), bound).first { pair, bound in
          !(abs(Double(pair.0) - Double(pair.1)) <= bound.error + Self.foreignError)
        }
        #expect(wrong == nil, "case \(number), \(golden.op) \(golden.direction)")
      }
    }
  }
}
