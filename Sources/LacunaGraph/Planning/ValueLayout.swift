// Which values are the same memory, how long each is needed, and the bodies that work on them.

import LacunaFormats
import LacunaOperations

/// Steps and memory of a plan.
struct ValueLayout {
  let steps: [GraphStep]
  let memory: RunMemory
  let arenaBytes: Int
  let activationBytes: Int

  init(
    _ graph: PlannedGraph, _ limit: MemoryLimit, _ options: GraphOptions
  ) throws(GraphError) {
    var nodes = graph.nodes
    var roots = SharedMemory(graph)
    // Outputs that nothing computes are copied.
    let copies = graph.outputs.filter { roots.needsCopy($0) }
    var bodies: [any GraphBody] = []
    for node in nodes {
      if node.rule.aliases, let from = node.inputs[0], let to = node.outputs[0],
        roots.join(to, into: from)
      {
        bodies.append(NothingBody())
        continue
      }
      do throws(GraphProblem) {
        bodies.append(
          try node.rule.body(
            BodyRequest(
              inputs: node.inputs.map { $0.map { graph.values[$0].operand } },
              outputs: zip(node.outputs, try node.resultTypes(graph)).map { value, type in
                value.map { graph.values[$0].type } ?? type
              }, options: options.plans, skipsZeros: options.skipsZeros)))
      } catch { throw .node(name: node.name, operation: node.operation, error) }
    }
    // Steps without work are none.
    let kept = bodies.indices.filter { !(bodies[$0] is NothingBody) }
    (nodes, bodies) = (kept.map { nodes[$0] }, kept.map { bodies[$0] })
    var lives = Lives(graph, nodes, roots)
    lives.writeInPlace(nodes, bodies, graph, &roots)
    var blocks: [MemoryPlan.Block] = []
    var blockOf: [Int: Int] = [:]
    for (root, life) in lives.ranges.sorted(by: { $0.key < $1.key })
    where roots.place(of: root) == .arena {
      blockOf[root] = blocks.count
      blocks.append(MemoryPlan.Block(bytes: roots.bytes(of: root), life: life))
    }
    activationBytes = blocks.reduce(0) { $0 + $1.bytes }
    var scratchOf: [Int: Int] = [:]
    for (step, body) in bodies.enumerated() where body.workspaceBytes > 0 {
      scratchOf[step] = blocks.count
      blocks.append(MemoryPlan.Block(bytes: body.workspaceBytes, life: step...step))
    }
    let plan = MemoryPlan(blocks)
    arenaBytes = plan.bytes
    do throws(GraphProblem) { try limit.take(plan.bytes) } catch {
      guard case .memory(let needed, let available) = error else { throw .empty }
      throw .memory(needed: needed, available: available)
    }
    var places: [Int] = []
    var steps: [GraphStep] = []
    for (index, (node, body)) in zip(nodes, bodies).enumerated() {
      steps.append(
        GraphStep(
          name: node.name, operation: node.operation, fused: node.fused, kernel: body.kernel,
          type: node.outputs.compactMap { $0 }.first.map { graph.values[$0].type }
            ?? GraphType(unchecked: .f32, []),
          operations: body.operations,
          bytes: (node.inputs + node.outputs).compactMap { $0 }.reduce(body.weightBytes) {
            $0 + graph.values[$1].type.byteCount
          },
          body: body, firstPlace: places.count, inputCount: node.inputs.count,
          workspace: scratchOf[index].map { plan.offsets[$0] } ?? 0))
      places += (node.inputs + node.outputs).map { $0.map { roots.root(of: $0) } ?? -1 }
    }
    self.steps = steps
    memory = try RunMemory(
      graph, roots, places: places, copies: copies, arenaBytes: plan.bytes,
      offsets: blockOf.mapValues { plan.offsets[$0] }, limit)
  }
}

extension PlannedNode {
  /// The types of all results, unwanted ones too.
  fileprivate func resultTypes(_ graph: PlannedGraph) throws(GraphProblem) -> [GraphType] {
    try rule.results(inputs.map { $0.map { graph.values[$0].operand } })
  }
}

/// A step whose result lies where its operand does.
private struct NothingBody: GraphBody {
  var kernel: String { "" }
  func run(_ call: StepCall) {}
}

/// What kind of memory a value lies in.
enum ValuePlace: Equatable {
  case constant, input, arena
  /// The caller's memory for the output of that number.
  case output(Int)
}

/// Values that are the same memory, by the first of them.
struct SharedMemory {
  private var parent: [Int]
  private var places: [ValuePlace]
  private let sizes: [Int]

  init(_ graph: PlannedGraph) {
    parent = Array(graph.values.indices)
    sizes = graph.values.map(\.type.byteCount)
    places = graph.values.map { $0.constant == nil ? .arena : .constant }
    for input in graph.inputs { places[input] = .input }
    for (number, output) in graph.outputs.enumerated() where places[output] == .arena {
      places[output] = .output(number)
    }
  }

  func root(of value: Int) -> Int {
    var value = value
    while parent[value] != value { value = parent[value] }
    return value
  }

  func place(of value: Int) -> ValuePlace { places[root(of: value)] }
  func bytes(of value: Int) -> Int { sizes[root(of: value)] }

  /// Whether an output is an input or a constant, which no step writes.
  func needsCopy(_ output: Int) -> Bool {
    if case .output = places[output] { false } else { true }
  }

  /// Lets `value` lie where `other` does, if it can: only one of them may be an output, and that only if nobody else
  /// says where the other is.
  mutating func join(_ value: Int, into other: Int) -> Bool {
    let (a, b) = (root(of: other), root(of: value))
    switch (places[a], places[b]) {
    case (_, .arena): break
    case (.arena, .output): places[a] = places[b]
    default: return false
    }
    parent[b] = a
    return true
  }
}

/// From which step to which each piece of memory is needed.
private struct Lives {
  private(set) var ranges: [Int: ClosedRange<Int>] = [:]

  init(_ graph: PlannedGraph, _ nodes: [PlannedNode], _ roots: SharedMemory) {
    for (step, node) in nodes.enumerated() {
      for value in (node.inputs + node.outputs).compactMap({ $0 }) {
        extend(roots.root(of: value), to: step)
      }
    }
  }

  private mutating func extend(_ root: Int, to step: Int) {
    let old = ranges[root] ?? step...step
    ranges[root] = min(old.lowerBound, step)...max(old.upperBound, step)
  }

  /// Lets results take the place of operands that are not needed any more.
  mutating func writeInPlace(
    _ nodes: [PlannedNode], _ bodies: [any GraphBody], _ graph: PlannedGraph,
    _ roots: inout SharedMemory
  ) {
    for (step, (node, body)) in zip(nodes, bodies).enumerated() {
      guard let place = body.inPlace, let input = node.inputs[place],
        let output = node.outputs.first ?? nil
      else { continue }
      let (from, to) = (roots.root(of: input), roots.root(of: output))
      guard roots.place(of: from) == .arena, roots.place(of: to) == .arena, from != to,
        roots.bytes(of: from) == roots.bytes(of: to), let life = ranges[from],
        life.upperBound == step, let other = ranges[to], other.lowerBound == step,
        // Another operand in the same memory would be overwritten before it is read.
        node.inputs.indices.allSatisfy({ index in
          index == place || node.inputs[index].map { roots.root(of: $0) != from } ?? true
        }), roots.join(output, into: input)
      else { continue }
      ranges[from] = life.lowerBound...other.upperBound
      ranges[to] = nil
    }
  }
}
