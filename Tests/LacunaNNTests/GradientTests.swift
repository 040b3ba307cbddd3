// Backpropagated gradients against central differences, for every kind of layer.

import LacunaFormats
import LacunaNN
import TestSupport
import Testing

@Suite struct GradientTests {
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

  /// Loss of a fixed mini-batch, and the gradient when asked.
  static func loss(_ model: SequentialModel, batch: Int, seed: UInt64, backward: Bool) -> Double {
    let random = RandomStream(seed: seed, 9)
    let labels = (0..<batch * model.outputShape.pixels).map { UInt8($0 % 4) }
    model.forward(batch: batch, training: true, random: random)
    let result = SoftmaxCrossEntropy.evaluate(
      logits: model.output, labels: labels, classes: 4, gradient: model.outputGradient)
    if backward { model.backward(batch: batch, random: random) }
    return result.lossSum / Double(labels.count)
  }

  @Test(
    "Gradients equal central differences", arguments: networks + beyondChains, [UInt64(3), 4])
  func gradients(architecture: Architecture, seed: UInt64) throws {
    let batch = 19
    let model = try SequentialModel(architecture, seed: seed, threads: 2)
    var random = RandomStream(seed: seed, 7)
    let input = model.input(batch: batch)
    for i in 0..<batch * model.inputShape.count {
      let number = random.uniform()
      if case .embedding(_, let vocabulary, _) = architecture.layers[0] {
        input[i] = (number * Float(vocabulary)).rounded(.down)
      } else {
        input[i] = number * 2 - 1
      }
    }
    for p in model.parameters where p.role != .kernel && p.isTrainable {
      for i in 0..<p.count { p.values.pointer[i] += random.uniform() - 0.5 }
    }
    let centre = Self.loss(model, batch: batch, seed: seed, backward: true)
    for p in model.parameters where p.isTrainable {
      let gradient = p.gradient.elements.map(Double.init)
      // The loss is a mean of float32 sums near 1.4: its rounding, 2e-7, over h is the noise. Where a
      // ReLU or a maximum switches inside ±h the one-sided differences part: twice that is slack.
      let h: Float = 2e-3
      let tolerance = 4e-4 + 0.02 * gradient.reduce(0) { max($0, abs($1)) }
      for i in stride(from: 0, to: p.count, by: max(1, p.count / 23)) {
        let value = p.values.pointer[i]
        p.values.pointer[i] = value + h
        let above = Self.loss(model, batch: batch, seed: seed, backward: false)
        p.values.pointer[i] = value - h
        let below = Self.loss(model, batch: batch, seed: seed, backward: false)
        p.values.pointer[i] = value
        let sides = [(above - centre) / Double(h), (centre - below) / Double(h)]
        let slack = tolerance + 2 * abs(sides[0] - sides[1])
        #expect(
          abs(gradient[i] - (sides[0] + sides[1]) / 2) <= slack,
          "\(architecture.name) seed \(seed): \(p.name)[\(i)] backward \(gradient[i]), differences \(sides)"
        )
      }
    }
  }

  @Test(
    "At a fixed mask the kept weights get the dense gradient and the others none",
    arguments: [UInt64(1), 2])
  func fixedMask(seed: UInt64) throws {
    let architecture = Architecture(
      name: "dense", input: Shape(features: 150),
      layers: [
        .dense(name: "a", units: 70, relu: true), .dense(name: "b", units: 33, relu: true),
        .dense(name: "c", units: 4, relu: false),
      ])
    let batch = 37
    var masks: [String: BitMask] = [:]
    func model() throws -> SequentialModel {
      let model = try SequentialModel(architecture, seed: seed, threads: 2)
      var random = RandomStream(seed: seed, 5)
      let input = model.input(batch: batch)
      for i in 0..<batch * 150 { input[i] = random.uniform() * 2 - 1 }
      for p in model.parameters where p.role == .kernel && p.name != "c/kernel" {
        var mask = try BitMask(rows: p.rows, columns: p.columns)
        for i in 0..<p.count {
          mask[i / p.columns, i % p.columns] = random.uniform() < 0.15
          if !mask[i / p.columns, i % p.columns] { p.values.pointer[i] = 0 }
        }
        masks[p.name] = mask
      }
      return model
    }
    let (dense, fixed) = (try model(), try model())
    fixed.fixMasks(masks)
    let a = Self.loss(dense, batch: batch, seed: seed, backward: true)
    let b = Self.loss(fixed, batch: batch, seed: seed, backward: true)
    #expect(abs(a - b) < 1e-6, "loss \(a), at fixed masks \(b)")
    for (p, q) in zip(dense.parameters, fixed.parameters) {
      let largest = p.gradient.elements.reduce(0) { max($0, abs($1)) }
      for i in 0..<p.count {
        let kept = masks[p.name]?[i / p.columns, i % p.columns] ?? true
        let expected = kept ? p.gradient.pointer[i] : 0
        #expect(
          abs(q.gradient.pointer[i] - expected) <= (kept ? 1e-5 * largest : 0),
          "\(p.name)[\(i)] seed \(seed): \(q.gradient.pointer[i]), expected \(expected)")
      }
    }
    fixed.fixMasks([:])
    _ = Self.loss(fixed, batch: batch, seed: seed, backward: true)
    for (p, q) in zip(dense.parameters, fixed.parameters) {
      #expect(Array(p.gradient.elements) == Array(q.gradient.elements), "\(p.name)")
    }
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
  ]

  @Test(
    "Results are bitwise the same for any number of threads", arguments: [1, 2, 3, 5], shared)
  func threads(count: Int, architecture: Architecture) throws {
    func gradients(_ threads: Int) throws -> [[Float]] {
      let model = try SequentialModel(architecture, seed: 5, threads: threads)
      var random = RandomStream(seed: 6)
      let input = model.input(batch: 37)
      for i in 0..<37 * model.inputShape.count { input[i] = random.uniform() }
      _ = Self.loss(model, batch: 37, seed: 1, backward: true)
      return model.parameters.map {
        Array($0.isTrainable ? $0.gradient.elements : $0.values.elements)
      }
    }
    #expect(try gradients(count) == gradients(1), "\(architecture.name), \(count) threads")
  }
}
