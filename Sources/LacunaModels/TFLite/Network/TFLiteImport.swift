// A TFLite network as a graph whose images have their channels first: layouts change where an operator needs it.

import LacunaGraph
import LacunaIO

extension TFLiteModel {
  /// The network of the model's one subgraph. Numbers of 16 bits are computed with as f32.
  ///
  /// - Throws: ``NetworkError``: an operator or setting that is not supported names its node.
  public func network() throws(NetworkError) -> Graph {
    let work: TFLiteImport
    do throws(DataProblem) {
      work = TFLiteImport(self, try TFLiteNetwork(self))
      try work.run()
    } catch { throw .data(error) }
    do throws(GraphError) {
      return try Graph(
        inputs: work.inputs, constants: work.constants, nodes: work.nodes, outputs: work.outputs)
    } catch { throw .graph(error) }
  }
}

/// A graph under construction.
///
/// TFLite's images are [n, height, width, channels], a graph's [n, channels, height, width]. Each tensor may have a
/// value of either layout, or both; the second one is a transpose, made when somebody asks for it.
final class TFLiteImport {
  enum Layout { case asInFile, channelsFirst }

  let model: TFLiteModel
  let network: TFLiteNetwork
  private(set) var inputs: [GraphInput] = []
  private(set) var constants: [String: GraphConstant] = [:]
  private(set) var nodes: [GraphNode] = []
  private(set) var outputs: [String] = []
  private var made: [Layout: Set<Int>] = [.asInFile: [], .channelsFirst: []]
  /// Elements of tensors that are known now.
  private var known: [Int: GraphArray] = [:]
  /// Zeros around images that the convolutions behind them take over.
  private(set) var folded: [Int: (source: Int, pads: [Int])] = [:]
  /// What is at work, for names.
  private(set) var label = ""

  init(_ model: TFLiteModel, _ network: TFLiteNetwork) {
    (self.model, self.network) = (model, network)
  }

  func run() throws(DataProblem) {
    for input in network.inputs {
      let tensor = network.tensors[input]
      guard tensor.type == .f32 else {
        throw .unsupported(
          what: "input \"\(tensor.name)\" of type", found: tensor.type.rawValue)
      }
      inputs.append(
        GraphInput(tensor.name, .f32, tensor.shape.map { $0 < 0 ? .any : .size($0) }))
      made[.asInFile]!.insert(input)
    }
    for (number, operation) in network.operations.enumerated() {
      guard let rule = TFLiteRule.all[operation.code] else {
        throw .inside(
          "node \(number)", .unsupported(what: "operator number", found: "\(operation.code)"))
      }
      label = "\(rule.name) \(number)"
      do throws(DataProblem) {
        if operation.outputs.count != 1 {
          throw .mismatch(
            what: "number of outputs", expected: 1, actual: operation.outputs.count)
        }
        try rule.make(self, operation)
      } catch { throw .inside("node \"\(label)\"", error) }
    }
    for output in network.outputs { outputs.append(try value(output, .asInFile)) }
  }

  // Values --------------------------------------------------------------------------------------

  /// Whether the tensor has a value of that layout already.
  func has(_ tensor: Int, _ layout: Layout) -> Bool { made[layout]!.contains(tensor) }

  /// The name of a value, whether it is there or not.
  private func name(_ tensor: Int, _ layout: Layout) -> String {
    network.tensors[tensor].name + (layout == .asInFile ? "" : " (channels first)")
  }

  /// A value that a node can read.
  func value(_ tensor: Int, _ layout: Layout) throws(DataProblem) -> String {
    let name = name(tensor, layout)
    if has(tensor, layout) { return name }
    let order = layout == .asInFile ? [0, 2, 3, 1] : [0, 3, 1, 2]
    if let array = try constant(tensor) {
      constants[name] = .array(layout == .asInFile ? array : try array.permuted(order))
    } else {
      let other: Layout = layout == .asInFile ? .channelsFirst : .asInFile
      guard has(tensor, other), network.tensors[tensor].shape.count == 4 else {
        throw .absent(what: "the value of \"\(network.tensors[tensor].name)\"")
      }
      nodes.append(
        GraphNode(
          name: "\(label) layout of \(tensor)", .transpose(order), [self.name(tensor, other)],
          [name]))
    }
    made[layout]!.insert(tensor)
    return name
  }

  /// The elements of a tensor that is always the same; nil for others.
  func constant(_ tensor: Int) throws(DataProblem) -> GraphArray? {
    if let array = known[tensor] { return array }
    guard let place = network.tensors[tensor].constant else { return nil }
    let found = model.tensors[place]
    try ReadingMemory.check(found.elementCount, times: 8, found.name)
    let bytes = try model.content(place)
    let values: GraphValues
    if found.type.isFloatingPoint {
      values = .f32(try TensorNumbers.floats(bytes, found.type, found.name))
    } else {
      let array = try TensorNumbers.array(bytes, found.type, found.name)
      values = .i64(try array.integers())
    }
    return try GraphArray.checked(found.shape, values)
  }

  /// The elements of an operand that has to be known now.
  func constant(
    _ operation: TFLiteNetwork.Operation, _ place: Int, _ what: String
  ) throws(DataProblem) -> GraphArray {
    guard let array = try constant(try operand(operation, place, what)) else {
      throw .unsupported(what: what, found: "known only at run time")
    }
    return array
  }

  /// Integers that have to be known now.
  func integers(
    _ operation: TFLiteNetwork.Operation, _ place: Int, _ what: String
  ) throws(DataProblem) -> [Int] {
    guard let values = try constant(operation, place, what).integers else {
      throw .unsupported(what: what, found: "in floating point")
    }
    return values
  }

  /// Numbers that have to be known now: weights.
  func floats(
    _ operation: TFLiteNetwork.Operation, _ place: Int, _ what: String
  ) throws(DataProblem) -> GraphArray {
    let array = try constant(operation, place, what)
    if array.floats == nil { throw .unsupported(what: what, found: "in integers") }
    return array
  }

  /// The tensor of an operand.
  func operand(
    _ operation: TFLiteNetwork.Operation, _ place: Int, _ what: String
  ) throws(DataProblem) -> Int {
    guard place < operation.inputs.count, operation.inputs[place] >= 0 else {
      throw .absent(what: what)
    }
    return operation.inputs[place]
  }

  /// Says that a tensor is always the same.
  func know(_ tensor: Int, _ array: GraphArray) { known[tensor] = array }

  /// Says that a tensor is an image with zeros around it, which nobody has to make.
  func fold(_ tensor: Int, _ source: Int, _ pads: [Int]) { folded[tensor] = (source, pads) }

  // Nodes ---------------------------------------------------------------------------------------

  /// A constant of the node at work.
  func constant(named part: String, _ array: GraphArray) -> String {
    let name = "\(label) \(part)"
    constants[name] = .array(array)
    return name
  }

  /// A value that only the node at work knows.
  func step(_ part: String, _ operation: GraphOperator, _ inputs: [String]) -> String {
    let name = "\(label) \(part)"
    nodes.append(GraphNode(name: name, operation, inputs, [name]))
    return name
  }

  /// The last step of the node at work, and the activation behind it.
  func finish(
    _ operation: GraphOperator, _ inputs: [String], _ tensor: Int, _ layout: Layout,
    activation: Int = 0
  ) throws(DataProblem) {
    let name = name(tensor, layout)
    if !made[layout]!.insert(tensor).inserted { throw .duplicateName(name) }
    guard let function = try Self.activation(activation) else {
      nodes.append(GraphNode(name: label, operation, inputs, [name]))
      return
    }
    let before = step("before its activation", operation, inputs)
    nodes.append(GraphNode(name: label, function, [before], [name]))
  }

  /// A fused activation by its number; nil for none.
  private static func activation(_ code: Int) throws(DataProblem) -> GraphOperator? {
    switch code {
    case 0: nil
    case 1: .relu
    case 2: .unary(.clip(-1, 1))
    case 3: .unary(.clip(0, 6))
    // TANH is a name without a kernel: LiteRT computes as if it were not there.
    default: throw .unsupported(what: "activation", found: "\(code)")
    }
  }
}

extension GraphArray {
  /// An array of a file, whose shape may be anything.
  static func checked(_ shape: [Int], _ values: GraphValues) throws(DataProblem) -> GraphArray {
    do throws(GraphProblem) { return try GraphArray(shape: shape, values: values) } catch {
      throw .unsupported(what: "a constant", found: "\(error)")
    }
  }

  /// The axes in another order.
  func permuted(_ order: [Int]) throws(DataProblem) -> GraphArray {
    if shape.count != order.count {
      throw .mismatch(what: "number of dimensions", expected: order.count, actual: shape.count)
    }
    let view = MatrixView(axes: order, rowAxes: 1)
    let result: GraphValues =
      switch values {
      case .f32(let values): .f32(view.matrixOrder(values, shape: shape))
      case .i64(let values): .i64(view.matrixOrder(values, shape: shape))
      case .bool(let values): .bool(view.matrixOrder(values, shape: shape))
      }
    return try .checked(order.map { shape[$0] }, result)
  }
}
