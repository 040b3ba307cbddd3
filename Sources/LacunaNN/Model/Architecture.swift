// The layers of a network as data: what is stored beside the weights, and what a network is built from.

/// One layer of an ``Architecture``. Names are unique, in branches too, and become the prefix of tensor names:
/// `conv1/kernel`.
public indirect enum LayerDescription: Hashable, Codable, Sendable {
  /// A 2-D convolution with a bias, then a ReLU when asked.
  case convolution(name: String, filters: Int, window: Window2D, relu: Bool)
  /// The largest value under each position of the window, channel by channel.
  case maxPooling(name: String, window: Window2D)
  /// The mean under each position of the window, of pixels inside the image, channel by channel.
  case averagePooling(name: String, window: Window2D)
  /// Batch normalisation over the last axis.
  case batchNormalization(name: String, momentum: Float, epsilon: Float)
  /// max(x, 0).
  case relu(name: String)
  /// Reads an image as a vector, rows first, channels innermost.
  case flatten(name: String)
  /// A fully connected layer with a bias, then a ReLU when asked.
  case dense(name: String, units: Int, relu: Bool)
  /// Zeroes features with probability `rate` in training.
  case dropout(name: String, rate: Double)
  /// A convolution of each channel by itself, with a bias.
  case depthwiseConvolution(name: String, window: Window2D)
  /// The mean of each channel over the image, or of each feature over a sequence: a vector.
  case globalAveragePooling(name: String)
  /// The sum of what two chains of layers make of the same input, then a ReLU when asked. A shortcut without layers
  /// is the input itself.
  case residual(
    name: String, body: [LayerDescription], shortcut: [LayerDescription], relu: Bool)
  /// A learned vector for each symbol of a sequence `steps×1×1` of whole numbers below `vocabulary`.
  case embedding(name: String, vocabulary: Int, features: Int)
  /// An LSTM or GRU over a sequence `steps×1×features`, from a state of zeros.
  case recurrent(name: String, unit: RecurrentUnit, units: Int, output: RecurrentOutput)
  /// Logits of each symbol of a target, from a source and the symbols before it: a recurrent encoder, a decoder, and
  /// attention between them. A sample is a source and a target, `steps×1×1`; the layer is a network by itself, which
  /// ``Translator`` runs without knowing the target.
  case encoderDecoder(name: String, sizes: EncoderDecoderSizes)

  /// The layer's name.
  public var name: String {
    switch self {
    case .convolution(let name, _, _, _), .maxPooling(let name, _), .averagePooling(let name, _),
      .batchNormalization(let name, _, _), .relu(let name), .flatten(let name),
      .dense(let name, _, _), .dropout(let name, _), .depthwiseConvolution(let name, _),
      .globalAveragePooling(let name), .residual(let name, _, _, _), .embedding(let name, _, _),
      .recurrent(let name, _, _, _), .encoderDecoder(let name, _):
      name
    }
  }
}

/// The input shape and the layers of a sequential network.
public struct Architecture: Hashable, Codable, Sendable {
  /// What people call it.
  public let name: String
  /// Shape of one sample.
  public let input: Shape
  /// The layers, first to last.
  public let layers: [LayerDescription]

  /// An architecture as given; ``shapes()`` and ``SequentialModel`` check it.
  public init(name: String, input: Shape, layers: [LayerDescription]) {
    (self.name, self.input, self.layers) = (name, input, layers)
  }

  /// Every layer, those of branches behind the one that holds them.
  public var allLayers: [LayerDescription] { layers.flatMap(\.withBranches) }

  /// The first layer that is no link of a chain over images and vectors: a branch, a recurrence, or what comes with
  /// them. Nil when there is none.
  var firstBeyondChain: LayerDescription? {
    layers.first {
      switch $0 {
      case .convolution, .maxPooling, .averagePooling, .batchNormalization, .relu, .flatten, .dense,
        .dropout:
        false
      case .depthwiseConvolution, .globalAveragePooling, .residual, .embedding, .recurrent,
        .encoderDecoder:
        true
      }
    }
  }

  /// Whether the computation is the same: everything but ``name``.
  public func isSameNetwork(as other: Architecture) -> Bool {
    input == other.input && layers == other.layers
  }

  /// Layers and sizes on one line: `28×28×1 → conv1 32 5×5 → …`.
  public var summary: String {
    ([input.description] + layers.map(\.summary)).joined(separator: " → ")
  }
}

extension LayerDescription {
  /// The layer, and behind it those of its branches.
  var withBranches: [LayerDescription] {
    guard case .residual(_, let body, let shortcut, _) = self else { return [self] }
    return [self] + (body + shortcut).flatMap(\.withBranches)
  }

  /// The layer on a few characters.
  public var summary: String {
    switch self {
    case .convolution(let name, let filters, let w, let relu):
      "\(name) \(w.height)×\(w.width)×\(filters)\(relu ? " relu" : "")"
    case .maxPooling(_, let w): "max \(w.height)×\(w.width)"
    case .averagePooling(_, let w): "average \(w.height)×\(w.width)"
    case .batchNormalization: "batch norm"
    case .relu: "relu"
    case .flatten: "flatten"
    case .dense(let name, let units, let relu): "\(name) \(units)\(relu ? " relu" : "")"
    case .dropout(_, let rate): "dropout \(rate)"
    case .depthwiseConvolution(let name, let w): "\(name) depthwise \(w.height)×\(w.width)"
    case .globalAveragePooling: "mean"
    case .residual(_, let body, let shortcut, let relu):
      "(" + body.map(\.summary).joined(separator: " → ") + ") + "
        + (shortcut.isEmpty
          ? "x" : "(" + shortcut.map(\.summary).joined(separator: " → ") + ")")
        + (relu ? " relu" : "")
    case .embedding(let name, let vocabulary, let features): "\(name) \(vocabulary)×\(features)"
    case .recurrent(let name, let unit, let units, let output):
      "\(name) \(unit.rawValue) \(units)\(output == .last ? " last" : "")"
    case .encoderDecoder(let name, let sizes):
      "\(name) \(sizes.unit.rawValue) \(sizes.units) of \(sizes.sourceSymbols) and "
        + "\(sizes.targetSymbols) symbols×\(sizes.embedded)"
    }
  }
}

extension Architecture {
  /// The convolutional network of TensorFlow's pruning tutorial (2019): 3 274 762 parameters, counted
  /// with the batch normalisation's running statistics.
  public static let tutorial = Architecture(
    name: "tutorial", input: Shape(height: 28, width: 28, channels: 1),
    layers: [
      .convolution(
        name: "conv1", filters: 32, window: Window2D(height: 5, width: 5, padding: .same),
        relu: true),
      .maxPooling(
        name: "pool1",
        window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
      .batchNormalization(name: "norm", momentum: 0.99, epsilon: 1e-3),
      .convolution(
        name: "conv2", filters: 64, window: Window2D(height: 5, width: 5, padding: .same),
        relu: true),
      .maxPooling(
        name: "pool2",
        window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
      .flatten(name: "flatten"),
      .dense(name: "dense1", units: 1024, relu: true),
      .dropout(name: "dropout", rate: 0.4),
      .dense(name: "dense2", units: 10, relu: false),
    ])

  /// A two-layer perceptron for quick experiments: 101 770 parameters for 128 hidden units.
  public static func perceptron(
    hidden: Int = 128, input: Shape = Shape(height: 28, width: 28, channels: 1), classes: Int = 10
  ) -> Architecture {
    Architecture(
      name: "perceptron", input: input,
      layers: [
        .flatten(name: "flatten"),
        .dense(name: "dense1", units: hidden, relu: true),
        .dense(name: "dense2", units: classes, relu: false),
      ])
  }
}
