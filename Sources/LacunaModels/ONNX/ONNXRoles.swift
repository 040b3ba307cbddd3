// What ONNX operators do with their inputs: which is a weight, how it lies, how it is quantised.

/// What a tensor is used for, as far as the operators say.
struct ONNXUse {
  var role = TensorRole.unknown
  var operation: String?
  var view: MatrixView?
  /// The inputs that hold scale and zero point, and the axis that they belong to.
  var quantization: (scale: ByteName?, zeroPoint: ByteName?, axis: Int, graph: Int)?
}

/// How a weight of some rank is laid out, by operator.
private enum Layout {
  /// [out, in]; Gemm with transB, the first factor of a product.
  case outputFirst
  /// […, in, out]: the second factor of a product.
  case inputFirst
  /// [outC, inC/groups, spatial…].
  case convolution
  /// [inC, outC/groups, spatial…].
  case transposedConvolution
  /// [directions, gates·hidden, inputs]: iofc for LSTM, zrh for GRU.
  case recurrent

  func view(rank: Int) -> MatrixView? {
    let axes = Array(0..<rank)
    switch self {
    case .outputFirst: return rank < 2 ? nil : MatrixView(axes: axes, rowAxes: rank - 1)
    case .inputFirst:
      return rank < 2
        ? nil
        : MatrixView(axes: axes.dropLast(2) + [rank - 1, rank - 2], rowAxes: rank - 1)
    case .convolution:
      return rank < 3 ? nil : MatrixView(axes: [0] + axes.dropFirst(2) + [1], rowAxes: 1)
    case .transposedConvolution:
      return rank < 3
        ? nil : MatrixView(axes: Array(axes.dropFirst(1)) + [0], rowAxes: rank - 1)
    case .recurrent: return rank != 3 ? nil : MatrixView(axes: axes, rowAxes: 2)
    }
  }
}

/// The inputs of an operator that hold weights.
private struct WeightInput {
  let place: Int
  let role: TensorRole
  let layout: Layout
  /// Where the scale and the zero point of a quantised weight are, and their axis.
  var scale: Int?
  var zeroPoint: Int?
  var axis = 0

  init(
    _ place: Int, _ layout: Layout, role: TensorRole = .weight, scale: Int? = nil,
    zeroPoint: Int? = nil, axis: Int = 0
  ) {
    (self.place, self.layout, self.role) = (place, layout, role)
    (self.scale, self.zeroPoint, self.axis) = (scale, zeroPoint, axis)
  }

  static func of(_ node: ONNXNode) -> [WeightInput] {
    func flag(_ name: String) -> Bool { node.integers[name]?.first == 1 }
    switch node.operation {
    case "Gemm":
      return [
        .init(0, flag("transA") ? .inputFirst : .outputFirst),
        .init(1, flag("transB") ? .outputFirst : .inputFirst),
      ]
    case "MatMul": return [.init(0, .outputFirst), .init(1, .inputFirst)]
    case "FusedMatMul":
      return [
        .init(0, flag("transA") ? .inputFirst : .outputFirst),
        .init(1, flag("transB") ? .outputFirst : .inputFirst),
      ]
    case "Conv", "FusedConv": return [.init(1, .convolution)]
    case "ConvTranspose": return [.init(1, .transposedConvolution)]
    case "LSTM", "GRU", "RNN":
      return [.init(1, .recurrent), .init(2, .recurrent, role: .recurrent)]
    case "QLinearConv": return [.init(3, .convolution, scale: 4, zeroPoint: 5)]
    case "ConvInteger": return [.init(1, .convolution, zeroPoint: 3)]
    case "QLinearMatMul": return [.init(3, .inputFirst, scale: 4, zeroPoint: 5, axis: -1)]
    case "MatMulInteger": return [.init(1, .inputFirst, zeroPoint: 3, axis: -1)]
    case "QGemm":
      return [
        .init(
          3, flag("transB") ? .outputFirst : .inputFirst, scale: 4, zeroPoint: 5,
          axis: flag("transB") ? 0 : -1)
      ]
    case "DynamicQuantizeMatMul":
      return [.init(1, .inputFirst, scale: 2, zeroPoint: 3, axis: -1)]
    case "MatMulIntegerToFloat":
      return [.init(1, .inputFirst, scale: 3, zeroPoint: 5, axis: -1)]
    default: return []
    }
  }
}

/// Inputs that are no weights but have a name for what they are.
private func plainRole(_ node: ONNXNode, input: Int) -> TensorRole? {
  switch (node.operation, input) {
  case ("Gemm", 2), ("Conv", 2), ("FusedConv", 2), ("ConvTranspose", 2), ("LSTM", 3), ("GRU", 3),
    ("RNN", 3), ("QLinearConv", 8), ("QGemm", 6):
    .bias
  case ("Gather", 0), ("GatherElements", 0): .embedding
  case ("BatchNormalization", 1...), ("LayerNormalization", 1...),
    ("InstanceNormalization", 1...), ("GroupNormalization", 1...):
    .normalization
  case ("DequantizeLinear", 1...), ("QuantizeLinear", 1...): .quantization
  default: nil
  }
}

extension ONNXGraphs {
  /// What each entry is used for, by the first operator that says something.
  ///
  /// Identity, Cast, Transpose and DequantizeLinear are looked through: a weight of `Q → DQ → MatMul`
  /// is a weight of MatMul, quantised.
  func uses() -> [ONNXUse] {
    var consumers: [ByteName: [(graph: Int, node: Int, input: Int)]] = [:]
    var producer: [ByteName: Set<Int>] = [:]
    for (graph, content) in graphs.enumerated() {
      for (place, node) in content.nodes.enumerated() {
        for (input, name) in node.inputs.enumerated() where !name.isEmpty {
          consumers[name, default: []].append((graph, place, input))
        }
        for name in node.outputs where !name.isEmpty { producer[name, default: []].insert(graph) }
      }
    }
    /// The graph that `name` means in `graph`: the innermost one that has it.
    func home(of name: ByteName, in graph: Int) -> Int? {
      var place: Int? = graph
      while let current = place {
        if entry(name, of: current) != nil || producer[name]?.contains(current) == true {
          return current
        }
        place = graphs[current].parent
      }
      return nil
    }
    /// Operators that may still be looked at for the tensor at hand: names that many operators share
    /// would otherwise be followed again and again.
    var left = 0
    /// Follows one tensor to the first operator that gives it a role.
    func follow(
      _ name: ByteName, _ graph: Int, rank: Int, permutation: [Int],
      quantization: (ByteName?, ByteName?, Int, Int)?, steps: Int
    ) -> ONNXUse? {
      var found: ONNXUse?
      for consumer in consumers[name] ?? [] where home(of: name, in: consumer.graph) == graph {
        if left == 0 { break }
        left -= 1
        let node = graphs[consumer.graph].nodes[consumer.node]
        let next: ONNXUse?
        if let weight = WeightInput.of(node).first(where: { $0.place == consumer.input }),
          let view = weight.layout.view(rank: rank)
        {
          var own = quantization
          if weight.scale != nil || weight.zeroPoint != nil {
            func input(_ place: Int?) -> ByteName? {
              place.flatMap { $0 < node.inputs.count ? node.inputs[$0] : nil }
                .flatMap { $0.isEmpty ? nil : $0 }
            }
            let axis = weight.axis < 0 ? rank + weight.axis : weight.axis
            own = (
              input(weight.scale), input(weight.zeroPoint), axis < rank ? permutation[axis] : 0,
              consumer.graph
            )
          }
          next = ONNXUse(
            role: weight.role, operation: node.operation, view: view.through(permutation),
            quantization: own)
        } else if let role = plainRole(node, input: consumer.input) {
          // A dequantised tensor is what the operators behind it make of it.
          next = ONNXUse(role: role, operation: node.operation, quantization: quantization)
        } else if consumer.input == 0, steps > 0, let output = node.outputs.first {
          switch node.operation {
          case "Identity", "Cast":
            next = follow(
              output, consumer.graph, rank: rank, permutation: permutation,
              quantization: quantization, steps: steps - 1)
          case "Transpose":
            let order = (node.integers["perm"]?.map { Int($0) }) ?? Array((0..<rank).reversed())
            next =
              order.sorted() == Array(0..<rank)
              ? follow(
                output, consumer.graph, rank: rank, permutation: order.map { permutation[$0] },
                quantization: quantization, steps: steps - 1) : nil
          case "DequantizeLinear":
            let blocks = node.integers["block_size"]?.first ?? 0
            let axis = Int(node.integers["axis"]?.first ?? 1)
            let own = axis < 0 ? rank + axis : axis
            let inputs = node.inputs
            let here: (ByteName?, ByteName?, Int, Int)? =
              blocks != 0
              ? nil
              : (
                inputs.count > 1 ? inputs[1] : nil, inputs.count > 2 ? inputs[2] : nil,
                permutation.indices.contains(own) ? permutation[own] : 0, consumer.graph
              )
            next =
              follow(
                output, consumer.graph, rank: rank, permutation: permutation, quantization: here,
                steps: steps - 1) ?? ONNXUse(operation: node.operation, quantization: here)
          default: next = nil
          }
        } else {
          next = nil
        }
        guard let next else { continue }
        if next.role == .weight || next.role == .recurrent { return next }
        if found == nil || found?.role == .unknown { found = next }
      }
      return found
    }
    return entries.map { entry in
      left = 256
      return follow(
        entry.name, entry.graph, rank: entry.shape.count,
        permutation: Array(entry.shape.indices), quantization: nil, steps: 8) ?? ONNXUse()
    }
  }
}
