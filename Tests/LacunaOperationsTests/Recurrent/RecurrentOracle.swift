// A recurrent network in double precision, with the error that rounding explains beside every number.

import Foundation
import LacunaFormats
import LacunaOperations
import TestSupport

/// How a test hands weights over.
enum GateFormat: String, CaseIterable, Sendable {
  case dense, elements, squares, bytes, byteSquares, bf16, f16Squares, codebook

  var block: BlockSize {
    switch self {
    case .dense, .elements, .bytes, .bf16, .codebook: .element
    case .squares, .byteSquares, .f16Squares: BlockSize(unchecked: 4, 4)
    }
  }
  var isQuantized: Bool { self == .bytes || self == .byteSquares }

  func matrix(_ w: [Float], _ rows: Int, _ columns: Int) throws -> SparseTensor {
    switch self {
    case .dense: try SparseTensor(shape: [rows, columns], values: w)
    case .elements: SparseTensor(try csr(w, rows, columns))
    case .squares: SparseTensor(try bsr(w, rows, columns, block))
    case .bytes: SparseTensor(try QuantizedCSR(quantizing: csr(w, rows, columns)))
    case .byteSquares: SparseTensor(try QuantizedBSR(quantizing: bsr(w, rows, columns, block)))
    case .bf16: SparseTensor(try csr(w, rows, columns)).converted(to: BFloat16.self)
    case .f16Squares:
      SparseTensor(try bsr(w, rows, columns, block)).converted(to: Float16.self)
    case .codebook: SparseTensor(CodebookCSR(exactly: try csr(coarse(w), rows, columns))!)
    }
  }

  /// Multiples of a sixteenth: few values.
  private func coarse(_ w: [Float]) -> [Float] { w.map { ($0 * 16).rounded() / 16 } }

  /// The weights that are computed with.
  func kept(_ w: [Float], _ rows: Int, _ columns: Int) throws -> [Float] {
    switch self {
    case .dense, .elements, .squares: w
    case .bf16: w.map { BFloat16($0).widened }
    case .f16Squares: w.map { Float16(nearest: $0).widened }
    case .codebook: coarse(w)
    case .bytes: try QuantizedCSR(quantizing: csr(w, rows, columns)).dequantized().dense().values
    case .byteSquares:
      try QuantizedBSR(quantizing: bsr(w, rows, columns, block)).dequantized().dense().values
    }
  }
}

/// A number, and how far a result may be from it.
struct Bounded {
  var value = 0.0, error = 0.0
}

/// Weights of one direction of one layer.
struct DirectionWeights: Sendable {
  var w: [Float], r: [Float]
  var wb: [Float]?, rb: [Float]?
}

/// A network with its sequences: everything a run needs.
struct RecurrentCase: Sendable {
  var shape: RecurrentShape
  var order: GateOrder
  var layout: SequenceLayout
  var steps: Int, batch: Int
  var format: GateFormat
  var weights: [DirectionWeights]
  var x: [Float]
  var states: RecurrentStates
  var lengths: [Int]?

  init(
    _ shape: RecurrentShape, order: GateOrder = .onnx, layout: SequenceLayout = .time,
    steps: Int, batch: Int, format: GateFormat = .elements, biases: Bool = true,
    ragged: Bool = false, seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    (self.shape, self.order, self.layout) = (shape, order, layout)
    (self.steps, self.batch, self.format) = (steps, batch, format)
    let (rows, hidden) = (shape.cell.gates * shape.hidden, shape.hidden)
    func matrix(_ columns: Int) -> [Float] {
      // Sums of a few units.
      let scale = 3 / Float(columns).squareRoot()
      return randomWeights(rows, columns, sparsity: 0.5, block: format.block, &generator).map {
        $0 * scale
      }
    }
    weights = (0..<shape.passes).map { i in
      let inputs = i < shape.direction.count ? shape.inputs : shape.outputs
      return DirectionWeights(
        w: matrix(inputs), r: matrix(hidden), wb: biases ? generator.values(rows) : nil,
        rb: biases ? generator.values(rows) : nil)
    }
    x = generator.values(steps * batch * shape.inputs)
    states = RecurrentStates(shape, batch: batch)
    states.hidden = generator.values(states.hidden.count)
    states.cell = generator.values(states.cell.count)
    lengths =
      ragged
      ? (0..<batch).map { _ in Int.random(in: 0...steps, using: &generator) } : nil
  }

  func network(_ options: PlanOptions = .init(deterministic: true)) throws -> Recurrent {
    let rows = shape.cell.gates * shape.hidden
    return try Recurrent(
      shape,
      weights: weights.map {
        RecurrentWeights(
          input: try format.matrix($0.w, rows, $0.w.count / rows),
          recurrent: try format.matrix($0.r, rows, shape.hidden), inputBias: $0.wb,
          recurrentBias: $0.rb)
      }, order: order, layout: layout, steps: steps, batch: batch, options: options)
  }

  /// Results and last states of a run of a network.
  func result(_ network: Recurrent) throws -> (y: [Float], states: RecurrentStates) {
    var after = states
    return (try network(x, batch: batch, states: &after, lengths: lengths), after)
  }

  /// Elements from the start of Y to unit `u` of a direction at a step of a sequence.
  private func place(_ t: Int, _ b: Int, _ d: Int, _ u: Int) -> Int {
    let (directions, hidden) = (shape.direction.count, shape.hidden)
    return switch layout {
    case .time: ((t * batch + b) * directions + d) * hidden + u
    case .batch: ((b * steps + t) * directions + d) * hidden + u
    case .onnx: ((t * directions + d) * batch + b) * hidden + u
    }
  }

  /// What results and last states must be.
  func expected() throws -> (y: [Bounded], hidden: [Bounded], cell: [Bounded]) {
    let (directions, hidden) = (shape.direction.count, shape.hidden)
    var y = [Bounded](repeating: Bounded(), count: steps * batch * shape.outputs)
    var last = states.hidden.map { Bounded(value: Double($0)) }
    var lastCell = states.cell.map { Bounded(value: Double($0)) }
    for b in 0..<batch {
      var sequence: [[Bounded]] = (0..<steps).map { t in
        let start = (layout == .batch ? b * steps + t : t * batch + b) * shape.inputs
        return (0..<shape.inputs).map { Bounded(value: Double(x[start + $0])) }
      }
      for layer in 0..<shape.layers {
        var results = (0..<steps).map { _ in
          [Bounded](repeating: Bounded(), count: shape.outputs)
        }
        for d in 0..<directions {
          let state = ((layer * directions + d) * batch + b) * hidden
          var cell = OracleCell(
            self, try kept(weights[layer * directions + d]),
            hidden: Array(last[state..<state + hidden]),
            cell: shape.cell.hasCellState ? Array(lastCell[state..<state + hidden]) : [])
          let end = lengths?[b] ?? steps
          let isReversed = shape.direction == .reverse || d == 1
          for t in isReversed ? (0..<end).reversed() : Array(0..<end) {
            cell.step(sequence[t])
            results[t].replaceSubrange(d * hidden..<(d + 1) * hidden, with: cell.hidden)
          }
          last.replaceSubrange(state..<state + hidden, with: cell.hidden)
          if shape.cell.hasCellState {
            lastCell.replaceSubrange(state..<state + hidden, with: cell.cell)
          }
        }
        sequence = results
      }
      for t in 0..<steps {
        for d in 0..<directions {
          for u in 0..<hidden { y[place(t, b, d, u)] = sequence[t][d * hidden + u] }
        }
      }
    }
    return (y, last, lastCell)
  }

  private func kept(_ weights: DirectionWeights) throws -> DirectionWeights {
    let rows = shape.cell.gates * shape.hidden
    var kept = weights
    kept.w = try format.kept(weights.w, rows, weights.w.count / rows)
    kept.r = try format.kept(weights.r, rows, shape.hidden)
    return kept
  }

  /// The first number that is further off than rounding may take it, described; nil when all are right.
  func firstError(_ result: (y: [Float], states: RecurrentStates)) throws -> String? {
    let want = try expected()
    for (name, got, want) in [
      ("y", result.y, want.y), ("h", result.states.hidden, want.hidden),
      ("c", result.states.cell, want.cell),
    ] {
      if got.count != want.count { return "\(name) has \(got.count) numbers, not \(want.count)" }
      for i in got.indices where !(abs(Double(got[i]) - want[i].value) <= want[i].error) {
        return "\(name)[\(i)] is \(got[i]), must be \(want[i].value) ± \(want[i].error)"
      }
    }
    return nil
  }
}
