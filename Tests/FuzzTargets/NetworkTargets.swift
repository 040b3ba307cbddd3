// An ONNX or TFLite file as a network: read, planned in little memory, and run where it is small.

import Lacuna
import LacunaIO

/// Bytes that a plan may take.
private let planMemory = 4 << 20

/// Elements of an input that is made up.
private let mostElements = 1 << 12

/// Multiply-adds or elements of one step up to which a plan is run.
private let mostWork = 1 << 18

let networkTargets = [
  FuzzTarget("network", memory: (base: 256 << 20, each: 1 << 15)) { bytes in
    try ReadingMemory.limited(to: 16 << 20) {
      let graph = try ModelFile(bytes: bytes).network()
      var shapes: [String: [Int]] = [:]
      for input in graph.inputs {
        shapes[input.name] = input.dimensions.map { dimension in
          if case .size(let size) = dimension { size } else { 2 }
        }
      }
      if shapes.values.contains(where: { $0.reduce(1.0) { $0 * Double($1) } > Double(mostElements) }
      ) {
        return
      }
      let plan = try GraphPlan(
        graph, shapes: shapes, options: GraphOptions(deterministic: true, memory: planMemory))
      try hold(plan.arenaBytes <= planMemory, "\(plan.arenaBytes) bytes of arena")
      try hold(plan.outputs.map(\.name) == graph.outputs, "other outputs")
      if plan.steps.contains(where: { $0.type.count > mostWork }) || plan.steps.count > 64 {
        return
      }
      var arrays: [String: GraphArray] = [:]
      for port in plan.inputs { arrays[port.name] = try filled(port.type) }
      let found = try certainly("a run") { try plan.run(arrays) }
      for port in plan.outputs {
        try hold(found[port.name]?.type == port.type, "\(port.name) is of another type")
      }
      // What is fused computes the same shapes.
      let plain = try certainly("without fusion") {
        try GraphPlan(
          graph, shapes: shapes, options: GraphOptions(deterministic: true, fuses: false))
      }
      try hold(plain.outputs == plan.outputs, "other types without fusion")
    }
  }
]

/// Small numbers of both signs, and zeros.
private func filled(_ type: GraphType) throws -> GraphArray {
  switch type.element {
  case .f32: try GraphArray(type.shape, (0..<type.count).map { Float($0 % 7) - 3 })
  case .i64:
    try GraphArray(shape: type.shape, values: .i64((0..<type.count).map { $0 % 5 - 2 }))
  case .bool:
    try GraphArray(shape: type.shape, values: .bool((0..<type.count).map { $0 % 3 == 0 }))
  }
}

/// The golden archives of networks, which are no seeds themselves.
let networkArchives = ["networks.npz", "tflite.npz"]

/// The networks of the golden archives.
func networkSeeds(_ files: [(name: String, bytes: [UInt8])]) throws -> [[UInt8]] {
  try files.filter { networkArchives.contains($0.name) }.flatMap { archive in
    try NPZ(bytes: archive.bytes).arrays.compactMap { array in
      guard "\(array.name)".hasSuffix("/model"), case .u8(let bytes) = array.array.values else {
        return nil
      }
      return bytes
    }
  }
}
