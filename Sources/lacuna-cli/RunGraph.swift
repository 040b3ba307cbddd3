// `lacuna run network` for models of other programs: arrays by name in, arrays by name out.

import Lacuna

/// Inputs and outputs of a graph in files.
struct GraphFlow {
  let flow: ArrayFlow
  let model: String
  /// Whether every step is timed.
  let times: Bool

  /// Plans the graph for the arrays of the input, runs it, writes what comes out.
  func run(_ graph: Graph) throws -> RunFacts {
    let arrays = try inputs(of: graph)
    if graph.outputs.count > 1 && !flow.output.hasSuffix(".npz") {
      throw Failure(
        .usage,
        "\(model.printable()) has \(graph.outputs.count) outputs: give the output a .npz name")
    }
    // Single integers are settings, such as a sampling rate: what depends on them is decided now.
    let settings = arrays.filter { $0.value.integers?.count == 1 }
    let activations = arrays.filter { settings[$0.key] == nil }
    let plan = try GraphPlan(
      graph, shapes: activations.mapValues(\.shape), constants: settings,
      options: GraphOptions(threads: flow.threads))
    var results: [String: GraphArray] = [:]
    let (seconds, runs) = try flow.time { results = try plan.run(activations) }
    let outputs = try graph.outputs.map {
      NamedArray(name: $0, array: try NumericArray(results[$0]!))
    }
    if flow.output.hasSuffix(".npz") {
      try NPZ(outputs).write(to: outputPath(flow.output))
    } else {
      try NPY.write(outputs[0].array, to: outputPath(flow.output))
    }
    return RunFacts(
      output: flow.output, shape: outputs[0].array.shape, kernel: kernels(of: plan),
      seconds: seconds, runs: runs, steps: plan.steps.map(\.description),
      times: times ? try stepTimes(of: plan, activations, runs: max(runs, 10)) : nil)
  }

  private func stepTimes(
    of plan: GraphPlan, _ arrays: [String: GraphArray], runs: Int
  ) throws -> [StepTime] {
    zip(plan.steps, try plan.stepSeconds(arrays, runs: runs)).map { step, seconds in
      StepTime(
        name: step.name, operation: ([step.operation] + step.fused).joined(separator: " + "),
        shape: step.type.shape, kernel: step.kernel, seconds: seconds, operations: step.operations,
        bytes: step.bytes)
    }
  }

  /// The arrays of the input: the only one, or those of the graph's names.
  private func inputs(of graph: Graph) throws -> [String: GraphArray] {
    try checkWritable(outputPath(flow.output))
    let file = try ArrayFile(contentsOf: inputPath(flow.input))
    if graph.inputs.count == 1 || flow.inputName != nil {
      guard graph.inputs.count == 1, let input = graph.inputs.first else {
        throw Failure(
          .usage, "--input-name is for one input, \(model.printable()) has \(graph.inputs.count)")
      }
      let array =
        flow.inputName == nil && file.arrays.count > 1
        ? try named(input.name, in: file) : try flow.array(of: file)
      return [input.name: try GraphArray(array, for: input)]
    }
    var arrays: [String: GraphArray] = [:]
    for input in graph.inputs {
      arrays[input.name] = try GraphArray(named(input.name, in: file), for: input)
    }
    return arrays
  }

  private func named(_ name: String, in file: ArrayFile) throws -> NumericArray {
    guard let place = file.arrays.firstIndex(where: { $0.name == TensorName(name) }) else {
      let names = file.arrays.prefix(20).map { "\($0.name)" }.joined(separator: ", ")
      throw Failure(
        .badData,
        "\(flow.input.printable()) has no array \(name.printable()) for the input of that name; "
          + "it has \(names)")
    }
    return try file.read(place)
  }

  /// Names of kernels with how often they occur, the most frequent first.
  private func kernels(of plan: GraphPlan) -> String {
    let counts = Dictionary(grouping: plan.steps, by: \.kernel).mapValues(\.count)
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
  }
}

extension GraphArray {
  /// The numbers of a file as what an input takes.
  fileprivate init(_ array: NumericArray, for input: GraphInput) throws {
    switch input.element {
    case .f32: try self.init(shape: array.shape, values: .f32(array.floats()))
    case .i64: try self.init(shape: array.shape, values: .i64(array.integers()))
    case .bool:
      try self.init(shape: array.shape, values: .bool(array.integers().map { $0 != 0 }))
    }
  }
}

extension NumericArray {
  fileprivate init(_ array: GraphArray) throws {
    switch array.values {
    case .f32(let values): try self.init(shape: array.shape, values: .f32(values))
    case .i64(let values):
      try self.init(shape: array.shape, values: .i64(values.map { Int64($0) }))
    case .bool(let values): try self.init(shape: array.shape, values: .bool(values))
    }
  }
}
