// The networks whose gradients are checked: one for each kind of layer.

import LacunaNN

extension GradientTests {
  /// Networks of a few hundred weights, each with the layer it is about.
  static let networks: [Architecture] = [
    network(
      "convolution, same", [.convolution(name: "c", filters: 3, window: same(3), relu: false)]),
    network(
      "convolution, valid", [.convolution(name: "c", filters: 4, window: valid(2), relu: false)]),
    network(
      "convolution, stride 2, even kernel",
      [
        .convolution(
          name: "c", filters: 3,
          window: Window2D(height: 4, width: 2, strideY: 2, strideX: 3, padding: .same), relu: false
        )
      ]),
    network(
      "two convolutions with ReLU",
      [
        .convolution(name: "c", filters: 4, window: same(3), relu: true),
        .convolution(name: "d", filters: 3, window: valid(3), relu: true),
      ]),
    network(
      "maximum pooling",
      [
        .convolution(name: "c", filters: 3, window: same(3), relu: false),
        .maxPooling(
          name: "p", window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
      ]),
    network(
      "overlapping maximum pooling",
      [
        .convolution(name: "c", filters: 2, window: same(3), relu: false),
        .maxPooling(
          name: "p", window: Window2D(height: 3, width: 3, strideY: 2, strideX: 2, padding: .valid)),
      ]),
    network(
      "average pooling",
      [
        .convolution(name: "c", filters: 3, window: same(3), relu: false),
        .averagePooling(
          name: "p", window: Window2D(height: 3, width: 2, strideY: 2, strideX: 2, padding: .same)),
      ]),
    network(
      "batch normalisation",
      [
        .convolution(name: "c", filters: 3, window: same(3), relu: false),
        .batchNormalization(name: "n", momentum: 0.9, epsilon: 1e-3),
        .convolution(name: "d", filters: 2, window: same(2), relu: false),
      ]),
    network(
      "ReLU", [.convolution(name: "c", filters: 3, window: same(3), relu: false), .relu(name: "r")]),
    network(
      "dropout",
      [
        .flatten(name: "f0"), .dense(name: "d0", units: 12, relu: true),
        .dropout(name: "drop", rate: 0.4),
      ]),
  ]

  /// Networks that run by plans of their graphs.
  static let beyondChains: [Architecture] = [
    network("depthwise convolution", [.depthwiseConvolution(name: "c", window: same(3))]),
    network(
      "depthwise convolution, stride 2",
      [
        .convolution(name: "a", filters: 3, window: valid(1), relu: false),
        .depthwiseConvolution(
          name: "c", window: Window2D(height: 3, width: 2, strideY: 2, strideX: 2, padding: .valid)),
      ]),
    network(
      "global average pooling",
      [
        .convolution(name: "c", filters: 12, window: same(3), relu: true),
        .globalAveragePooling(name: "g"),
      ]),
    network(
      "residual, shortcut is the input",
      [
        .convolution(name: "a", filters: 3, window: valid(1), relu: false),
        .residual(
          name: "r",
          body: [
            .convolution(name: "c", filters: 4, window: same(3), relu: true),
            .batchNormalization(name: "n", momentum: 0.9, epsilon: 1e-3),
            .convolution(name: "d", filters: 3, window: same(3), relu: false),
          ], shortcut: [], relu: true),
      ]),
    network(
      "residuals in each other, shortcut with weights",
      [
        .residual(
          name: "r",
          body: [
            .convolution(name: "c", filters: 3, window: same(2), relu: false),
            .residual(
              name: "s", body: [.depthwiseConvolution(name: "d", window: same(3))], shortcut: [],
              relu: false),
          ],
          shortcut: [.convolution(name: "e", filters: 3, window: valid(1), relu: false)],
          relu: false)
      ]),
    sequence(
      "GRU, last state", features: 3,
      [
        .recurrent(name: "r", unit: .gru, units: 5, output: .last),
        .dense(name: "out", units: 4, relu: false),
      ]),
    sequence(
      "LSTM, last state", features: 3,
      [
        .recurrent(name: "r", unit: .lstm, units: 5, output: .last),
        .dense(name: "out", units: 4, relu: false),
      ]),
    sequence(
      "GRU under LSTM, a result for each step", features: 2,
      [
        .recurrent(name: "r", unit: .gru, units: 4, output: .all),
        .recurrent(name: "s", unit: .lstm, units: 3, output: .all),
        .convolution(name: "out", filters: 4, window: valid(1), relu: false),
      ]),
    sequence(
      "embedding", features: 1,
      [
        .embedding(name: "e", vocabulary: 5, features: 4),
        .recurrent(name: "r", unit: .gru, units: 4, output: .last),
        .dense(name: "out", units: 4, relu: false),
      ]),
  ]

  /// Networks over symbols alone.
  static let encoderDecoders = RecurrentUnit.allCases.map(encoderDecoder)

  /// Sources of up to four symbols and targets of up to three, of lengths that the symbols decide.
  static func encoderDecoder(_ unit: RecurrentUnit) -> Architecture {
    .encoderDecoder(
      EncoderDecoderSizes(
        sourceSteps: 4, sourceSymbols: 5, targetSymbols: 4, embedded: 3, unit: unit, units: 6),
      targetSteps: 3)
  }

  static func sequence(
    _ name: String, features: Int, _ layers: [LayerDescription]
  ) -> Architecture {
    Architecture(
      name: name, input: Shape(height: 6, width: 1, channels: features), layers: layers)
  }

  static func same(_ n: Int) -> Window2D { Window2D(height: n, width: n, padding: .same) }
  static func valid(_ n: Int) -> Window2D { Window2D(height: n, width: n, padding: .valid) }
  static func network(_ name: String, _ layers: [LayerDescription]) -> Architecture {
    Architecture(
      name: name, input: Shape(height: 7, width: 6, channels: 2),
      layers: layers + [.flatten(name: "f"), .dense(name: "out", units: 4, relu: false)])
  }

  /// A network of images and one of sequences with all that threads share.
  static let shared = [
    network(
      "all",
      [
        .convolution(name: "c", filters: 5, window: same(3), relu: true),
        .maxPooling(
          name: "p",
          window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .same)),
        .residual(
          name: "r",
          body: [
            .depthwiseConvolution(name: "d", window: same(3)),
            .batchNormalization(name: "m", momentum: 0.9, epsilon: 1e-3),
          ], shortcut: [], relu: true),
        .batchNormalization(name: "n", momentum: 0.9, epsilon: 1e-3),
        .dropout(name: "drop", rate: 0.3),
      ]),
    sequence(
      "recurrent", features: 1,
      [
        .embedding(name: "e", vocabulary: 2, features: 4),
        .recurrent(name: "r", unit: .gru, units: 7, output: .all),
        .recurrent(name: "s", unit: .lstm, units: 9, output: .all),
        .convolution(name: "out", filters: 4, window: valid(1), relu: false),
      ]),
    .encoderDecoder(
      EncoderDecoderSizes(
        sourceSteps: 9, sourceSymbols: 2, targetSymbols: 4, embedded: 5, units: 8),
      targetSteps: 7),
  ]
}

extension GradientTests {
  /// Networks whose kernels, but for that of "out", have products of their own at a fixed mask.
  static let maskedNetworks = [
    Architecture(
      name: "dense", input: Shape(features: 150),
      layers: [
        .dense(name: "a", units: 70, relu: true), .dense(name: "b", units: 33, relu: true),
        .dense(name: "out", units: 4, relu: false),
      ]),
    Architecture(
      name: "convolutions", input: Shape(height: 11, width: 10, channels: 3),
      layers: [
        .convolution(name: "a", filters: 17, window: same(5), relu: true),
        .maxPooling(
          name: "pool",
          window: Window2D(height: 2, width: 2, strideY: 2, strideX: 2, padding: .valid)),
        .residual(
          name: "r",
          body: [
            .convolution(name: "b", filters: 20, window: same(3), relu: true),
            .batchNormalization(name: "n", momentum: 0.9, epsilon: 1e-3),
            .convolution(name: "c", filters: 18, window: same(4), relu: false),
          ], shortcut: [.convolution(name: "d", filters: 18, window: same(1), relu: false)],
          relu: true),
        .convolution(name: "e", filters: 9, window: valid(3), relu: true), .flatten(name: "flat"),
        .dense(name: "out", units: 4, relu: false),
      ]),
  ]
}
