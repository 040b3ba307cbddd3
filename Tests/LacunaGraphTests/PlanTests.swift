// A plan gives the same whatever is fused, however many threads work, and allocates nothing when it runs.

import AllocationCount
import LacunaFormats
import LacunaGraph
import LacunaOperations
import TestSupport
import Testing

@Suite struct PlanTests {
  private func input(_ images: Int) throws -> GraphArray {
    var generator = SeededGenerator(seed: 4)
    return try array([images, 3, 20, 17], &generator)
  }

  @Test(arguments: [0, 0.9])
  func `fused and unfused are the same within rounding`(zeros: Double) throws {
    let graph = try residualNetwork(zeros: zeros, seed: 5)
    let x = try input(2)
    var results: [[Float]] = []
    for fuses in [true, false] {
      let plan = try GraphPlan(
        graph, shapes: ["x": x.shape], options: GraphOptions(deterministic: true, fuses: fuses))
      results.append(try #require(try plan.run(["x": x])["y"]?.floats))
    }
    for (a, b) in zip(results[0], results[1]) {
      // Sums of at most 150 terms in each of four layers, then a softmax of numbers up to 1.
      #expect(abs(a - b) <= 600 * 0x1p-24)
    }
  }

  @Test func `normalisation, activation and sum become part of the convolution`() throws {
    let graph = try residualNetwork(zeros: 0.9, seed: 5)
    let plan = try GraphPlan(
      graph, shapes: ["x": [1, 3, 20, 17]], options: GraphOptions(deterministic: true))
    let names = plan.steps.map { ([$0.operation] + $0.fused).joined(separator: " + ") }
    #expect(
      names == [
        "convolution + batch normalization + relu", "convolution + batch normalization + clip",
        "convolution + batch normalization + add + relu",
        "convolution + batch normalization + hardSwish", "max pool", "global average pool",
        "matmul + add", "softmax",
      ])
    #expect(plan.arenaBytes < plan.activationBytes)
  }

  @Test func `every step has a time, operations and bytes`() throws {
    let plan = try GraphPlan(
      try residualNetwork(zeros: 0.9, seed: 5), shapes: ["x": [1, 3, 20, 17]],
      options: GraphOptions(deterministic: true))
    let x = try input(1)
    for runs in [1, 3] {
      let seconds = try plan.stepSeconds(["x": x], runs: runs)
      #expect(seconds.count == plan.steps.count && seconds.allSatisfy { $0 >= 0 && $0 < 60 })
    }
    #expect(throws: GraphError.self) { try plan.stepSeconds(["x": x], runs: 0) }
    #expect(throws: GraphError.self) { try plan.stepSeconds([:]) }
    for step in plan.steps {
      let isProduct = step.operation == "convolution" || step.operation == "matmul"
      #expect(isProduct == (step.operations > 0), "\(step)")
      #expect(step.bytes > step.type.byteCount)
    }
  }

  private func number(_ value: Float) throws -> GraphArray { try GraphArray([], [value]) }

  /// A convolution and what follows it, as the steps that are left.
  private func steps(_ after: [GraphNode], _ x: GraphArray) throws -> ([String], [Float]) {
    var generator = SeededGenerator(seed: 9)
    let graph = try Graph(
      inputs: [GraphInput("x", .f32, x.shape)],
      constants: [
        "w": .array(try array([6, 3, 3, 3], zeros: 0.5, &generator)), "0": .array(try number(0)),
        "3": .array(try number(3)), "6": .array(try number(6)), "sixth": .array(try number(1 / 6)),
      ],
      nodes: [GraphNode("c", .convolution(), ["x", "w"])] + after,
      outputs: [after.last!.outputs[0]])
    let plan = try GraphPlan(graph, options: GraphOptions(deterministic: true))
    let y = try #require(try plan.run(["x": x])[graph.outputs[0]]?.floats)
    return (plan.steps.map { ([$0.operation] + $0.fused).joined(separator: " + ") }, y)
  }

  @Test func `hard-swish and SiLU become part of the convolution, however they are written`() throws
  {
    let x = try input(1)
    let (_, plain) = try steps([GraphNode("y", .identity, ["c"])], x)
    for (function, gate) in [
      (UnaryFunction.swish(1), UnaryFunction.sigmoid), (.hardSwish, .hardSigmoid(1 / 6, 0.5)),
    ] {
      // The function alone.
      let alone = try #require(
        try result(
          [GraphNode("y", .unary(function), ["x"])], ["x": GraphArray([plain.count], plain)]
        ).floats)
      let gateNode = GraphNode("g", .unary(gate), ["c"])
      for nodes in [
        [GraphNode("y", .unary(function), ["c"])],
        [gateNode, GraphNode("y", .binary(.multiply), ["c", "g"])],
        [gateNode, GraphNode("y", .binary(.multiply), ["g", "c"])],
      ] {
        let (names, y) = try steps(nodes, x)
        #expect(names.count == 1 && names[0].hasPrefix("convolution + "), "\(names)")
        #expect(y == alone)
      }
      // A gate that is read elsewhere too, or is that of another number, stays.
      let (names, _) = try steps(
        [
          gateNode, GraphNode("m", .binary(.multiply), ["c", "g"]),
          GraphNode("y", .binary(.add), ["m", "g"]),
        ], x)
      #expect(names.count > 1)
      let (others, _) = try steps(
        [
          GraphNode("d", .unary(.negate), ["c"]), gateNode,
          GraphNode("y", .binary(.multiply), ["d", "g"]),
        ], x)
      #expect(others.count > 1)
    }
  }

  @Test func `a hard-swish that is written out becomes part of the convolution`() throws {
    let x = try input(1)
    let (_, alone) = try steps([GraphNode("y", .unary(.hardSwish), ["c"])], x)
    func written(_ add: [String], _ gate: [String], _ last: GraphNode) -> [GraphNode] {
      [
        GraphNode("a", .binary(.add), add), GraphNode("l", .clip, ["a", "0", "6"]),
        GraphNode("m", .binary(.multiply), gate), last,
      ]
    }
    for nodes in [
      written(["c", "3"], ["c", "l"], GraphNode("y", .binary(.divide), ["m", "6"])),
      written(["3", "c"], ["l", "c"], GraphNode("y", .binary(.multiply), ["sixth", "m"])),
    ] {
      let (names, y) = try steps(nodes, x)
      #expect(names.count == 1 && names[0].hasPrefix("convolution + "), "\(names)")
      // x/6 and a sum of 3 are rounded in another order.
      #expect(zip(y, alone).allSatisfy { abs($0 - $1) <= 4 * 0x1p-24 * max(1, abs($1)) })
    }
    // Other numbers, and a gate that is read elsewhere too, stay what they are.
    for nodes in [
      written(["c", "6"], ["c", "l"], GraphNode("y", .binary(.divide), ["m", "6"])),
      written(["c", "3"], ["c", "l"], GraphNode("y", .binary(.divide), ["m", "3"])),
      written(["c", "3"], ["c", "l"], GraphNode("y", .binary(.divide), ["m", "l"])),
    ] {
      let (names, _) = try steps(nodes, x)
      #expect(names.count > 1)
    }
  }

  @Test(arguments: [0, 0.9])
  func `any number of threads gives the same bits`(zeros: Double) throws {
    let graph = try residualNetwork(zeros: zeros, seed: 6)
    let x = try input(3)
    var first: [Float]?
    for threads in [1, 2, 3, 5] {
      let plan = try GraphPlan(
        graph, shapes: ["x": x.shape],
        options: GraphOptions(threads: threads, deterministic: true, excludesDense: true))
      let y = try #require(try plan.run(["x": x])["y"]?.floats)
      #expect(first == nil || first == y, "\(threads) threads")
      first = y
    }
  }

  @Test(.enabled(if: lcn_allocation_count() >= 0, "allocations cannot be counted here"))
  func `a run allocates nothing`() throws {
    let graph = try residualNetwork(zeros: 0.9, seed: 7)
    for threads in [1, 2] {
      let plan = try GraphPlan(
        graph, shapes: ["x": [2, 3, 40, 40]],
        options: GraphOptions(threads: threads, deterministic: true, excludesDense: true))
      let x = AlignedBuffer<Float>(count: plan.inputs[0].type.count)
      let y = AlignedBuffer<Float>(count: plan.outputs[0].type.count)
      let (from, into) = ([UnsafeRawPointer(x.pointer)], [UnsafeMutableRawPointer(y.pointer)])
      from.withUnsafeBufferPointer { from in
        into.withUnsafeBufferPointer { into in
          plan.run(inputs: from, outputs: into)
          let before = lcn_allocation_count()
          for _ in 0..<3 { plan.run(inputs: from, outputs: into) }
          let after = lcn_allocation_count()
          #expect(after == before, "\(threads) threads")
        }
      }
    }
  }

  @Test func `two runs at once do not disturb each other`() async throws {
    let graph = try residualNetwork(zeros: 0.9, seed: 8)
    let x = try input(1)
    let plan = try GraphPlan(
      graph, shapes: ["x": x.shape], options: GraphOptions(deterministic: true))
    let expected = try plan.run(["x": x])
    try await withThrowingTaskGroup(of: [String: GraphArray].self) { group in
      for _ in 0..<8 { group.addTask { try plan.run(["x": x]) } }
      for try await found in group { #expect(found == expected) }
    }
  }

  @Test func `outputs may be inputs, constants and each other's memory`() throws {
    let x = try GraphArray([2, 3], [1, -2, 3, -4, 5, -6])
    let graph = try Graph(
      inputs: [GraphInput("x", [2, 3])],
      constants: ["six": .array(GraphArray([6])), "k": .array(GraphArray(Float(7)))],
      nodes: [
        GraphNode("same", .identity, ["x"]), GraphNode("r", .relu, ["x"]),
        GraphNode("a", .reshape(), ["r", "six"]), GraphNode("b", .flatten(axis: 0), ["r"]),
      ], outputs: ["x", "same", "r", "a", "b", "k"])
    let found = try GraphPlan(graph).run(["x": x])
    let relu: [Float] = [1, 0, 3, 0, 5, 0]
    #expect(found["x"] == x && found["same"] == x)
    #expect(found["r"]?.floats == relu && found["a"]?.floats == relu && found["b"]?.floats == relu)
    #expect(found["a"]?.shape == [6] && found["b"]?.shape == [1, 6])
    #expect(found["k"] == GraphArray(Float(7)))
  }

  @Test func `inputs given as constants are folded`() throws {
    let graph = try Graph(
      inputs: [GraphInput("x", .f32, [.any]), GraphInput("n", .i64, [Int]())],
      nodes: [
        GraphNode("f", .cast(to: .f32), ["n"]), GraphNode("y", .multiply, ["x", "f"]),
      ], outputs: ["y"])
    let plan = try GraphPlan(graph, shapes: ["x": [3]], constants: ["n": GraphArray(4)])
    #expect(plan.inputs.map(\.name) == ["x"] && plan.steps.count == 1)
    #expect(try plan.run(["x": GraphArray([3], [1, 2, 3])])["y"]?.floats == [4, 8, 12])
  }

  @Test(arguments: [UInt64](1...20))
  func `memory is shared only by values that are never needed together`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let blocks = (0..<60).map { _ in
      let first = Int.random(in: 0..<50, using: &generator)
      return MemoryPlan.Block(
        bytes: .random(in: 0...5000, using: &generator),
        life: first...(first + .random(in: 0...9, using: &generator)))
    }
    let plan = MemoryPlan(blocks)
    for (i, a) in blocks.enumerated() {
      #expect(plan.offsets[i] % MemoryPlan.alignment == 0)
      #expect(plan.offsets[i] + a.bytes <= plan.bytes)
      for (j, b) in blocks.enumerated() where i < j && a.life.overlaps(b.life) {
        #expect(
          plan.offsets[i] + a.bytes <= plan.offsets[j]
            || plan.offsets[j] + b.bytes <= plan.offsets[i],
          "seed \(seed): \(i) and \(j)")
      }
    }
    #expect(plan.bytes < blocks.reduce(0) { $0 + $1.bytes })
  }
}
