// From the description of each layer and the shape before it to the layer with its weights.

extension Architecture {
  /// The shapes after each layer.
  ///
  /// - Throws: ``ModelError`` when a layer is malformed or does not fit its input.
  public func shapes() throws(ModelError) -> [Shape] {
    if layers.isEmpty { throw .emptyArchitecture }
    if input.height < 1 || input.width < 1 || input.channels < 1 {
      throw .invalidLayer(name: "input", reason: "shape \(input) has a dimension below 1")
    }
    let (area, tooTall) = input.height.multipliedReportingOverflow(by: input.width)
    let (count, tooDeep) = area.multipliedReportingOverflow(by: input.channels)
    if tooTall || tooDeep || count > Self.largestActivation {
      throw .invalidLayer(name: "input", reason: "shape \(input) is too large")
    }
    var names: Set<String> = []
    for layer in allLayers {
      if !names.insert(layer.name).inserted { throw .duplicateLayerName(layer.name) }
    }
    if allLayers.count > 1, let layer = allLayers.first(where: \.isWholeNetwork) {
      throw .invalidLayer(
        name: layer.name, reason: "is a network by itself, and there are \(allLayers.count) layers")
    }
    return try Self.shapes(of: layers, over: input, depth: 0)
  }

  /// The shapes after each layer of a chain.
  static func shapes(
    of layers: [LayerDescription], over input: Shape, depth: Int
  ) throws(ModelError) -> [Shape] {
    var shape = input
    var shapes: [Shape] = []
    for layer in layers {
      shape = try layer.output(of: shape, depth: depth)
      if shape.count > Self.largestActivation {
        throw .invalidLayer(name: layer.name, reason: "output \(shape) is too large")
      }
      shapes.append(shape)
    }
    return shapes
  }

  /// A bound that keeps every size computed from a hostile description far from overflow.
  private static let largestActivation = 1 << 28

  func makeLayers(seed: UInt64) throws(ModelError) -> [any Layer] {
    _ = try shapes()
    var maker = LayerMaker(random: RandomStream(seed: seed, 0))
    return maker.chain(layers, over: input)
  }
}

/// Makes layers with weights, one after the other, from one stream of random numbers.
private struct LayerMaker {
  var random: RandomStream
  /// Layers made so far: their dropout draws from streams of their own.
  private var count: UInt64 = 0

  init(random: RandomStream) { self.random = random }

  /// Not checked: the layers fit.
  mutating func chain(_ layers: [LayerDescription], over input: Shape) -> [any Layer] {
    var shape = input
    var result: [any Layer] = []
    for layer in layers {
      let made = made(layer, shape)
      if let pool = made as? Pooling, pool.kind == .max, let last = result.last as? Convolution,
        last.relu
      {
        // The gradient through both is masked once, on the pooled side, a quarter of the work.
        (pool.masksRectifiedInput, last.gradientIsMasked) = (true, true)
      }
      result.append(made)
      shape = made.outputShape
    }
    return result
  }

  private mutating func made(_ layer: LayerDescription, _ shape: Shape) -> any Layer {
    let index = count
    count += 1
    switch layer {
    case .convolution(let name, let filters, let window, let relu):
      return Convolution(
        name, input: shape, filters: filters, window: window, relu: relu, useBias: true,
        random: &random)
    case .maxPooling(let name, let window):
      return Pooling(name, .max, input: shape, window: window)
    case .averagePooling(let name, let window):
      return Pooling(name, .average, input: shape, window: window)
    case .batchNormalization(let name, let momentum, let epsilon):
      return BatchNormalization(name, input: shape, momentum: momentum, epsilon: epsilon)
    case .relu(let name): return ReLU(name, input: shape)
    case .flatten(let name): return Flatten(name, input: shape)
    case .dense(let name, let units, let relu):
      return DenseLayer(
        name, input: shape, units: units, relu: relu, useBias: true, random: &random)
    case .dropout(let name, let rate):
      return Dropout(name, input: shape, rate: rate, stream: index)
    case .depthwiseConvolution(let name, let window):
      return DepthwiseConvolution(name, input: shape, window: window, random: &random)
    case .globalAveragePooling(let name): return GlobalAveragePooling(name, input: shape)
    case .residual(let name, let body, let shortcut, let relu):
      return ResidualBlock(
        name, input: shape, body: chain(body, over: shape), shortcut: chain(shortcut, over: shape),
        relu: relu)
    case .embedding(let name, let vocabulary, let features):
      return Embedding(
        name, input: shape, vocabulary: vocabulary, features: features, random: &random)
    case .recurrent(let name, let unit, let units, let output):
      return RecurrentLayer(
        name, input: shape, unit: unit, units: units, output: output, random: &random)
    case .encoderDecoder(let name, let sizes):
      return EncoderDecoder(name, input: shape, sizes: sizes, random: &random)
    }
  }
}

extension LayerDescription {
  /// Branches within branches: far more than networks have, far fewer than a stack holds.
  private static let deepestBranch = 8

  /// Whether it can be the only layer alone: its tensors have names of several parts.
  fileprivate var isWholeNetwork: Bool {
    if case .encoderDecoder = self { true } else { false }
  }

  /// - Parameter depth: how many branches the layer is in.
  func output(of input: Shape, depth: Int = 0) throws(ModelError) -> Shape {
    func check(_ ok: Bool, _ reason: String) throws(ModelError) {
      if !ok { throw .invalidLayer(name: name, reason: reason) }
    }
    func windowed(_ w: Window2D, channels: Int) throws(ModelError) -> Shape {
      let sizes = [w.height, w.width, w.strideY, w.strideX]
      try check(
        sizes.allSatisfy { $0 >= 1 && $0 <= 1 << 16 }, "window and stride must be in 1...65536")
      let g = WindowGeometry(w, over: input)
      if g.pixels == 0 {
        throw .windowTooLarge(
          layer: name, window: "\(w.height)×\(w.width)", input: input.description)
      }
      return Shape(height: g.outHeight, width: g.outWidth, channels: channels)
    }
    let widest = 1 << 20
    switch self {
    case .convolution(_, let filters, let window, _):
      try check(filters >= 1 && filters <= widest, "filters \(filters) must be in 1...\(widest)")
      return try windowed(window, channels: filters)
    case .maxPooling(_, let window), .averagePooling(_, let window):
      return try windowed(window, channels: input.channels)
    case .batchNormalization(_, let momentum, let epsilon):
      try check(momentum >= 0 && momentum < 1, "momentum \(momentum) must be in 0..<1")
      try check(epsilon > 0 && epsilon.isFinite, "epsilon \(epsilon) must be positive")
      return input
    case .relu: return input
    case .flatten: return Shape(features: input.count)
    case .dense(_, let units, _):
      try check(units >= 1 && units <= widest, "units \(units) must be in 1...\(widest)")
      return Shape(features: units)
    case .dropout(_, let rate):
      try check(rate >= 0 && rate < 1, "rate \(rate) must be in 0..<1")
      return input
    case .depthwiseConvolution(_, let window):
      return try windowed(window, channels: input.channels)
    case .globalAveragePooling: return Shape(features: input.channels)
    case .residual(_, let body, let shortcut, _):
      try check(
        depth < Self.deepestBranch, "more than \(Self.deepestBranch) branches in each other")
      try check(!body.isEmpty, "the body has no layers")
      let depth = depth + 1
      let first = try Architecture.shapes(of: body, over: input, depth: depth).last!
      let second = try Architecture.shapes(of: shortcut, over: input, depth: depth).last ?? input
      try check(first == second, "the body gives \(first), the shortcut \(second)")
      // One that only flattens has no results of its own to be added to.
      let writes = { (layers: [LayerDescription]) in
        layers.isEmpty || layers.contains { if case .flatten = $0 { false } else { true } }
      }
      try check(writes(body) && writes(shortcut), "a branch does nothing but flatten")
      return first
    case .embedding(_, let vocabulary, let features):
      try check(
        vocabulary >= 1 && vocabulary <= widest, "vocabulary \(vocabulary) must be in 1...\(widest)"
      )
      try check(
        features >= 1 && features <= widest, "features \(features) must be in 1...\(widest)")
      try check(
        input.channels == 1 && input.width == 1, "symbols come as steps×1×1, not as \(input)")
      return Shape(height: input.height, width: 1, channels: features)
    case .recurrent(_, _, let units, let output):
      try check(units >= 1 && units <= widest, "units \(units) must be in 1...\(widest)")
      try check(input.width == 1, "a sequence comes as steps×1×features, not as \(input)")
      return output == .all
        ? Shape(height: input.height, width: 1, channels: units) : Shape(features: units)
    case .encoderDecoder(let name, let sizes): return try sizes.output(of: input, name: name)
    }
  }
}
