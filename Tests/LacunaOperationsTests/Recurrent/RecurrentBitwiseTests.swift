// Results are the same bits for any threads, slices, batches and cuts of a sequence, and a run allocates nothing.

import AllocationCount
import CSIMD
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct RecurrentBitwiseTests {
  /// Enough work that threads share it.
  private func large(_ cell: RecurrentCell, _ layout: SequenceLayout) throws -> RecurrentCase {
    let shape = try RecurrentShape(
      cell, inputs: 48, hidden: 130, layers: 2, direction: .bidirectional)
    return RecurrentCase(shape, layout: layout, steps: 33, batch: 7, ragged: true, seed: 11)
  }

  @Test("by threads and slices", arguments: recurrentCells, SequenceLayout.allCases)
  func threadsAndSlices(cell: RecurrentCell, layout: SequenceLayout) throws {
    let test = try large(cell, layout)
    for kernel in ["spmm-1x1", "csr", "dense"] {
      var one: (y: [Float], states: RecurrentStates)?
      for threads in [1, 2, 3, 5] {
        let network = try test.network(PlanOptions(threads: threads, kernel: kernel))
        let result = try test.result(network)
        if one == nil { one = result }
        #expect(result.y == one!.y && result.states == one!.states, "\(threads) threads \(kernel)")
        for slices in [1, 2, 3, 16] {
          let sliced = slicesOf(test, network, slices)
          #expect(
            sliced.y == one!.y && sliced.states == one!.states,
            "\(slices) slices of \(threads) threads, \(kernel)")
        }
      }
    }
  }

  /// All slices of a run, last one first, some in a workspace full of garbage.
  private func slicesOf(
    _ test: RecurrentCase, _ network: Recurrent, _ slices: Int
  ) -> (y: [Float], states: RecurrentStates) {
    var after = test.states
    var y = [Float](repeating: .nan, count: test.steps * test.batch * test.shape.outputs)
    let bytes = network.workspaceBytes(steps: test.steps, batch: test.batch)
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    workspace.initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes)
    defer { workspace.deallocate() }
    withCall(test, &y, &after) { call in
      for slice in (0..<slices).reversed() {
        network.run(
          slice: slice, of: slices, call, workspace: slice % 2 == 0 ? workspace : nil)
      }
    }
    return (y, after)
  }

  private func withCall(
    _ test: RecurrentCase, _ y: inout [Float], _ states: inout RecurrentStates,
    _ body: (RecurrentCall) -> Void
  ) {
    y.withUnsafeMutableBufferPointer { y in
      test.x.withUnsafeBufferPointer { x in
        states.hidden.withUnsafeMutableBufferPointer { h in
          states.cell.withUnsafeMutableBufferPointer { c in
            var call = RecurrentCall(
              x: x.baseAddress!, y: y.baseAddress!, steps: test.steps, batch: test.batch)
            (call.firstHidden, call.lastHidden) = (UnsafePointer(h.baseAddress!), h.baseAddress!)
            if test.shape.cell.hasCellState {
              (call.firstCell, call.lastCell) = (UnsafePointer(c.baseAddress!), c.baseAddress!)
            }
            if let lengths = test.lengths {
              lengths.withUnsafeBufferPointer {
                call.lengths = $0.baseAddress!
                body(call)
              }
            } else {
              body(call)
            }
          }
        }
      }
    }
  }

  @Test("a sequence alone, and one step at a time", arguments: recurrentCells)
  func batchesAndCuts(cell: RecurrentCell) throws {
    for format in [GateFormat.elements, .squares, .bytes] {
      let shape = try RecurrentShape(cell, inputs: 20, hidden: 37, layers: 2)
      let test = RecurrentCase(
        shape, layout: .batch, steps: 30, batch: 5, format: format, seed: 12)
      let network = try test.network(PlanOptions(deterministic: true, excludesDense: true))
      let whole = try test.result(network)
      for b in 0..<5 {
        var states = RecurrentStates(
          hidden: rows(test.states.hidden, b), cell: rows(test.states.cell, b))
        let count = shape.inputs * 30
        let x = Array(test.x[b * count..<(b + 1) * count])
        var y: [Float] = []
        for t in 0..<30 {
          y += try network(Array(x[t * shape.inputs..<(t + 1) * shape.inputs]), states: &states)
        }
        let results = shape.outputs * 30
        #expect(y == Array(whole.y[b * results..<(b + 1) * results]), "\(format) \(b)")
        #expect(states.hidden == rows(whole.states.hidden, b), "\(format) \(b)")
        #expect(states.cell == rows(whole.states.cell, b), "\(format) \(b)")
      }
    }
  }

  /// The states of sequence `b` of 5, 37 units in 2 layers.
  private func rows(_ states: [Float], _ b: Int) -> [Float] {
    if states.isEmpty { return [] }
    return (0..<2).flatMap { states[($0 * 5 + b) * 37..<($0 * 5 + b + 1) * 37] }
  }

  @Test("networks of bytes, on every instruction set", arguments: recurrentCells)
  func bytes(cell: RecurrentCell) throws {
    for format in [GateFormat.bytes, .byteSquares] {
      let shape = try RecurrentShape(
        cell, inputs: 30, hidden: 41, layers: 2, direction: .bidirectional)
      let test = RecurrentCase(shape, steps: 9, batch: 3, format: format, seed: 13)
      let results = try ISA.available.map { isa in
        try test.result(test.network(PlanOptions(deterministic: true, isa: isa)))
      }
      for result in results.dropFirst() {
        #expect(result.y == results[0].y && result.states == results[0].states)
      }
    }
  }

  @Test("cells and functions, on every instruction set")
  func kernels() {
    var generator = SeededGenerator(seed: 14)
    let x = (0..<100_000).map { _ in Float(bitPattern: UInt32(generator.next() >> 32)) }
    for function in PointwiseFunction.allCases {
      let results = ISA.available.map { isa in
        x.withUnsafeBufferPointer { x in
          [UInt32](unsafeUninitializedCapacity: x.count) { y, count in
            var arguments = lcn_pointwise_args(
              x: x.baseAddress!,
              y: UnsafeMutableRawPointer(y.baseAddress!).assumingMemoryBound(to: Float.self),
              count: Int64(x.count))
            KernelTable.of(isa).kernel(.pointwise, variant: function.rawValue, dtype: .f32)!
              .call(&arguments)
            count = x.count
          }
        }.map { Float(bitPattern: $0).isNaN ? 0 : $0 }
      }
      for result in results.dropFirst() { #expect(result == results[0], "\(function)") }
      #expect(function(x).map { $0.isNaN ? 0 : $0.bitPattern } == results[0])
    }
    #expect(PointwiseFunction.tanh([]) == [])
  }

  @Test(
    "a run allocates nothing",
    .enabled(if: lcn_allocation_count() >= 0, "allocations cannot be counted here"),
    arguments: recurrentCells)
  func allocations(cell: RecurrentCell) throws {
    for (steps, batch, threads) in [(1, 1, 1), (33, 7, 1), (33, 7, 2)] {
      for format in [GateFormat.elements, .squares, .bytes] {
        let shape = try RecurrentShape(
          cell, inputs: 48, hidden: 132, layers: 2,
          direction: steps == 1 ? .forward : .bidirectional)
        let test = RecurrentCase(shape, steps: steps, batch: batch, format: format, seed: 15)
        let network = try test.network(
          PlanOptions(threads: threads, deterministic: true, excludesDense: true))
        var states = test.states
        var y = [Float](repeating: 0, count: steps * batch * shape.outputs)
        var into = y.mutableSpan
        // The first run starts threads.
        try network.run(test.x.span, into: &into, batch: batch, states: &states)
        let before = lcn_allocation_count()
        for _ in 0..<3 {
          try network.run(test.x.span, into: &into, batch: batch, states: &states)
        }
        let after = lcn_allocation_count()
        #expect(after == before, "\(steps) × \(batch), \(threads) threads, \(format)")
      }
    }
  }

  @Test("nothing outside of the operands is touched", arguments: GuardedMemory.Side.allCases)
  func guards(side: GuardedMemory.Side) throws {
    for cell in recurrentCells {
      for layout in SequenceLayout.allCases {
        let shape = try RecurrentShape(
          cell, inputs: 3, hidden: 5, layers: 3, direction: .bidirectional)
        let test = RecurrentCase(
          shape, layout: layout, steps: 4, batch: 3, ragged: true, seed: 16)
        let network = try test.network()
        let want = try test.result(network)
        let got = GuardedMemory.with(side) { memory in
          let y = memory.copy([Float](repeating: .nan, count: want.y.count))
          let (h, c) = (memory.copy(test.states.hidden), memory.copy(test.states.cell))
          var call = RecurrentCall(x: memory.copy(test.x), y: y, steps: 4, batch: 3)
          (call.firstHidden, call.lastHidden) = (UnsafePointer(h), h)
          if cell.hasCellState { (call.firstCell, call.lastCell) = (UnsafePointer(c), c) }
          call.lengths = UnsafePointer(memory.copy(test.lengths!))
          let bytes = network.workspaceBytes(steps: 4, batch: 3)
          let workspace = memory.copy([UInt8](repeating: 0xff, count: bytes))
          network.run(call, workspace: UnsafeMutableRawPointer(workspace))
          return Array(UnsafeBufferPointer(start: y, count: want.y.count))
        }
        #expect(got == want.y, "\(cell) \(layout)")
      }
    }
  }
}
