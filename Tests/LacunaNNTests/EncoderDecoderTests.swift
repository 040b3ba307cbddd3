// Encoder–decoders with attention: trained with the right symbols before each step, pruned, saved, and run freely.

import LacunaFormats
import LacunaNN
import LacunaPruning
import TestSupport
import Testing

/// Sequences that are to be written backwards.
private enum Reversal {
  static func sizes(_ unit: RecurrentUnit, sourceSteps: Int = 5) -> EncoderDecoderSizes {
    EncoderDecoderSizes(
      sourceSteps: sourceSteps, sourceSymbols: 6, targetSymbols: 7, embedded: 8, unit: unit,
      units: 32)
  }

  static func architecture(
    _ unit: RecurrentUnit, sourceSteps: Int = 5, targetSteps: Int = 6
  ) -> Architecture {
    .encoderDecoder(sizes(unit, sourceSteps: sourceSteps), targetSteps: targetSteps)
  }

  static func sources(count: Int, seed: UInt64, shortest: Int = 1) -> [[UInt8]] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<shortest + Int(random.next() % UInt64(6 - shortest))).map { _ in
        UInt8(1 + random.next() % 5)
      }
    }
  }

  /// Symbol 1 is the end of a target: symbols are one higher there.
  static func target(_ source: [UInt8]) -> [UInt8] { source.reversed().map { $0 + 1 } }

  static func pairs(
    _ unit: RecurrentUnit, count: Int, seed: UInt64, sourceSteps: Int = 5, targetSteps: Int = 6
  ) throws -> SequencePairs {
    let sources = sources(count: count, seed: seed)
    return try SequencePairs(
      sources: sources, targets: sources.map(target),
      sizes: sizes(unit, sourceSteps: sourceSteps), targetSteps: targetSteps)
  }

  static func recipe(_ last: Int) throws -> PruningSettings {
    PruningSettings(
      schedule: try PolynomialDecay(initial: 0.2, final: 0.6, begin: 5, end: last, frequency: 5))
  }

  static func settings(epochs: Int) -> TrainingSettings {
    TrainingSettings(
      epochs: epochs, batchSize: 32, learningRate: .cosine(initial: 1e-2, finalFraction: 0.05),
      seed: 3, gradientNorm: 1)
  }

  static func trained(_ unit: RecurrentUnit, epochs: Int = 10) throws -> PrunedModel {
    let model = try SequentialModel(architecture(unit), seed: 2, threads: 2)
    let pruned = try PrunedModel(model, settings: try recipe(150))
    try Trainer(
      pruned, data: try pairs(unit, count: 1200, seed: 1), settings: settings(epochs: epochs)
    ).run { _ in
      for (name, mask) in pruned.masks {
        let values = model.parameter(named: name)!.values
        for i in 0..<mask.rows * mask.columns where !mask[i / mask.columns, i % mask.columns] {
          #expect(values.pointer[i] == 0, "\(name)[\(i)]")
        }
      }
    }
    return pruned
  }
}

@Suite struct EncoderDecoderTests {
  @Test(
    "Sequences are written backwards by a network that is pruned while it learns",
    arguments: RecurrentUnit.allCases)
  func learn(unit: RecurrentUnit) throws {
    let pruned = try Reversal.trained(unit)
    #expect(abs(pruned.sparsity - 0.6) < 0.02)
    let kernels = pruned.network.parameters.filter { $0.role == .kernel }.map(\.name)
    #expect(Set(pruned.masks.keys) == Set(kernels) && kernels.count == 9)
    let translator = try Translator(CompressedModel(pruned.network, form: .sparse), batch: 16)
    let sources = Reversal.sources(count: 200, seed: 9)
    let right = zip(sources, try translator(sources)).count { Reversal.target($0) == $1 }
    // A guess is right once in five for a single symbol, and nearly never for more.
    #expect(right > 160, "\(unit): \(right) of 200")
  }

  @Test(
    "A translator writes what the network finds likeliest behind what it has written, whatever the weights are stored as",
    arguments: RecurrentUnit.allCases)
  func greedy(unit: RecurrentUnit) throws {
    // Not trained to the end: it makes mistakes, and cuts some targets off.
    let model = try Reversal.trained(unit, epochs: 2).network
    let sources = Reversal.sources(count: 40, seed: 4) + [[]]
    for form in CompressedModel.Form.allCases {
      for block in [BlockSize.element, try BlockSize(4, 1)] {
        if form == .codebook && block != .element { continue }
        let stored = try Fixtures.withFolder { folder in
          let path = "\(folder)/model.lacuna"
          try CompressedModel(model, form: form, block: block).save(to: path)
          return try CompressedModel.load(from: path)
        }
        let exact = try stored.makeModel(threads: 1)
        for (batch, isDense) in [(1, false), (7, false), (64, false), (7, true)] {
          let translator = try Translator(
            stored, batch: batch, threads: batch == 7 ? 2 : 1, excludesDense: true,
            isDense: isDense)
          let targets = try translator(sources)
          let what = "\(unit) \(form) \(block), \(batch) at once, dense \(isDense)"
          #expect(translator.steps.count == 5)
          try check(exact, sources, targets, what)
        }
      }
    }
  }

  /// Gives the network what was written and compares its next symbols, except where two are as likely.
  private func check(
    _ model: SequentialModel, _ sources: [[UInt8]], _ targets: [[UInt8]], _ what: String
  ) throws {
    let sizes = Reversal.sizes(.gru)
    let data = try SequencePairs(
      sources: sources, targets: targets.map { Array($0.prefix(5)) }, sizes: sizes, targetSteps: 6)
    let input = model.input(batch: sources.count)
    for i in sources.indices { data.write(i, to: input + i * data.shape.count) }
    model.forward(batch: sources.count, training: false, random: RandomStream(seed: 0))
    for (i, target) in targets.enumerated() {
      #expect(target.count <= 6, "\(what): \(target)")
      for t in 0..<min(target.count + 1, 6) {
        let z = model.output + (i * 6 + t) * sizes.targetSymbols
        let chosen = t < target.count ? Int(target[t]) : Int(EncoderDecoderSizes.end)
        let most = (1..<sizes.targetSymbols).map { z[$0] }.max()!
        #expect(z[chosen] >= most - 1e-4, "\(what): \(sources[i]) → \(target) at \(t)")
      }
    }
  }

  @Test("Padding changes no bit of losses and gradients", arguments: RecurrentUnit.allCases)
  func padding(unit: RecurrentUnit) throws {
    func run(_ sourceSteps: Int, _ targetSteps: Int) throws -> (Double, [[Float]]) {
      let data = try Reversal.pairs(
        unit, count: 23, seed: 6, sourceSteps: sourceSteps, targetSteps: targetSteps)
      let model = try SequentialModel(
        Reversal.architecture(unit, sourceSteps: sourceSteps, targetSteps: targetSteps), seed: 1,
        threads: 2)
      var loss = 0.0
      try Trainer(model, data: data, settings: Reversal.settings(epochs: 1)).run {
        loss = $0.batchLoss
      }
      #expect(try model.evaluate(data).count == data.labels.count { $0 != 0 })
      return (loss, model.parameters.map { Array($0.gradient.elements) })
    }
    let (short, long) = (try run(5, 6), try run(9, 13))
    #expect(short.0 == long.0)
    #expect(short.1 == long.1)
    #expect(short.1.allSatisfy { $0.contains { $0 != 0 } }, "a tensor that nothing reaches")
  }

  @Test("Results that are ignored have no loss and no gradient")
  func ignored() {
    let logits: [Float] = [1, 2, 3, 0, 5, 1, 2, 0, 1]
    var gradient = [Float](repeating: 7, count: 9)
    let part = SoftmaxCrossEntropy.evaluate(
      logits: logits, labels: [2, 0, 1], classes: 3, ignoring: 0, gradient: &gradient)
    let two = [0, 2].map { row in
      SoftmaxCrossEntropy.evaluate(
        logits: Array(logits[row * 3..<row * 3 + 3]), labels: [row == 0 ? 2 : 1], classes: 3)
    }
    #expect(part.lossSum == two[0].lossSum + two[1].lossSum)
    #expect(part.correct == 1 && part.count == 2)
    #expect(gradient[3..<6] == [0, 0, 0])
    for row in [0, 2] {
      #expect(abs(gradient[row * 3..<row * 3 + 3].reduce(0, +)) < 1e-6)
      #expect(gradient[row * 3 + (row == 0 ? 2 : 1)] < 0)
    }
  }

  @Test(
    "A run that is stopped, saved and read goes on bit for bit", arguments: RecurrentUnit.allCases)
  func resume(unit: RecurrentUnit) throws {
    let data = try Reversal.pairs(unit, count: 100, seed: 1)
    func trainer() throws -> Trainer {
      try Trainer(
        PrunedModel(
          SequentialModel(Reversal.architecture(unit), seed: 2, threads: 2),
          settings: try Reversal.recipe(20)),
        data: data, settings: Reversal.settings(epochs: 6))
    }
    let whole = try trainer()
    try whole.run()
    let first = try trainer()
    try first.run(until: 11)
    let second = try Fixtures.withFolder { folder in
      let path = "\(folder)/run.lacuna"
      try Checkpoint(first).write(to: path)
      return try Checkpoint(contentsOf: path).resume(data: data, pruning: try Reversal.recipe(20))
    }
    try second.run()
    #expect(second.model.network.weights == whole.model.network.weights)
  }

  @Test("What does not fit is refused with the layer and the numbers")
  func refusals() throws {
    func refused(_ sizes: EncoderDecoderSizes, steps: Int = 9, _ part: String) {
      #expect {
        _ = try Architecture(
          name: "bad", input: Shape(height: steps, width: 1, channels: 1),
          layers: [.encoderDecoder(name: "s", sizes: sizes)]
        ).shapes()
      } throws: {
        "\($0)".contains(part)
      }
    }
    var sizes = Reversal.sizes(.gru)
    refused(sizes, steps: 5, "source steps 5 must be in 1...4")
    sizes.units = 7
    refused(sizes, "units 7 must be even")
    sizes.units = 1 << 21
    refused(sizes, "units 2097152")
    sizes.units = 8
    sizes.targetSymbols = 257
    refused(sizes, "target symbols 257 must be in 3...256")
    sizes.targetSymbols = 2
    refused(sizes, "target symbols 2")
    sizes.targetSymbols = 7
    sizes.sourceSymbols = 1
    refused(sizes, "source symbols 1")
    sizes.sourceSymbols = 6
    sizes.embedded = 0
    refused(sizes, "embedded features 0")
    sizes.embedded = 8
    #expect {
      _ = try Architecture(
        name: "bad", input: Shape(height: 9, width: 1, channels: 1),
        layers: [.encoderDecoder(name: "s", sizes: sizes), .relu(name: "r")]
      ).shapes()
    } throws: {
      "\($0)".contains("a network by itself, and there are 2 layers")
    }
    #expect {
      _ = try Architecture(
        name: "bad", input: Shape(height: 9, width: 1, channels: 2),
        layers: [.encoderDecoder(name: "s", sizes: sizes)]
      ).shapes()
    } throws: {
      "\($0)".contains("not as 9×1×2")
    }
    func pairs(_ source: [UInt8], _ target: [UInt8], _ part: String) {
      #expect {
        _ = try SequencePairs(
          sources: [[1], source], targets: [[2], target], sizes: sizes, targetSteps: 4)
      } throws: {
        "\($0)".contains(part)
      }
    }
    pairs([1, 1, 1, 1, 1, 1], [2], "source 1: found 6, expected 5")
    pairs([6], [2], "symbol 6 of source 1 must be in 1...5")
    pairs([0], [2], "symbol 0 of source 1")
    pairs([1], [1], "symbol 1 of target 1 must be in 2...6")
    pairs([1], [2, 2, 2, 2], "target 1: found 4, expected 3")
    #expect(throws: ModelError.dataMismatch(what: "targets", expected: 1, found: 0)) {
      _ = try SequencePairs(sources: [[1]], targets: [], sizes: sizes, targetSteps: 4)
    }
    let model = try SequentialModel(Reversal.architecture(.gru), seed: 1)
    let stored = try CompressedModel(model, form: .dense)
    let translator = try Translator(stored)
    #expect {
      _ = try translator([[1], [1, 9]])
    } throws: {
      "\($0)".contains("symbol 9 of source 1")
    }
    #expect(try translator([]).isEmpty)
    #expect(throws: ModelError.invalidSetting(name: "batch", reason: "is 0, must be in 1...65536"))
    {
      _ = try Translator(stored, batch: 0)
    }
    #expect {
      _ = try Translator(CompressedModel(SequentialModel(Fixtures.network), form: .dense))
    } throws: {
      "\($0)".contains("'conv1': is no encoder–decoder")
    }
    #expect {
      _ = try SparseNetwork(stored)
    } throws: {
      "\($0)".contains("a Translator runs")
    }
    #expect {
      _ = try InferenceTiming.measure(stored, translating: [], batch: 1)
    } throws: {
      "\($0)".contains("sources: found 0")
    }
    let timing = try InferenceTiming.measure(
      stored, translating: Reversal.sources(count: 5, seed: 1), batch: 2, seconds: 0)
    #expect(timing.batch == 2 && timing.sparseSeconds > 0 && timing.denseSeconds > 0)
  }
}
