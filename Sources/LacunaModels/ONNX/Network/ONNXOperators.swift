// Which operators of ONNX become which of a graph, from which version of their set on.

import LacunaGraph
import LacunaIO

/// How an operator is read.
struct ONNXRule: Sendable {
  /// The first version of the operator set whose meaning is known; older ones say something else.
  let since: Int
  let make: @Sendable (ONNXCall) throws(DataProblem) -> [GraphNode]

  init(
    _ since: Int, _ make: @escaping @Sendable (ONNXCall) throws(DataProblem) -> [GraphNode]
  ) { (self.since, self.make) = (since, make) }

  /// An operator without settings.
  init(_ since: Int, plain operation: GraphOperator) { self.init(since) { $0.one(operation) } }

  /// The newest version of the operator set that is known.
  static let newest = 25

  /// All that can be read.
  static let all: [String: ONNXRule] = [
    elementwise, products, recurrent, windows, normalizations, movements, shapes,
  ].reduce(into: [:]) { all, part in all.merge(part) { first, _ in first } }

  private static let elementwise: [String: ONNXRule] = [
    "Relu": .init(6, plain: .relu),
    "Sigmoid": .init(6, plain: .unary(.sigmoid)),
    "Tanh": .init(6, plain: .unary(.tanh)),
    "Erf": .init(9, plain: .unary(.erf)),
    "Exp": .init(6, plain: .unary(.exp)),
    "Log": .init(6, plain: .unary(.log)),
    "Sqrt": .init(6, plain: .unary(.sqrt)),
    "Neg": .init(6, plain: .unary(.negate)),
    "Abs": .init(6, plain: .unary(.absolute)),
    "Reciprocal": .init(6, plain: .unary(.reciprocal)),
    "Floor": .init(6, plain: .unary(.floor)),
    "Ceil": .init(6, plain: .unary(.ceil)),
    "Round": .init(11, plain: .unary(.round)),
    "Sin": .init(7, plain: .unary(.sin)),
    "Cos": .init(7, plain: .unary(.cos)),
    "Softplus": .init(1, plain: .unary(.softplus)),
    "HardSwish": .init(14, plain: .unary(.hardSwish)),
    "LeakyRelu": .init(6) { call throws(DataProblem) in
      call.one(.unary(.leakyRelu(try call.float("alpha", 0.01))))
    },
    "Elu": .init(6) { call throws(DataProblem) in
      call.one(.unary(.elu(try call.float("alpha", 1))))
    },
    "HardSigmoid": .init(6) { call throws(DataProblem) in
      call.one(.unary(.hardSigmoid(try call.float("alpha", 0.2), try call.float("beta", 0.5))))
    },
    "Swish": .init(24) { call throws(DataProblem) in
      call.one(.unary(.swish(try call.float("alpha", 1))))
    },
    "Gelu": .init(20) { call throws(DataProblem) in
      switch try call.text("approximate", "none") {
      case "none": return call.one(.unary(.gelu))
      case "tanh": return call.one(.unary(.geluByTanh))
      case let other: throw .unsupported(what: "approximate", found: other)
      }
    },
    "Clip": .init(6) { call throws(DataProblem) in
      if call.version >= 11 { return call.one(.clip) }
      return call.one(
        .unary(
          .clip(
            try call.float("min", -.greatestFiniteMagnitude),
            try call.float("max", .greatestFiniteMagnitude))))
    },
    "PRelu": .init(7) { call throws(DataProblem) in
      // max(x, 0) + slope · min(x, 0)
      guard call.has(0), call.has(1) else { throw .absent(what: "an operand of PRelu") }
      return [
        call.step(0, .relu, [call.inputs[0]]),
        call.step(1, .unary(.clip(-.infinity, 0)), [call.inputs[0]]),
        call.step(2, .multiply, [call.stepName(1), call.inputs[1]]),
        GraphNode(name: call.name, .add, [call.stepName(0), call.stepName(2)], call.outputs),
      ]
    },
    "Add": .init(7, plain: .add),
    "Sub": .init(7, plain: .binary(.subtract)),
    "Mul": .init(7, plain: .multiply),
    "Div": .init(7, plain: .binary(.divide)),
    "Pow": .init(7, plain: .binary(.power)),
    "Mod": .init(10) { call throws(DataProblem) in
      call.one(.binary(try call.flag("fmod") ? .remainder : .modulo))
    },
    "Max": .init(8) { $0.folded(.binary(.maximum)) },
    "Min": .init(8) { $0.folded(.binary(.minimum)) },
    "Sum": .init(8) { $0.folded(.add) },
    "Equal": .init(7, plain: .compare(.equal)),
    "Less": .init(7, plain: .compare(.less)),
    "Greater": .init(7, plain: .compare(.greater)),
    "LessOrEqual": .init(12, plain: .compare(.lessOrEqual)),
    "GreaterOrEqual": .init(12, plain: .compare(.greaterOrEqual)),
    "And": .init(7, plain: .logical(.and)),
    "Or": .init(7, plain: .logical(.or)),
    "Xor": .init(7, plain: .logical(.exclusiveOr)),
    "Not": .init(1, plain: .not),
    "Where": .init(9, plain: .choose),
  ]

  private static let products: [String: ONNXRule] = [
    "MatMul": .init(1, plain: .matMul),
    "Gemm": .init(7) { call throws(DataProblem) in
      call.one(
        .gemm(
          alpha: try call.float("alpha", 1), beta: try call.float("beta", 1),
          transposesA: try call.flag("transA"), transposesB: try call.flag("transB")))
    },
    "Conv": .init(1) { call throws(DataProblem) in
      call.one(
        .convolution(
          strides: try call.integers("strides") ?? [],
          dilations: try call.integers("dilations") ?? [], padding: try call.padding(),
          groups: try call.integer("group", 1), kernel: try call.integers("kernel_shape") ?? []))
    },
    "ConvTranspose": .init(1) { call throws(DataProblem) in
      if call.node.attributes["output_shape"] != nil {
        throw .unsupported(what: "attribute", found: "output_shape")
      }
      return call.one(
        .transposedConvolution(
          strides: try call.integers("strides") ?? [],
          dilations: try call.integers("dilations") ?? [], padding: try call.padding(),
          groups: try call.integer("group", 1),
          outputPadding: try call.integers("output_padding") ?? []))
    },
  ]

  private static let windows: [String: ONNXRule] = [
    "MaxPool": .init(1) { call throws(DataProblem) in
      try call.refuse("storage_order", unless: 0)
      return call.one(
        .maxPool(
          kernel: try call.integers("kernel_shape") ?? [],
          strides: try call.integers("strides") ?? [],
          dilations: try call.integers("dilations") ?? [], padding: try call.padding(),
          roundsUp: try call.flag("ceil_mode")))
    },
    "AveragePool": .init(7) { call throws(DataProblem) in
      call.one(
        .averagePool(
          kernel: try call.integers("kernel_shape") ?? [],
          strides: try call.integers("strides") ?? [],
          dilations: try call.integers("dilations") ?? [], padding: try call.padding(),
          roundsUp: try call.flag("ceil_mode"),
          countsPadding: try call.flag("count_include_pad")))
    },
    "GlobalAveragePool": .init(1, plain: .globalAveragePool),
    "GlobalMaxPool": .init(1, plain: .globalMaxPool),
    "Resize": .init(11) { call throws(DataProblem) in try call.resize() },
  ]

  private static let normalizations: [String: ONNXRule] = [
    "BatchNormalization": .init(7) { call throws(DataProblem) in
      if call.version >= 14 { try call.refuse("training_mode", unless: 0) }
      if call.version < 9 { try call.refuse("spatial", unless: 1) }
      // Files of old versions name results that only training has.
      if call.outputs.dropFirst().contains(where: { !$0.isEmpty }) && call.version >= 14 {
        throw .unsupported(what: "results of training", found: "\(call.outputs.dropFirst())")
      }
      return [
        GraphNode(
          name: call.name, .batchNormalization(epsilon: try call.float("epsilon", 1e-5)),
          call.inputs, Array(call.outputs.prefix(1)))
      ]
    },
    "LayerNormalization": .init(17) { call throws(DataProblem) in
      call.one(
        .layerNormalization(
          axis: try call.integer("axis", -1), epsilon: try call.float("epsilon", 1e-5)))
    },
    "Softmax": .init(1) { call throws(DataProblem) in
      let isOld = call.version < 13
      return call.one(.softmax(axis: try call.integer("axis", isOld ? 1 : -1), flattens: isOld))
    },
    "LogSoftmax": .init(1) { call throws(DataProblem) in
      let isOld = call.version < 13
      return call.one(.logSoftmax(axis: try call.integer("axis", isOld ? 1 : -1), flattens: isOld))
    },
  ]

  private static let movements: [String: ONNXRule] = [
    "Identity": .init(1, plain: .identity),
    "Dropout": .init(7) { call throws(DataProblem) in
      // In a run nothing is dropped; the mask is what only training wants.
      if call.outputs.dropFirst().contains(where: { !$0.isEmpty }) {
        throw .unsupported(what: "the mask of", found: "Dropout")
      }
      return [
        GraphNode(
          name: call.name, .identity, Array(call.inputs.prefix(1)), Array(call.outputs.prefix(1)))
      ]
    },
    "Reshape": .init(5) { call throws(DataProblem) in
      call.one(.reshape(zeroCopies: try !call.flag("allowzero")))
    },
    "Flatten": .init(1) { call throws(DataProblem) in
      call.one(.flatten(axis: try call.integer("axis", 1)))
    },
    "Squeeze": .init(1) { call throws(DataProblem) in
      call.one(.squeeze(try call.integers("axes")))
    },
    "Unsqueeze": .init(1) { call throws(DataProblem) in
      call.one(.unsqueeze(try call.integers("axes")))
    },
    "Transpose": .init(1) { call throws(DataProblem) in
      call.one(.transpose(try call.integers("perm")))
    },
    "Concat": .init(4) { call throws(DataProblem) in
      call.one(.concat(axis: try call.integer("axis", 0)))
    },
    "Split": .init(2) { call throws(DataProblem) in
      call.one(
        .split(
          axis: try call.integer("axis", 0), into: call.outputs.count,
          sizes: try call.integers("split")))
    },
    "Slice": .init(1) { call throws(DataProblem) in
      if call.version >= 10 { return call.one(.slice) }
      return call.one(
        .slice(
          starts: try call.integers("starts") ?? [], ends: try call.integers("ends") ?? [],
          axes: try call.integers("axes")))
    },
    "Pad": .init(2) { call throws(DataProblem) in
      let name = try call.text("mode", "constant")
      guard let mode = PaddingMode(rawValue: name) else {
        throw .unsupported(what: "padding of mode", found: name)
      }
      if call.version >= 11 { return call.one(.pad(mode)) }
      return call.one(
        .pad(try call.integers("pads") ?? [], value: try call.float("value", 0), mode: mode))
    },
    "Gather": .init(1) { call throws(DataProblem) in
      call.one(.gather(axis: try call.integer("axis", 0)))
    },
    "Expand": .init(8, plain: .expand),
    "Tile": .init(6, plain: .tile),
    "ReduceSum": reduction(.sum, axesAreInputSince: 13),
    "ReduceMean": reduction(.mean, axesAreInputSince: 18),
    "ReduceProd": reduction(.product, axesAreInputSince: 18),
    "ReduceMax": reduction(.maximum, axesAreInputSince: 18),
    "ReduceMin": reduction(.minimum, axesAreInputSince: 18),
    "ReduceL2": reduction(.norm, axesAreInputSince: 18),
  ]

  private static func reduction(
    _ function: ReductionFunction, axesAreInputSince version: Int
  ) -> ONNXRule {
    ONNXRule(1) { call throws(DataProblem) in
      call.one(
        .reduce(
          function, axes: call.version < version ? try call.integers("axes") : nil,
          keepsDimensions: try call.integer("keepdims", 1) != 0,
          emptyIsNone: try call.flag("noop_with_empty_axes")))
    }
  }

  private static let shapes: [String: ONNXRule] = [
    "Shape": .init(1) { call throws(DataProblem) in
      let end = call.node.attributes["end"] == nil ? nil : try call.integer("end", 0)
      return call.one(.shape(from: try call.integer("start", 0), to: end))
    },
    "Size": .init(1, plain: .size),
    "ConstantOfShape": .init(9) { call throws(DataProblem) in
      switch call.node.attributes["value"] {
      case nil:
        return call.one(.filled(GraphArray(Float(0))))
      case .tensor(let tensor): return call.one(.filled(try call.tensor(tensor)))
      default: throw .unsupported(what: "attribute value", found: "that is no tensor")
      }
    },
    "Range": .init(11, plain: .range),
    "Cast": .init(6) { call throws(DataProblem) in
      let code = try call.integer("to", 0)
      guard let type = ONNXTensor.type(of: code), let element = GraphElement(type) else {
        throw .unsupported(what: "casting to data type", found: "\(code)")
      }
      return call.one(.cast(to: element))
    },
  ]
}
