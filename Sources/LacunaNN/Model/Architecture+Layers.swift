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
    var shape = input
    var shapes: [Shape] = []
    for layer in layers {
      if !names.insert(layer.name).inserted { throw .duplicateLayerName(layer.name) }
      shape = try layer.output(of: shape)
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
    var random = RandomStream(seed: seed, 0)
    var shape = input
    var result: [any Layer] = []
    for (index, layer) in layers.enumerated() {
      let made: any Layer =
        switch layer {
        case .convolution(let name, let filters, let window, let relu):
          Convolution(
            name, input: shape, filters: filters, window: window, relu: relu, useBias: true,
            random: &random)
        case .maxPooling(let name, let window): Pooling(name, .max, input: shape, window: window)
        case .averagePooling(let name, let window):
          Pooling(name, .average, input: shape, window: window)
        case .batchNormalization(let name, let momentum, let epsilon):
          BatchNormalization(name, input: shape, momentum: momentum, epsilon: epsilon)
        case .relu(let name): ReLU(name, input: shape)
        case .flatten(let name): Flatten(name, input: shape)
        case .dense(let name, let units, let relu):
          DenseLayer(
            name, input: shape, units: units, relu: relu, useBias: true, random: &random)
        case .dropout(let name, let rate):
          Dropout(name, input: shape, rate: rate, stream: UInt64(index))
        }
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
}

extension LayerDescription {
  func output(of input: Shape) throws(ModelError) -> Shape {
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
    }
  }
}
