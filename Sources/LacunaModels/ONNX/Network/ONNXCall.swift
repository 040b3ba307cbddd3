// One node of a model on its way to a graph: settings by name, with what they are when they are left out.

import LacunaGraph
import LacunaIO

/// A node, the version of its operators, and the graph nodes that it becomes.
struct ONNXCall {
  let node: ONNXOperator
  /// Of the operator set.
  let version: Int
  /// What errors and the graph call the node.
  let name: String
  /// Reads tensors in attributes.
  let tensor: (ONNXTensor) throws(DataProblem) -> GraphArray

  var inputs: [String] { node.inputs }
  var outputs: [String] { node.outputs }

  /// Whether operand `index` is there.
  func has(_ index: Int) -> Bool { index < inputs.count && !inputs[index].isEmpty }

  private func wrong(_ attribute: String) -> DataProblem {
    .unsupported(what: "attribute \(attribute)", found: "of another type than the operator's")
  }

  func integer(_ name: String, _ standard: Int) throws(DataProblem) -> Int {
    guard let value = node.attributes[name] else { return standard }
    guard case .integer(let integer) = value else { throw wrong(name) }
    return integer
  }

  func flag(_ name: String) throws(DataProblem) -> Bool { try integer(name, 0) != 0 }

  func float(_ name: String, _ standard: Float) throws(DataProblem) -> Float {
    guard let value = node.attributes[name] else { return standard }
    guard case .float(let float) = value else { throw wrong(name) }
    return float
  }

  func text(_ name: String, _ standard: String) throws(DataProblem) -> String {
    guard let value = node.attributes[name] else { return standard }
    guard case .text(let text) = value else { throw wrong(name) }
    return text
  }

  func integers(_ name: String) throws(DataProblem) -> [Int]? {
    guard let value = node.attributes[name] else { return nil }
    guard case .integers(let integers) = value else { throw wrong(name) }
    return integers
  }

  func floats(_ name: String) throws(DataProblem) -> [Float]? {
    guard let value = node.attributes[name] else { return nil }
    guard case .floats(let floats) = value else { throw wrong(name) }
    return floats
  }

  /// - Throws: `DataProblem` for a setting that says something else than expected.
  func refuse(_ name: String, unless expected: Int) throws(DataProblem) {
    let value = try integer(name, expected)
    if value != expected { throw .unsupported(what: "\(name)", found: "\(value)") }
  }

  /// The node as one node of the graph, with the first of its inputs.
  func one(_ operation: GraphOperator, inputs count: Int? = nil) -> [GraphNode] {
    var inputs = Array(inputs.prefix(count ?? .max))
    // Operands that are left out at the end are not there.
    while inputs.last == "" { inputs.removeLast() }
    return [GraphNode(name: name, operation, inputs, outputs)]
  }

  /// A node between this one's inputs and its output; its value's name cannot be one of the file.
  func step(_ number: Int, _ operation: GraphOperator, _ inputs: [String]) -> GraphNode {
    GraphNode(name: name, operation, inputs, [stepName(number)])
  }

  /// What ``step(_:_:_:)`` makes.
  func stepName(_ number: Int) -> String { "\(outputs.first ?? name)\u{0}\(number)" }

  /// `f(f(a, b), c) …` for any number of operands.
  func folded(_ operation: GraphOperator) -> [GraphNode] {
    if inputs.count == 1 { return one(.identity) }
    var (nodes, last): ([GraphNode], String) = ([], inputs.first ?? "")
    for (number, input) in inputs.enumerated().dropFirst() {
      let isLast = number == inputs.count - 1
      let output = isLast ? outputs.first ?? "" : stepName(number)
      nodes.append(GraphNode(name: name, operation, [last, input], [output]))
      last = output
    }
    return nodes
  }

  /// Another size: which settings of Resize there are counterparts for.
  func resize() throws(DataProblem) -> [GraphNode] {
    let mode: ResizeMode
    switch try text("mode", "nearest") {
    case "nearest":
      let name = try text("nearest_mode", "round_prefer_floor")
      guard let rounding = ResizeRounding(rawValue: name) else {
        throw .unsupported(what: "nearest_mode", found: name)
      }
      mode = .nearest(rounding)
    case "linear": mode = .linear
    case let other: throw .unsupported(what: "resizing by", found: other)
    }
    let name = try text("coordinate_transformation_mode", "half_pixel")
    guard let coordinates = ResizeCoordinates(rawValue: name) else {
      throw .unsupported(what: "coordinate_transformation_mode", found: name)
    }
    try refuse("antialias", unless: 0)
    if node.attributes["axes"] != nil {
      throw .unsupported(what: "resizing of", found: "some axes")
    }
    // The region of interest belongs to a mode that is refused.
    let factors = inputs.count > 2 ? inputs[2] : ""
    let operands = [inputs.first ?? "", factors] + (inputs.count > 3 ? [inputs[3]] : [])
    return [
      GraphNode(name: self.name, .resize(mode, coordinates: coordinates), operands, outputs)
    ]
  }

  /// Padding of a window: `auto_pad`, or `pads`.
  func padding() throws(DataProblem) -> GraphPadding {
    switch try text("auto_pad", "NOTSET") {
    case "NOTSET", "": return .explicit(try integers("pads") ?? [])
    case "VALID": return .explicit([])
    case "SAME_UPPER": return .sameUpper
    case "SAME_LOWER": return .sameLower
    case let other: throw .unsupported(what: "auto_pad", found: other)
    }
  }
}
