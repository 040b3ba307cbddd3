// Recurrent networks of every kind are within the error that rounding explains.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

/// All cells.
let recurrentCells: [RecurrentCell] = [
  .lstm, .gru(resetsAfter: true), .gru(resetsAfter: false),
]

@Suite struct RecurrentTests {
  @Test(
    "every cell, direction, layout and format is right", arguments: recurrentCells,
    RecurrentDirection.allCases)
  func everyKind(cell: RecurrentCell, direction: RecurrentDirection) throws {
    var number = 0
    for layout in SequenceLayout.allCases {
      for format in GateFormat.allCases {
        for hidden in [1, 7, 64] {
          for batch in [1, 3, 16] where hidden < 64 || batch < 16 {
            number += 1
            let steps = [1, 5][number % 2]
            // Where every layer rounds to bytes, the bound of three wide ones says nothing.
            let layers = number % 5 == 0 && !(format.isQuantized && hidden == 64) ? 3 : 1
            let shape = try RecurrentShape(
              cell, inputs: [1, 3, 20][number % 3], hidden: hidden, layers: layers,
              direction: direction)
            let test = RecurrentCase(
              shape, order: GateOrder.allCases[number % 3], layout: layout, steps: steps,
              batch: batch, format: format, biases: number % 4 != 0, ragged: number % 7 < 2,
              seed: UInt64(number))
            let isa = ISA.available[number % ISA.available.count]
            let network = try test.network(PlanOptions(deterministic: true, isa: isa))
            let error = try test.firstError(try test.result(network))
            #expect(
              error == nil,
              """
              \(shape) \(test.order) \(layout) ×\(steps) ×\(batch) \(format) \(isa) \
              lengths \(test.lengths ?? []) seed \(number)
              """)
          }
        }
      }
    }
  }

  @Test(
    "many steps and sequences, in chunks of the wide product", arguments: SequenceLayout.allCases)
  func chunks(layout: SequenceLayout) throws {
    for (steps, batch) in [(300, 1), (90, 3), (2, 140)] {
      let shape = try RecurrentShape(
        .gru(resetsAfter: false), inputs: 5, hidden: 6, layers: 2, direction: .bidirectional)
      // Small weights: the bound of an error that 300 steps carry on would say nothing.
      var test = RecurrentCase(
        shape, layout: layout, steps: steps, batch: batch, ragged: batch == 3, seed: 40)
      for i in test.weights.indices { test.weights[i].r = test.weights[i].r.map { $0 / 256 } }
      #expect(try test.expected().y.allSatisfy { $0.error < 1e-3 }, "the bound says nothing")
      #expect(try test.firstError(test.result(test.network())) == nil, "\(steps) × \(batch)")
    }
  }

  @Test("every candidate of the products is right", arguments: ISA.allCases)
  func candidates(isa: ISA) throws {
    try require(isa)
    let shape = try RecurrentShape(.lstm, inputs: 33, hidden: 24)
    for format in [GateFormat.elements, .squares] {
      let test = RecurrentCase(shape, steps: 3, batch: 2, format: format, seed: 50)
      do {
        _ = try test.network(PlanOptions(kernel: "none", isa: isa))
        Issue.record("a kernel called none exists")
      } catch OperationError.unknownKernel(_, let available) {
        for kernel in available {
          do {
            let network = try test.network(PlanOptions(kernel: kernel, isa: isa))
            #expect(network.kernelName == "\(kernel) + \(kernel)")
            #expect(try test.firstError(test.result(network)) == nil, "\(kernel) \(isa)")
          } catch OperationError.unsuitableKernel {
            // Weights at random keep no fixed number in each window.
            #expect(kernel == "window-filled")
          }
        }
      }
    }
  }

  @Test("gate orders name the same rows", arguments: recurrentCells)
  func orders(cell: RecurrentCell) throws {
    let shape = try RecurrentShape(cell, inputs: 4, hidden: 5)
    let onnx = RecurrentCase(shape, order: .onnx, steps: 4, batch: 2, seed: 60)
    let wanted = try onnx.result(onnx.network())
    // Where the gates i, o, f, c or z, r, h of ONNX stand in the others.
    let others: [(GateOrder, [Int])] =
      cell == .lstm
      ? [(.keras, [0, 2, 3, 1]), (.torch, [0, 2, 3, 1])]
      : [(.keras, [0, 1, 2]), (.torch, [1, 0, 2])]
    for (order, gates) in others {
      var test = onnx
      test.order = order
      func turned(_ rows: [Float], _ columns: Int) -> [Float] {
        let size = 5 * columns
        return gates.flatMap { rows[$0 * size..<($0 + 1) * size] }
      }
      test.weights[0].w = turned(onnx.weights[0].w, 4)
      test.weights[0].r = turned(onnx.weights[0].r, 5)
      test.weights[0].wb = onnx.weights[0].wb.map { turned($0, 1) }
      test.weights[0].rb = onnx.weights[0].rb.map { turned($0, 1) }
      let result = try test.result(test.network())
      #expect(result.y == wanted.y && result.states == wanted.states, "\(order)")
    }
  }

  @Test("a GRU's blocks may lie across the edge at which its matrix is cut")
  func cutBlocks() throws {
    // 2 · 7 rows are no whole number of blocks of 4; 2 · 6 are.
    for hidden in [6, 7] {
      for format in [GateFormat.squares, .byteSquares] {
        let shape = try RecurrentShape(.gru(resetsAfter: false), inputs: 3, hidden: hidden)
        let test = RecurrentCase(shape, steps: 2, batch: 2, format: format, seed: 70)
        #expect(try test.firstError(test.result(test.network())) == nil, "\(hidden) \(format)")
      }
    }
  }

  @Test("NaN stays in its sequence, and goes on in time", arguments: recurrentCells)
  func notANumber(cell: RecurrentCell) throws {
    let shape = try RecurrentShape(cell, inputs: 4, hidden: 9)
    for layout in SequenceLayout.allCases {
      var test = RecurrentCase(shape, layout: layout, steps: 4, batch: 3, format: .dense, seed: 80)
      let clean = try test.result(test.network())
      // Sequence 1, step 2.
      test.x[(layout == .batch ? 1 * 4 + 2 : 2 * 3 + 1) * 4] = .nan
      let result = try test.result(test.network())
      for t in 0..<4 {
        for b in 0..<3 {
          let start = (layout == .batch ? b * 4 + t : t * 3 + b) * 9
          let units = start..<start + 9
          if b == 1 && t >= 2 {
            #expect(result.y[units].allSatisfy { $0.isNaN }, "step \(t)")
          } else {
            #expect(result.y[units] == clean.y[units], "step \(t) of sequence \(b)")
          }
        }
      }
    }
  }

  @Test("infinite sums saturate", arguments: [Float.infinity, -.infinity])
  func infinities(x: Float) throws {
    let shape = try RecurrentShape(.lstm, inputs: 1, hidden: 1)
    let w = RecurrentWeights(
      input: SparseTensor(try csr([1, 1, 1, 1], 4, 1) as CSRMatrix<Float>),
      recurrent: SparseTensor(try csr([0, 0, 0, 0], 4, 1) as CSRMatrix<Float>))
    let network = try Recurrent(shape, weights: [w], order: .torch)
    // c = σ(x)·0 + σ(x)·tanh(x): 1 or −0; h = σ(x)·tanh(c).
    let y = try network([x])
    #expect(y == (x > 0 ? [PointwiseFunction.tanh([1])[0]] : [0]))
  }

  @Test("it prints as one line, and says what was chosen")
  func descriptions() throws {
    let shape = try RecurrentShape(
      .gru(resetsAfter: false), inputs: 6, hidden: 8, layers: 2, direction: .bidirectional)
    let test = RecurrentCase(shape, steps: 3, batch: 2, seed: 90)
    let network = try test.network()
    #expect(
      "\(network)".hasPrefix("gru, reset before 6 → 16, 2 layers, bidirectional f32, time ×3 ×2: "))
    #expect(!"\(network)".contains("\n"))
    #expect(network.explanation.contains("layer 1, reverse, R of the candidate: 8×8 f32"))
    #expect(network.stored == test.weights.reduce(0) { $0 + ($1.w + $1.r).count { $0 != 0 } })
  }
}
