// One direction of one layer: all steps times W at once, then a product by R and the cell for each step.

import CSIMD
import LacunaFormats

/// Where the sequences of a pass lie. Element (t, b) of X starts at `x + t · xTime + b · xBatch`, likewise for Y.
struct PassCall {
  var x: UnsafePointer<Float>
  var xTime: Int, xBatch: Int
  /// Nil when only the last states are asked for.
  var y: UnsafeMutablePointer<Float>?
  var yTime: Int, yBatch: Int
  /// [sequences, hidden] each; no first states are zeros.
  var firstHidden: UnsafePointer<Float>?, firstCell: UnsafePointer<Float>?
  var lastHidden: UnsafeMutablePointer<Float>?, lastCell: UnsafeMutablePointer<Float>?
  /// One for each sequence; nil when all have as many steps.
  var lengths: UnsafePointer<Int>?
  var steps: Int, sequences: Int
  var isReversed: Bool
  /// Whether products may use the pool: not inside of one of its tasks.
  var usesPool: Bool
}

/// Packed weights of one direction of one layer, and the kernels of its cell.
final class RecurrentPass: Sendable {
  let inputs: Int
  /// W·x, and R·h: of a GRU that resets before the product only the rows of z and r.
  let input: PlanCore, recurrent: PlanCore
  /// R_h·(r·h) of such a GRU.
  let candidate: PlanCore?
  /// Stored weights of all products.
  let stored: Int
  private let hidden: Int, rows: Int
  private let cell: Kernel, reset: Kernel?
  private let hasCellState: Bool
  private let gates: (Int64, Int64, Int64, Int64)

  init(
    _ weights: RecurrentWeights, _ shape: RecurrentShape, inputs: Int, order: GateOrder,
    wide: Int, batch: Int, options: PlanOptions
  ) throws(OperationError) {
    (self.inputs, hidden, rows) = (inputs, shape.hidden, shape.rows)
    hasCellState = shape.cell.hasCellState
    let table = KernelTable.of(options.isa ?? .selected)
    func kernel(_ variant: String) -> Kernel {
      table.kernel(.recurrentCell, variant: variant, dtype: .f32)!
    }
    input = try weights.input.gatePlan(width: wide, bias: weights.inputBias, options: options)
    switch shape.cell {
    case .lstm: (cell, reset) = (kernel("lstm"), nil)
    case .gru(resetsAfter: true): (cell, reset) = (kernel("gru"), nil)
    case .gru(resetsAfter: false): (cell, reset) = (kernel("gru-update"), kernel("gru-reset"))
    }
    let bias = weights.recurrentBias
    if reset == nil {
      recurrent = try weights.recurrent.gatePlan(width: batch, bias: bias, options: options)
      candidate = nil
    } else {
      // The candidate's rows are the last ones in every order.
      let cut = 2 * hidden
      recurrent = try weights.recurrent.rows(0..<cut).gatePlan(
        width: batch, bias: bias.map { Array($0[..<cut]) }, options: options)
      candidate = try weights.recurrent.rows(cut..<rows).gatePlan(
        width: batch, bias: bias.map { Array($0[cut...]) }, options: options)
    }
    stored = weights.input.stored + weights.recurrent.stored
    let places = order.places(shape.cell).map { Int64($0 * shape.hidden) }
    gates = (places[0], places[1], places[2], places.count == 4 ? places[3] : 0)
  }

  var products: [PlanCore] { [input, recurrent] + (candidate.map { [$0] } ?? []) }

  func run(_ call: PassCall, _ scratch: RecurrentScratch, _ workspace: UnsafeMutableRawPointer) {
    let memory = RecurrentMemory(scratch, workspace)
    let states = call.sequences * hidden
    set(memory.hidden, call.firstHidden, states)
    if hasCellState { set(memory.cell, call.firstCell, states) }
    let perChunk = RecurrentScratch.stepsPerChunk(steps: call.steps, sequences: call.sequences)
    var done = 0
    while done < call.steps {
      let count = min(perChunk, call.steps - done)
      let first = call.isReversed ? call.steps - done - count : done
      let sums = multiplyInputs(call, first..<first + count, memory)
      for step in 0..<count {
        let place = call.isReversed ? count - 1 - step : step
        self.step(
          call, first + place, input: memory.sums + place * sums.time, inputStride: sums.batch,
          memory)
      }
      done += count
    }
    call.lastHidden?.update(from: memory.hidden, count: states)
    call.lastCell?.update(from: memory.cell, count: states)
  }

  private func set(
    _ state: UnsafeMutablePointer<Float>, _ first: UnsafePointer<Float>?, _ count: Int
  ) {
    if let first {
      state.update(from: first, count: count)
    } else {
      state.update(repeating: 0, count: count)
    }
  }

  /// W·x + bias of some steps of all sequences in one product: rows of X that do not follow each other at even
  /// distances are brought together first.
  ///
  /// - Returns: elements from one step, and from one sequence, to the next in the sums.
  private func multiplyInputs(
    _ call: PassCall, _ steps: Range<Int>, _ memory: RecurrentMemory
  ) -> (time: Int, batch: Int) {
    let n = call.sequences
    var x = call.x + steps.lowerBound * call.xTime
    var stride: Int
    var sums = (time: n * rows, batch: rows)
    if n == 1 {
      stride = call.xTime
    } else if steps.count == 1 || call.xTime == n * call.xBatch {
      stride = call.xBatch
    } else if call.xBatch == steps.count * call.xTime {
      stride = call.xTime
      sums = (rows, steps.count * rows)
    } else {
      for t in 0..<steps.count {
        for b in 0..<n {
          (memory.inputs + (t * n + b) * inputs).update(
            from: x + t * call.xTime + b * call.xBatch, count: inputs)
        }
      }
      (x, stride) = (UnsafePointer(memory.inputs), inputs)
    }
    multiply(
      input, x, stride: stride, into: memory.sums, width: steps.count * n, call.usesPool, memory)
    return sums
  }

  private func multiply(
    _ product: PlanCore, _ x: UnsafePointer<Float>, stride: Int,
    into y: UnsafeMutablePointer<Float>, width: Int, _ usesPool: Bool, _ memory: RecurrentMemory
  ) {
    let call = ProductCall(x: x, xStride: stride, y: y, yStride: rows, width: width)
    if usesPool {
      product.run(call)
    } else {
      product.body.run(call, slice: 0, of: 1, workspace: memory.product)
    }
  }

  /// Step number `t` of all sequences that are that long.
  private func step(
    _ call: PassCall, _ t: Int, input: UnsafeMutablePointer<Float>, inputStride: Int,
    _ memory: RecurrentMemory
  ) {
    multiply(
      recurrent, memory.hidden, stride: hidden, into: memory.recurrent, width: call.sequences,
      call.usesPool, memory)
    if let candidate, let reset {
      let gated = (memory.gated, hidden)
      compute(reset, 0..<call.sequences, input, inputStride, output: gated, memory)
      multiply(
        candidate, memory.gated, stride: hidden, into: memory.recurrent + 2 * hidden,
        width: call.sequences, call.usesPool, memory)
    }
    let output = call.y.map { ($0 + t * call.yTime, call.yBatch) } ?? (memory.hidden, hidden)
    guard let lengths = call.lengths else {
      compute(cell, 0..<call.sequences, input, inputStride, output: output, memory)
      return
    }
    var b = 0
    while b < call.sequences {
      var end = b
      while end < call.sequences && t < lengths[end] { end += 1 }
      if end > b { compute(cell, b..<end, input, inputStride, output: output, memory) }
      while end < call.sequences && t >= lengths[end] {
        if call.y != nil { (output.0 + end * output.1).update(repeating: 0, count: hidden) }
        end += 1
      }
      b = end
    }
  }

  private func compute(
    _ kernel: Kernel, _ sequences: Range<Int>, _ input: UnsafeMutablePointer<Float>,
    _ inputStride: Int, output: (UnsafeMutablePointer<Float>, Int), _ memory: RecurrentMemory
  ) {
    let b = sequences.lowerBound
    var arguments = lcn_cell_args(
      input: input + b * inputStride, inputStride: Int64(inputStride),
      recurrent: memory.recurrent + b * rows, recurrentStride: Int64(rows), gates: gates,
      hidden: memory.hidden + b * hidden, cell: memory.cell + b * hidden,
      stateStride: Int64(hidden), output: output.0 + b * output.1, outputStride: Int64(output.1),
      sequences: Int64(sequences.count), units: Int64(hidden))
    kernel.call(&arguments)
  }
}
