// An ONNX model as a graph that can be planned and run.

import LacunaGraph
import LacunaIO

/// Why a model file is no network that can be run.
public enum NetworkError: Error, Equatable, Sendable {
  /// The file is damaged, or says something that is not supported; `inside` names the node.
  case data(DataProblem)
  /// Its parts do not make a graph.
  case graph(GraphError)
}

extension NetworkError: CustomStringConvertible {
  /// One line: the node and what is wrong with it.
  public var description: String {
    switch self {
    case .data(let problem): "\(problem)"
    case .graph(let error): "\(error)"
    }
  }
}

extension ONNXModel {
  /// The network of the outermost graph.
  ///
  /// Numbers narrower than f32 are computed with as f32, integers as i64. Weights in sparse initialisers become
  /// sparse matrices.
  ///
  /// - Throws: ``NetworkError``: an operator, a version or a setting that is not supported names its node.
  public func network() throws(NetworkError) -> Graph {
    let parts: GraphParts
    do throws(DataProblem) { parts = try graphParts() } catch { throw .data(error) }
    do throws(GraphError) {
      return try Graph(
        inputs: parts.inputs, constants: parts.constants, nodes: parts.nodes,
        outputs: parts.outputs)
    } catch { throw .graph(error) }
  }

  private func graphParts() throws(DataProblem) -> GraphParts {
    let network = try ONNXNetwork(bytes)
    let parts = try parts(of: network)
    // Until version 4 of the format initialisers are inputs too.
    for input in network.inputs where parts.constants[input.name] == nil {
      guard let type = ONNXTensor.type(of: Int(input.code)), let element = GraphElement(type) else {
        throw .unsupported(
          what: "input \"\(input.name)\" of data type", found: "\(input.code)")
      }
      parts.inputs.append(GraphInput(input.name, element, input.dimensions))
    }
    return parts
  }

  /// Constants, nodes and outputs of a graph.
  private func parts(of network: ONNXNetwork) throws(DataProblem) -> GraphParts {
    let parts = GraphParts()
    for tensor in network.dense {
      let constant = GraphConstant.array(try tensor.array(in: bytes, outside))
      if parts.constants.updateValue(constant, forKey: tensor.name.text) != nil {
        throw .duplicateName(tensor.name.text)
      }
    }
    for tensor in network.sparse {
      let name = tensor.values.name.text
      let constant = try tensor.constant(in: bytes, outside)
      if parts.constants.updateValue(constant, forKey: name) != nil { throw .duplicateName(name) }
    }
    parts.outputs = network.outputs
    for (number, node) in network.nodes.enumerated() {
      let name = node.name.isEmpty ? "\(node.operation) \(number)" : node.name
      do throws(DataProblem) { try add(node, name, network, parts) } catch {
        throw .inside("node \"\(name)\" (\(node.operation))", error)
      }
    }
    return parts
  }

  /// A graph in an attribute.
  private func branch(
    _ name: String, of node: ONNXOperator, in network: ONNXNetwork
  ) throws(DataProblem) -> GraphBranch {
    guard case .graph(let field) = node.attributes[name] else {
      throw .absent(what: "the graph \(name)")
    }
    let parts = try parts(of: ONNXNetwork(inside: network, bytes, field.payload))
    do throws(GraphError) {
      return try GraphBranch(
        constants: parts.constants, nodes: parts.nodes, outputs: parts.outputs)
    } catch { throw .unsupported(what: name, found: "\(error)") }
  }

  private func add(
    _ node: ONNXOperator, _ name: String, _ network: ONNXNetwork, _ parts: GraphParts
  ) throws(DataProblem) {
    if !node.domain.isEmpty && node.domain != "ai.onnx" {
      throw .unsupported(what: "operator of domain", found: node.domain)
    }
    guard let version = network.versions[""] else {
      throw .absent(what: "the version of the operator set")
    }
    let call = ONNXCall(node: node, version: version, name: name) { tensor throws(DataProblem) in
      try tensor.array(in: bytes, outside)
    }
    if version > ONNXRule.newest {
      throw .outOfRange(
        what: "version of the operator set", value: version, lowest: 1, highest: ONNXRule.newest)
    }
    if node.operation == "Constant" {
      guard let output = node.outputs.first, node.outputs.count == 1 else {
        throw .mismatch(what: "number of outputs", expected: 1, actual: node.outputs.count)
      }
      if parts.constants.updateValue(try constant(call), forKey: output) != nil {
        throw .duplicateName(output)
      }
      return
    }
    if node.operation == "If" {
      let operation = GraphOperator.conditional(
        try branch("then_branch", of: node, in: network),
        else: try branch("else_branch", of: node, in: network))
      parts.nodes.append(
        GraphNode(
          name: name, operation, node.inputs.prefix(1) + operation.captures, node.outputs))
      return
    }
    guard let rule = ONNXRule.all[node.operation] else {
      throw .unsupported(what: "operator", found: node.operation)
    }
    if version < rule.since {
      throw .outOfRange(
        what: "version of the operator set", value: version, lowest: rule.since,
        highest: ONNXRule.newest)
    }
    parts.nodes += try rule.make(call)
  }

  /// The value of a Constant node.
  private func constant(_ call: ONNXCall) throws(DataProblem) -> GraphConstant {
    func array(_ shape: [Int], _ values: GraphValues) throws(DataProblem) -> GraphConstant {
      do throws(GraphProblem) {
        return .array(try GraphArray(shape: shape, values: values))
      } catch { throw .unsupported(what: "a constant", found: "\(error)") }
    }
    if call.node.attributes.count != 1 {
      throw .mismatch(
        what: "number of values of a constant", expected: 1, actual: call.node.attributes.count)
    }
    let (name, value) = call.node.attributes.first!
    switch (name, value) {
    case ("value", .tensor(let tensor)): return .array(try tensor.array(in: bytes, outside))
    case ("sparse_value", .sparse(let tensor)): return try tensor.constant(in: bytes, outside)
    case ("value_float", .float(let number)): return try array([], .f32([number]))
    case ("value_floats", .floats(let numbers)): return try array([numbers.count], .f32(numbers))
    case ("value_int", .integer(let number)): return try array([], .i64([number]))
    case ("value_ints", .integers(let numbers)): return try array([numbers.count], .i64(numbers))
    default: throw .unsupported(what: "a constant by attribute", found: name)
    }
  }
}

/// What a graph is made of. A class: large structs do not come back from functions with typed errors.
private final class GraphParts {
  var inputs: [GraphInput] = []
  var constants: [String: GraphConstant] = [:]
  var nodes: [GraphNode] = []
  var outputs: [String] = []
}
