// Networks with branches and recurrence: trained, pruned, saved, and run by plans of their graphs.

import LacunaFormats
import LacunaNN
import LacunaPruning
import TestSupport
import Testing

/// Small networks of the new kinds, and data that they can learn.
private enum Branched {
  static func same(_ n: Int, stride: Int = 1) -> Window2D {
    Window2D(height: n, width: n, strideY: stride, strideX: stride, padding: .same)
  }

  /// A block of MobileNetV2 and one of ResNet over 8×8 images.
  static let images = Architecture(
    name: "residual", input: Shape(height: 8, width: 8, channels: 1),
    layers: [
      .convolution(name: "stem", filters: 8, window: same(3), relu: false),
      .batchNormalization(name: "norm", momentum: 0.8, epsilon: 1e-3),
      .relu(name: "relu"),
      .residual(
        name: "inverted",
        body: [
          .convolution(name: "wide", filters: 16, window: same(1), relu: true),
          .depthwiseConvolution(name: "each", window: same(3)),
          .relu(name: "each-relu"),
          .convolution(name: "narrow", filters: 8, window: same(1), relu: false),
        ], shortcut: [], relu: false),
      .residual(
        name: "block",
        body: [
          .convolution(name: "first", filters: 12, window: same(3, stride: 2), relu: false),
          .batchNormalization(name: "between", momentum: 0.8, epsilon: 1e-3),
          .relu(name: "between-relu"),
          .convolution(name: "second", filters: 12, window: same(3), relu: false),
        ],
        shortcut: [
          .convolution(name: "skip", filters: 12, window: same(1, stride: 2), relu: false)
        ],
        relu: true),
      .maxPooling(name: "most", window: same(2)),
      .averagePooling(name: "mean2", window: same(3)),
      .globalAveragePooling(name: "mean"),
      .dense(name: "out", units: 4, relu: false),
    ])

  static func sequences(_ unit: RecurrentUnit, _ output: RecurrentOutput) -> Architecture {
    Architecture(
      name: "\(unit) \(output)", input: Shape(height: 9, width: 1, channels: 1),
      layers: [
        .embedding(name: "embed", vocabulary: 6, features: 5),
        .recurrent(name: "low", unit: unit, units: 16, output: .all),
        .recurrent(name: "high", unit: unit, units: 12, output: output),
      ]
        + (output == .last
          ? [.dense(name: "out", units: 6, relu: false)]
          : [.convolution(name: "out", filters: 6, window: same(1), relu: false)]))
  }

  static let all =
    [images]
    + RecurrentUnit.allCases.flatMap { unit in
      RecurrentOutput.allCases.map { sequences(unit, $0) }
    }

  /// Two symbols in turn; the label of a sequence is the second one.
  static func symbols(count: Int, each: Bool, seed: UInt64) throws -> SequenceDataset {
    var random = SeededGenerator(seed: seed)
    var (values, labels): ([Float], [UInt16]) = ([], [])
    for _ in 0..<count {
      var text = [UInt16(random.next() % 6), UInt16(random.next() % 6)]
      while text.count < 10 { text.append(text[text.count - 2]) }
      values += text.prefix(9).map(Float.init)
      labels += each ? Array(text.dropFirst()) : [text[1]]
    }
    return try SequenceDataset(
      steps: 9, features: 1, classes: 6, labelsEachStep: each, values: values, labels: labels)
  }

  static func data(_ architecture: Architecture, count: Int, seed: UInt64) throws
    -> any LabelledSamples
  {
    architecture.input.width == 8
      ? try Fixtures.quadrants(count: count, seed: seed)
      : try symbols(
        count: count, each: try architecture.shapes().last!.pixels > 1, seed: seed)
  }

  static func settings(epochs: Int = 25) -> TrainingSettings {
    TrainingSettings(
      epochs: epochs, batchSize: 32, learningRate: .cosine(initial: 1e-2, finalFraction: 0.05),
      seed: 3,
      gradientNorm: 1)
  }
}

@Suite struct GraphNetworkTests {
  private func recipe(_ last: Int) throws -> PruningSettings {
    PruningSettings(
      schedule: try PolynomialDecay(initial: 0.2, final: 0.6, begin: 5, end: last, frequency: 5))
  }

  private func trained(_ architecture: Architecture) throws -> PrunedModel {
    let data = try Branched.data(architecture, count: 600, seed: 1)
    let model = try SequentialModel(architecture, seed: 2, threads: 2)
    let pruned = try PrunedModel(model, settings: try recipe(60))
    try Trainer(pruned, data: data, settings: Branched.settings()).run { _ in
      for (name, mask) in pruned.masks {
        let values = model.parameter(named: name)!.values
        for i in 0..<mask.rows * mask.columns where !mask[i / mask.columns, i % mask.columns] {
          #expect(values.pointer[i] == 0, "\(name)[\(i)]")
        }
      }
    }
    return pruned
  }

  @Test(
    "Networks with branches and recurrence learn while they are pruned, with masked weights zero after every step",
    arguments: Branched.all)
  func learn(architecture: Architecture) throws {
    let pruned = try trained(architecture)
    let held = try Branched.data(architecture, count: 300, seed: 9)
    let result = try pruned.network.evaluate(held)
    // Chance is 1/4 and 1/6. The second symbol of a sequence cannot be told from the first: 8/9 of the steps are left.
    #expect(result.accuracy > 0.75, "\(architecture.name): \(result)")
    #expect(abs(pruned.sparsity - 0.6) < 0.02)
    #expect(pruned.masks["embed/table"] == nil)
  }

  @Test(
    "Sparse and dense plans of a network give its logits within rounding, from its file too",
    arguments: Branched.all, [1, 5])
  func inference(architecture: Architecture, batch: Int) throws {
    let model = try trained(architecture).network
    let stored = try Fixtures.withFolder { folder in
      let path = "\(folder)/model.lacuna"
      try CompressedModel(model, form: .sparse).save(to: path)
      return try CompressedModel.load(from: path)
    }
    #expect(stored == (try CompressedModel(model, form: .sparse)))
    let (count, size) = (7, model.inputShape.count)
    let data = try Branched.data(architecture, count: count, seed: 5)
    let x = model.input(batch: count)
    for i in 0..<count { data.write(i, to: x + i * size) }
    let samples = (0..<count * size).map { x[$0] }
    model.forward(batch: count, training: false, random: RandomStream(seed: 0))
    let expected = (0..<count * model.outputShape.count).map { model.output[$0] }
    let largest = expected.reduce(0) { max($0, abs($1)) }
    let sparse = try SparseNetwork(stored, batch: batch)
    let dense = try DenseNetwork(stored, batch: batch)
    let excluding = try SparseNetwork(stored, batch: batch, threads: 2, excludesDense: true)
    let blocks = try SparseNetwork(
      CompressedModel(model, form: .sparse, block: try BlockSize(4, 1)), batch: batch,
      excludesDense: true)
    for network in [sparse, dense, excluding, blocks] {
      let logits = try network.logits(samples)
      #expect(logits.count == expected.count)
      for (i, (a, b)) in zip(logits, expected).enumerated() {
        // A few hundred roundings of numbers of this size, through functions that do not enlarge them.
        #expect(abs(a - b) <= 1e-4 * max(1, largest), "\(architecture.name)[\(i)]: \(a), \(b)")
      }
      #expect(
        abs(
          try network.evaluate(held(architecture)).accuracy
            - model.evaluate(held(architecture)).accuracy) < 0.03)
    }
    #expect(dense.steps.allSatisfy { !$0.kernel.contains("csr") })
  }

  private func held(_ architecture: Architecture) throws -> any LabelledSamples {
    try Branched.data(architecture, count: 100, seed: 7)
  }

  @Test(
    "A run that is stopped, saved and read goes on bit for bit",
    arguments: [Branched.images, Branched.sequences(.gru, .all), Branched.sequences(.lstm, .last)])
  func resume(architecture: Architecture) throws {
    let data = try Branched.data(architecture, count: 100, seed: 1)
    func trainer() throws -> Trainer {
      try Trainer(
        PrunedModel(
          SequentialModel(architecture, seed: 2, threads: 2), settings: try recipe(20)),
        data: data, settings: Branched.settings(epochs: 6))
    }
    let whole = try trainer()
    try whole.run()
    let first = try trainer()
    try first.run(until: 11)
    let second = try Fixtures.withFolder { folder in
      let path = "\(folder)/run.lacuna"
      try Checkpoint(first).write(to: path)
      return try Checkpoint(contentsOf: path).resume(data: data, pruning: try recipe(20))
    }
    try second.run()
    #expect(second.model.network.weights == whole.model.network.weights)
  }

  @Test("Gradients are scaled down together to the norm that is allowed")
  func clipping() throws {
    let architecture = Branched.sequences(.gru, .last)
    let data = try Branched.data(architecture, count: 32, seed: 1)
    func step(_ norm: Float?) throws -> [Float] {
      let model = try SequentialModel(architecture, seed: 2, threads: 1)
      let before = model.parameters.flatMap { Array($0.values.elements) }
      try Trainer(
        model, data: data,
        settings: TrainingSettings(
          epochs: 1, batchSize: 32, optimiser: .sgd(momentum: 0), learningRate: .constant(1),
          gradientNorm: norm)
      ).run()
      let after = model.parameters.flatMap { Array($0.values.elements) }
      return zip(before, after).map { $0 - $1 }
    }
    func norm(_ x: [Float]) -> Double { x.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
    let free = try step(nil)
    let most = Float(norm(free) / 3)
    let clipped = try step(most)
    #expect(abs(norm(clipped) - Double(most)) < 1e-3 * Double(most))
    for (a, b) in zip(free, clipped) { #expect(abs(a / 3 - b) <= 1e-6) }
    #expect(try step(Float(norm(free) * 1.01)) == free)
  }

  @Test("What does not fit is refused with the layer and the numbers")
  func refusals() throws {
    func refused(_ layers: [LayerDescription], input: Shape, _ part: String) {
      #expect {
        _ = try Architecture(name: "bad", input: input, layers: layers).shapes()
      } throws: {
        "\($0)".contains(part)
      }
    }
    let image = Shape(height: 8, width: 8, channels: 3)
    let conv = LayerDescription.convolution(
      name: "c", filters: 5, window: Branched.same(3), relu: false)
    refused(
      [.residual(name: "r", body: [conv], shortcut: [], relu: true)], input: image,
      "the body gives 8×8×5, the shortcut 8×8×3")
    refused([.residual(name: "r", body: [], shortcut: [], relu: true)], input: image, "no layers")
    refused(
      [.residual(name: "r", body: [conv], shortcut: [conv], relu: true)], input: image,
      "two layers are named 'c'")
    refused(
      [.recurrent(name: "r", unit: .gru, units: 4, output: .all)], input: image, "not as 8×8×3")
    refused(
      [.recurrent(name: "r", unit: .gru, units: 0, output: .all)],
      input: Shape(height: 8, width: 1, channels: 3), "units 0")
    refused(
      [.embedding(name: "e", vocabulary: 5, features: 2)],
      input: Shape(height: 8, width: 1, channels: 3), "not as 8×1×3")
    var nested = conv
    for depth in 0..<9 {
      nested = .residual(name: "r\(depth)", body: [nested], shortcut: [], relu: false)
    }
    refused([nested], input: Shape(height: 8, width: 8, channels: 5), "branches in each other")

    #expect(
      throws: ModelError.dataMismatch(what: "values of the sequences", expected: 6, found: 5)
    ) {
      _ = try SequenceDataset(
        steps: 3, features: 1, classes: 2, values: [0, 0, 0, 0, 0], labels: [0, 1])
    }
    #expect(
      throws: ModelError.dataMismatch(
        what: "labels after the last whole sequence", expected: 0, found: 1)
    ) {
      _ = try SequenceDataset(
        steps: 2, features: 1, classes: 2, labelsEachStep: true, values: [0, 0],
        labels: [0, 1, 1])
    }
    #expect(throws: ModelError.labelOutOfRange(index: 0, label: 2, classes: 2)) {
      _ = try SequenceDataset(steps: 1, features: 1, classes: 2, values: [0], labels: [2])
    }
    let model = try SequentialModel(Branched.sequences(.gru, .all), seed: 1)
    #expect(throws: ModelError.dataMismatch(what: "labels per sample", expected: 9, found: 1)) {
      _ = try Trainer(
        model, data: try Branched.symbols(count: 4, each: false, seed: 1),
        settings: TrainingSettings(epochs: 1))
    }
    let compact = try CompressedModel(model, form: .quantized)
    #expect {
      _ = try SparseNetwork(compact, arithmetic: .i8)
    } throws: {
      "\($0)".contains("chains of layers")
    }
    #expect {
      _ = try compact.calibrated(on: [Float](repeating: 0, count: 9))
    } throws: {
      "\($0)".contains("chains of layers")
    }
    #expect {
      _ = try Trainer(
        model, data: try Branched.symbols(count: 4, each: true, seed: 1),
        settings: TrainingSettings(epochs: 1, gradientNorm: 0))
    } throws: {
      "\($0)".contains("gradient norm")
    }
  }

  @Test("Text becomes sequences labelled with the next symbol")
  func text() throws {
    let data = try SequenceDataset(predicting: [0, 1, 2, 3, 4, 0, 1, 2], vocabulary: 5, steps: 3)
    #expect(data.count == 2 && data.values == [0, 1, 2, 3, 4, 0])
    #expect(data.labels == [1, 2, 3, 4, 0, 1])
  }
}
