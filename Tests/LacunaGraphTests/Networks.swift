// Small networks with seeded weights, and runs of them.

import LacunaFormats
import LacunaGraph
import TestSupport

/// Numbers from −1 to 1, a share of them zero.
func numbers(
  _ count: Int, zeros: Double = 0, _ generator: inout SeededGenerator
) -> [Float] {
  (0..<count).map { _ in
    let number = Float.random(in: -1...1, using: &generator)
    return Double.random(in: 0..<1, using: &generator) < zeros ? 0 : number
  }
}

/// An array of such numbers.
func array(
  _ shape: [Int], zeros: Double = 0, _ generator: inout SeededGenerator
) throws -> GraphArray {
  try GraphArray(shape, numbers(shape.reduce(1, *), zeros: zeros, &generator))
}

/// Runs nodes on arrays, which are inputs of their shapes; the result of the last node's first output.
func result(
  _ nodes: [GraphNode], _ arrays: [String: GraphArray],
  constants: [String: GraphConstant] = [:],
  options: GraphOptions = GraphOptions(deterministic: true)
) throws -> GraphArray {
  let graph = try Graph(
    inputs: arrays.map { GraphInput($0.key, $0.value.values.element, $0.value.shape) },
    constants: constants, nodes: nodes, outputs: [nodes.last!.outputs[0]])
  return try GraphPlan(graph, options: options).run(arrays)[nodes.last!.outputs[0]]!
}

/// Two residual blocks with normalisations, a branch, pooling and a classifier: what a ResNet is made of.
func residualNetwork(zeros: Double, seed: UInt64) throws -> Graph {
  var generator = SeededGenerator(seed: seed)
  var constants: [String: GraphConstant] = [:]
  var nodes: [GraphNode] = []
  func weights(_ name: String, _ shape: [Int]) throws {
    constants[name] = .array(try array(shape, zeros: zeros, &generator))
  }
  func layer(_ name: String, _ x: String, _ shape: [Int], pad: Int, groups: Int = 1) throws {
    try weights(name + ".w", shape)
    nodes.append(
      GraphNode(
        name + ".c",
        .convolution(padding: .explicit([pad, pad, pad, pad]), groups: groups), [x, name + ".w"]))
    for part in ["s", "b", "m"] {
      constants[name + part] = .array(try array([shape[0]], &generator))
    }
    constants[name + "v"] = .array(
      try GraphArray([shape[0]], numbers(shape[0], &generator).map { $0 * $0 + 0.5 }))
    nodes.append(
      GraphNode(
        name, .batchNormalization(), [name + ".c"] + ["s", "b", "m", "v"].map { name + $0 }))
  }
  try layer("a", "x", [16, 3, 3, 3], pad: 1)
  nodes.append(GraphNode("ar", .relu, ["a"]))
  try layer("b", "ar", [16, 1, 3, 3], pad: 1, groups: 16)
  nodes.append(GraphNode("br", .unary(.clip(0, 6)), ["b"]))
  try layer("c", "br", [16, 16, 1, 1], pad: 0)
  nodes.append(GraphNode("s", .add, ["c", "ar"]))
  nodes.append(GraphNode("sr", .relu, ["s"]))
  try layer("d", "sr", [24, 16, 3, 3], pad: 0)
  nodes.append(GraphNode("h", .unary(.hardSwish), ["d"]))
  nodes.append(GraphNode("p", .maxPool(kernel: [2, 2], strides: [2, 2]), ["h"]))
  nodes.append(GraphNode("g", .globalAveragePool, ["p"]))
  nodes.append(GraphNode("f", .flatten(), ["g"]))
  try weights("fc", [24, 10])
  constants["fb"] = .array(try array([10], &generator))
  nodes.append(GraphNode("m", .matMul, ["f", "fc"]))
  nodes.append(GraphNode("n", .add, ["m", "fb"]))
  nodes.append(GraphNode("y", .softmax(), ["n"]))
  return try Graph(
    inputs: [GraphInput("x", .f32, [.symbol("n"), .size(3), .any, .any])], constants: constants,
    nodes: nodes, outputs: ["y"])
}
