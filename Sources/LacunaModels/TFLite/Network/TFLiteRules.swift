// Each operator of TFLite as nodes of a graph.

import LacunaGraph
import LacunaIO

/// How an operator becomes nodes.
struct TFLiteRule: Sendable {
  /// As BuiltinOperator calls it.
  let name: String
  let make: @Sendable (TFLiteImport, TFLiteNetwork.Operation) throws(DataProblem) -> Void

  init(
    _ name: String,
    _ make: @escaping @Sendable (TFLiteImport, TFLiteNetwork.Operation) throws(DataProblem) -> Void
  ) { (self.name, self.make) = (name, make) }

  /// By the number in BuiltinOperator.
  static let all: [Int: TFLiteRule] = [
    0: binary("ADD", .add), 18: binary("MUL", .multiply), 41: binary("SUB", .binary(.subtract)),
    42: binary("DIV", .binary(.divide)), 55: binary("MAXIMUM", .binary(.maximum)),
    57: binary("MINIMUM", .binary(.minimum)), 78: binary("POW", .binary(.power)),
    14: unary("LOGISTIC", .unary(.sigmoid)), 19: unary("RELU", .relu),
    20: unary("RELU_N1_TO_1", .unary(.clip(-1, 1))), 21: unary("RELU6", .unary(.clip(0, 6))),
    28: unary("TANH", .unary(.tanh)), 47: unary("EXP", .unary(.exp)),
    59: unary("NEG", .unary(.negate)), 75: unary("SQRT", .unary(.sqrt)),
    101: unary("ABS", .unary(.absolute)), 117: unary("HARD_SWISH", .unary(.hardSwish)),
    98: TFLiteRule("LEAKY_RELU") { work, node throws(DataProblem) in
      try work.elementwise(node, .unary(.leakyRelu(try node.real(0))))
    },
    3: TFLiteRule("CONV_2D") { work, node throws(DataProblem) in
      try work.convolution(node, isDepthwise: false)
    },
    4: TFLiteRule("DEPTHWISE_CONV_2D") { work, node throws(DataProblem) in
      try work.convolution(node, isDepthwise: true)
    },
    1: TFLiteRule("AVERAGE_POOL_2D") { work, node throws(DataProblem) in
      try work.pool(node, takesMean: true)
    },
    17: TFLiteRule("MAX_POOL_2D") { work, node throws(DataProblem) in
      try work.pool(node, takesMean: false)
    },
    9: TFLiteRule("FULLY_CONNECTED") { work, node throws(DataProblem) in
      try work.fullyConnected(node)
    },
    54: TFLiteRule("PRELU") { work, node throws(DataProblem) in try work.parametricRelu(node) },
    6: TFLiteRule("DEQUANTIZE") { work, node throws(DataProblem) in try work.dequantize(node) },
    124: TFLiteRule("DENSIFY") { work, node throws(DataProblem) in
      work.know(node.outputs[0], try work.constant(node, 0, "what is made dense"))
    },
    2: TFLiteRule("CONCATENATION") { work, node throws(DataProblem) in try work.concatenate(node) },
    22: TFLiteRule("RESHAPE") { work, node throws(DataProblem) in try work.reshape(node) },
    43: TFLiteRule("SQUEEZE") { work, node throws(DataProblem) in try work.reshapeAsInFile(node) },
    34: TFLiteRule("PAD") { work, node throws(DataProblem) in try work.pad(node) },
    39: TFLiteRule("TRANSPOSE") { work, node throws(DataProblem) in
      let x = try work.value(try work.operand(node, 0, "the operand"), .asInFile)
      let order = try work.integers(node, 1, "the order of axes")
      try work.finish(.transpose(order), [x], node.outputs[0], .asInFile)
    },
    40: TFLiteRule("MEAN") { work, node throws(DataProblem) in try work.mean(node) },
    25: TFLiteRule("SOFTMAX") { work, node throws(DataProblem) in
      let beta = try node.real(0)
      if beta != 1 { throw .unsupported(what: "beta", found: "\(beta)") }
      let x = try work.value(try work.operand(node, 0, "the operand"), .asInFile)
      try work.finish(.softmax(axis: -1), [x], node.outputs[0], .asInFile)
    },
    23: TFLiteRule("RESIZE_BILINEAR") { work, node throws(DataProblem) in
      try work.resize(node)
    },
    5: TFLiteRule("DEPTH_TO_SPACE") { work, node throws(DataProblem) in
      try work.depthToSpace(node)
    },
  ]

  private static func unary(_ name: String, _ operation: GraphOperator) -> TFLiteRule {
    TFLiteRule(name) { work, node throws(DataProblem) in try work.elementwise(node, operation) }
  }

  private static func binary(_ name: String, _ operation: GraphOperator) -> TFLiteRule {
    TFLiteRule(name) { work, node throws(DataProblem) in try work.binary(node, operation) }
  }
}

extension TFLiteImport {
  /// The layout in which a tensor is there without a transpose.
  private func layout(_ tensor: Int) -> Layout {
    has(tensor, .channelsFirst) ? .channelsFirst : .asInFile
  }

  /// A function of each element, in the layout that is there.
  func elementwise(
    _ node: TFLiteNetwork.Operation, _ operation: GraphOperator
  ) throws(DataProblem) {
    let x = try operand(node, 0, "the operand")
    try finish(operation, [try value(x, layout(x))], node.outputs[0], layout(x))
  }

  /// A function of two operands, one of which may be broadcast.
  func binary(
    _ node: TFLiteNetwork.Operation, _ operation: GraphOperator
  ) throws(DataProblem) {
    let pair = [try operand(node, 0, "operand 0"), try operand(node, 1, "operand 1")]
    var chosen = Layout.asInFile
    var constants: [Bool] = []
    for tensor in pair { constants.append(try constant(tensor) != nil) }
    let images = zip(pair, constants).filter { !$1 }.map(\.0)
    if images.contains(where: { has($0, .channelsFirst) })
      && images.allSatisfy({ network.tensors[$0].shape.count == 4 })
    {
      chosen = .channelsFirst
    }
    var names: [String] = []
    for (place, tensor) in pair.enumerated() {
      if chosen == .channelsFirst && constants[place] {
        names.append(try broadcast(tensor, "operand \(place)"))
      } else {
        names.append(try value(tensor, chosen))
      }
    }
    // POW, MAXIMUM and MINIMUM have no activation.
    let activation = [0, 18, 41, 42].contains(node.code) ? try node.option(0, Int8.self) : 0
    try finish(operation, names, node.outputs[0], chosen, activation: activation)
  }

  /// A constant of at most four dimensions that is broadcast to images with their channels first.
  private func broadcast(_ tensor: Int, _ part: String) throws(DataProblem) -> String {
    guard let array = try constant(tensor), array.shape.count <= 4 else {
      throw .unsupported(what: part, found: "with more than four dimensions")
    }
    let shape = [Int](repeating: 1, count: 4 - array.shape.count) + array.shape
    return constant(
      named: part, try GraphArray.checked(shape, array.values).permuted([0, 3, 1, 2]))
  }

  /// Sizes of `operation`'s options for both spatial axes: strides, and dilations where it has some.
  private func padding(
    _ node: TFLiteNetwork.Operation, _ x: Int
  ) throws(DataProblem) -> (image: Int, padding: GraphPadding) {
    switch try node.option(0, Int8.self) {
    case 0:
      if folded[x] != nil { throw .absent(what: "the padded image") }
      return (x, .sameUpper)
    case 1:
      if let (source, pads) = folded[x] { return (source, .explicit(pads)) }
      return (x, .explicit([]))
    case let other: throw .unsupported(what: "padding", found: "\(other)")
    }
  }

  func convolution(
    _ node: TFLiteNetwork.Operation, isDepthwise: Bool
  ) throws(DataProblem) {
    let x = try operand(node, 0, "the image")
    let (image, padding) = try padding(node, x)
    let weights = try floats(node, 1, "the kernel")
    let shape = network.tensors[x].shape
    guard weights.shape.count == 4, shape.count == 4, shape[3] > 0, weights.shape[3] > 0 else {
      throw .unsupported(what: "image and kernel of shapes", found: "\(shape), \(weights.shape)")
    }
    let channels = shape[3]
    // [filters, height, width, channels/groups], or [1, height, width, filters].
    let kernel = constant(
      named: "kernel", try weights.permuted(isDepthwise ? [3, 0, 1, 2] : [0, 3, 1, 2]))
    if !isDepthwise && channels % weights.shape[3] != 0 {
      throw .mismatch(
        what: "channels of the kernel", expected: channels, actual: weights.shape[3])
    }
    var names = [try value(image, .channelsFirst), kernel]
    if node.inputs.count > 2, node.inputs[2] >= 0 {
      names.append(constant(named: "bias", try floats(node, 2, "the bias")))
    }
    let after = isDepthwise ? 1 : 0
    let strides = [try node.option(2, Int32.self), try node.option(1, Int32.self)]
    let dilations = [
      try node.option(5 + after, Int32.self, default: 1),
      try node.option(4 + after, Int32.self, default: 1),
    ]
    try finish(
      .convolution(
        strides: strides, dilations: dilations, padding: padding,
        groups: isDepthwise ? channels : channels / weights.shape[3]), names, node.outputs[0],
      .channelsFirst, activation: try node.option(3 + after, Int8.self))
  }

  func pool(_ node: TFLiteNetwork.Operation, takesMean: Bool) throws(DataProblem) {
    let x = try operand(node, 0, "the image")
    let (_, padding) = try padding(node, x)
    let strides = [try node.option(2, Int32.self), try node.option(1, Int32.self)]
    let kernel = [try node.option(4, Int32.self), try node.option(3, Int32.self)]
    try finish(
      takesMean
        ? .averagePool(kernel: kernel, strides: strides, padding: padding)
        : .maxPool(kernel: kernel, strides: strides, padding: padding),
      [try value(x, .channelsFirst)], node.outputs[0], .channelsFirst,
      activation: try node.option(5, Int8.self))
  }

  func fullyConnected(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try operand(node, 0, "the operand")
    if try node.option(1, Int8.self) != 0 {
      throw .unsupported(what: "weights format", found: "\(try node.option(1, Int8.self))")
    }
    let weights = try floats(node, 1, "the weights")
    guard weights.shape.count == 2 else {
      throw .mismatch(
        what: "dimensions of the weights", expected: 2, actual: weights.shape.count)
    }
    var names = [try value(x, .asInFile), constant(named: "weights", weights)]
    if network.tensors[x].shape.count != 2 || network.tensors[x].shape[1] != weights.shape[1] {
      let rows = constant(named: "rows", GraphArray([-1, weights.shape[1]]))
      names[0] = step("as rows", .reshape(), [names[0], rows])
    }
    if node.inputs.count > 2, node.inputs[2] >= 0 {
      names.append(constant(named: "bias", try floats(node, 2, "the bias")))
    }
    let (output, activation) = (node.outputs[0], try node.option(0, Int8.self))
    let shape = network.tensors[output].shape
    if shape.count == 2 {
      try finish(.gemm(transposesB: true), names, output, .asInFile, activation: activation)
    } else {
      let product = step("product", .gemm(transposesB: true), names)
      let sizes = constant(named: "shape", GraphArray(try Self.oneOpen(shape)))
      try finish(.reshape(), [product, sizes], output, .asInFile, activation: activation)
    }
  }

  /// x, or slope · x below zero, by channel.
  func parametricRelu(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let (x, slope) = (try operand(node, 0, "the operand"), try operand(node, 1, "the slope"))
    let chosen = layout(x)
    if try constant(slope) == nil {
      throw .unsupported(what: "the slope", found: "known only at run time")
    }
    let operand = try value(x, chosen)
    let slopes =
      chosen == .channelsFirst ? try broadcast(slope, "slope") : try value(slope, .asInFile)
    let above = step("above zero", .relu, [operand])
    let below = step("below zero", .unary(.clip(-.infinity, 0)), [operand])
    let scaled = step("scaled", .multiply, [below, slopes])
    try finish(.add, [above, scaled], node.outputs[0], chosen)
  }

  /// Constants of 16 bits or of integers with scales become f32; activations in integers are refused.
  func dequantize(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try operand(node, 0, "the operand")
    guard let array = try constant(x) else {
      throw .unsupported(
        what: "activations of type", found: network.tensors[x].type.rawValue)
    }
    guard let integers = array.integers else { return know(node.outputs[0], array) }
    guard let place = network.tensors[x].constant,
      let quantization = model.tensors[place].quantization
    else { throw .absent(what: "a scale") }
    var values = integers.map { Float($0) }
    quantization.apply(to: &values, shape: array.shape)
    know(node.outputs[0], try .checked(array.shape, .f32(values)))
  }

  func concatenate(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let axis = try node.option(0, Int32.self)
    let images = node.inputs.allSatisfy { $0 >= 0 && has($0, .channelsFirst) }
    var names: [String] = []
    for place in node.inputs.indices {
      names.append(
        try value(
          try operand(node, place, "operand \(place)"), images ? .channelsFirst : .asInFile))
    }
    // Where each axis of TFLite's images goes.
    let moved = [0, 2, 3, 1]
    if images && !(-4..<4).contains(axis) {
      throw .outOfRange(what: "the axis", value: axis, lowest: -4, highest: 3)
    }
    try finish(
      .concat(axis: images ? moved[(axis + 4) % 4] : axis), names, node.outputs[0],
      images ? .channelsFirst : .asInFile, activation: try node.option(1, Int8.self))
  }

  func reshape(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try value(try operand(node, 0, "the operand"), .asInFile)
    var shape = try node.options?.integers(0, Int32.self) ?? []
    if node.inputs.count > 1, node.inputs[1] >= 0 {
      shape = try integers(node, 1, "the shape")
    }
    let sizes = constant(named: "shape", GraphArray(shape))
    try finish(.reshape(zeroCopies: false), [x, sizes], node.outputs[0], .asInFile)
  }

  /// Another shape of the same elements, the one that the file says.
  func reshapeAsInFile(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try value(try operand(node, 0, "the operand"), .asInFile)
    let shape = try Self.oneOpen(network.tensors[node.outputs[0]].shape)
    let sizes = constant(named: "shape", GraphArray(shape))
    try finish(.reshape(zeroCopies: false), [x, sizes], node.outputs[0], .asInFile)
  }

  /// A shape for `reshape`, which finds out one dimension by itself.
  private static func oneOpen(_ shape: [Int]) throws(DataProblem) -> [Int] {
    if shape.count(where: { $0 < 0 }) > 1 {
      throw .unsupported(what: "several dimensions known only at run time:", found: "\(shape)")
    }
    return shape
  }

  func pad(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let (x, output) = (try operand(node, 0, "the operand"), node.outputs[0])
    let pads = try integers(node, 1, "the paddings")
    let rank = network.tensors[x].shape.count
    if pads.count != 2 * rank {
      throw .mismatch(what: "number of paddings", expected: 2 * rank, actual: pads.count)
    }
    let (before, after) = (
      (0..<rank).map { pads[2 * $0] }, (0..<rank).map { pads[2 * $0 + 1] }
    )
    // Around images, for convolutions that do not pad by themselves.
    let isAround = rank == 4 && [0, 3].allSatisfy { before[$0] == 0 && after[$0] == 0 }
    let readers = network.readers[output]
    var areConvolutions = !readers.isEmpty && !network.outputs.contains(output)
    for reader in readers {
      let operation = network.operations[reader]
      if operation.code != 3 && operation.code != 4 || operation.inputs.first != output {
        areConvolutions = false
      } else if try operation.option(0, Int8.self) != 1 {
        areConvolutions = false
      }
    }
    if isAround && areConvolutions && pads.allSatisfy({ $0 >= 0 }) {
      return fold(output, x, [before[1], before[2], after[1], after[2]])
    }
    let chosen = layout(x)
    let order = chosen == .channelsFirst ? [0, 3, 1, 2] : Array(0..<rank)
    try finish(
      .pad(order.map { before[$0] } + order.map { after[$0] }), [try value(x, chosen)], output,
      chosen)
  }

  func mean(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try operand(node, 0, "the operand")
    let rank = network.tensors[x].shape.count
    var axes: [Int] = []
    for axis in try integers(node, 1, "the axes") {
      if axis < -rank || axis >= rank {
        throw .outOfRange(what: "an axis", value: axis, lowest: -rank, highest: rank - 1)
      }
      axes.append(axis < 0 ? axis + rank : axis)
    }
    let keeps = try node.option(0, UInt8.self) != 0
    // Over height and width what is left lies the same in both layouts.
    if has(x, .channelsFirst) && Set(axes) == [1, 2] {
      return try finish(
        .reduce(.mean, axes: [2, 3], keepsDimensions: keeps), [try value(x, .channelsFirst)],
        node.outputs[0], keeps ? .channelsFirst : .asInFile)
    }
    try finish(
      .reduce(.mean, axes: axes, keepsDimensions: keeps, emptyIsNone: true),
      [try value(x, .asInFile)], node.outputs[0], .asInFile)
  }

  func resize(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try operand(node, 0, "the image")
    let shape = network.tensors[x].shape
    let size = try integers(node, 1, "the size")
    guard shape.count == 4, size.count == 2, shape[0] >= 0, shape[3] >= 0 else {
      throw .unsupported(what: "an image of shape", found: "\(shape)")
    }
    let aligns = try node.option(2, UInt8.self) != 0
    let centres = try node.option(3, UInt8.self) != 0
    let sizes = constant(named: "size", GraphArray([shape[0], shape[3]] + size))
    try finish(
      .resize(.linear, coordinates: aligns ? .alignCorners : centres ? .halfPixel : .asymmetric),
      [try value(x, .channelsFirst), "", sizes], node.outputs[0], .channelsFirst)
  }

  /// [n, h, w, b·b·c] → [n, h·b, w·b, c]
  func depthToSpace(_ node: TFLiteNetwork.Operation) throws(DataProblem) {
    let x = try operand(node, 0, "the image")
    let (shape, block) = (network.tensors[x].shape, try node.option(0, Int32.self))
    guard shape.count == 4, shape.dropFirst().allSatisfy({ $0 > 0 }), (1...1024).contains(block),
      shape[3] % (block * block) == 0
    else {
      throw .unsupported(what: "blocks of \(block) of an image of shape", found: "\(shape)")
    }
    let (h, w, c) = (shape[1], shape[2], shape[3] / (block * block))
    let apart = constant(named: "blocks", GraphArray([-1, h, w, block, block, c]))
    let blocks = step(
      "in blocks", .reshape(zeroCopies: false), [try value(x, .asInFile), apart])
    let turned = step("turned", .transpose([0, 1, 3, 2, 4, 5]), [blocks])
    let sizes = constant(named: "shape", GraphArray([-1, h * block, w * block, c]))
    try finish(.reshape(zeroCopies: false), [turned, sizes], node.outputs[0], .asInFile)
  }
}
