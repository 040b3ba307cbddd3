// Backpropagated gradients against central differences, for every kind of layer.

import LacunaFormats
import LacunaNN
import TestSupport
import Testing

@Suite struct GradientTests {
  /// Loss of a fixed mini-batch, and the gradient when asked.
  static func loss(_ model: SequentialModel, batch: Int, seed: UInt64, backward: Bool) -> Double {
    let random = RandomStream(seed: seed, 9)
    let labels = (0..<batch * model.outputShape.pixels).map { UInt16($0 % 4) }
    model.forward(batch: batch, training: true, random: random)
    let result = SoftmaxCrossEntropy.evaluate(
      logits: model.output, labels: labels, classes: 4, gradient: model.outputGradient)
    if backward { model.backward(batch: batch, random: random) }
    return result.lossSum / Double(labels.count)
  }

  @Test(
    "Gradients equal central differences", arguments: networks + beyondChains + encoderDecoders,
    [UInt64(3), 4])
  func gradients(architecture: Architecture, seed: UInt64) throws {
    let batch = 19
    let model = try SequentialModel(architecture, seed: seed, threads: 2)
    var random = RandomStream(seed: seed, 7)
    let input = model.input(batch: batch)
    for i in 0..<batch * model.inputShape.count {
      let number = random.uniform()
      switch architecture.layers[0] {
      case .embedding(_, let vocabulary, _):
        input[i] = (number * Float(vocabulary)).rounded(.down)
      // Symbols that are none, and one too large on the target's side, are as likely as the others.
      case .encoderDecoder(_, let sizes):
        input[i] = (number * Float(sizes.sourceSymbols)).rounded(.down)
      default: input[i] = number * 2 - 1
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
    arguments: [UInt64(1), 2], maskedNetworks)
  func fixedMask(seed: UInt64, architecture: Architecture) throws {
    let batch = 37
    var masks: [String: BitMask] = [:]
    func model() throws -> SequentialModel {
      let model = try SequentialModel(architecture, seed: seed, threads: 2)
      var random = RandomStream(seed: seed, 5)
      let input = model.input(batch: batch)
      for i in 0..<batch * model.inputShape.count { input[i] = random.uniform() * 2 - 1 }
      for p in model.parameters where p.role == .kernel && p.name != "out/kernel" {
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
    #expect(abs(a - b) < 2e-6, "loss \(a), at fixed masks \(b)")
    #expect(
      masks.keys.allSatisfy { name in fixed.parameters.first { $0.name == name }!.kept != nil })
    for (p, q) in zip(dense.parameters, fixed.parameters) where p.isTrainable {
      let largest = p.gradient.elements.reduce(0) { max($0, abs($1)) }
      for i in 0..<p.count {
        let kept = masks[p.name]?[i / p.columns, i % p.columns] ?? true
        let expected = kept ? p.gradient.pointer[i] : 0
        #expect(
          abs(q.gradient.pointer[i] - expected) <= (kept ? 2e-5 * largest : 0),
          "\(p.name)[\(i)] seed \(seed): \(q.gradient.pointer[i]), expected \(expected)")
      }
    }
    fixed.fixMasks([:])
    _ = Self.loss(fixed, batch: batch, seed: seed, backward: true)
    for (p, q) in zip(dense.parameters, fixed.parameters) {
      #expect(Array(p.gradient.elements) == Array(q.gradient.elements), "\(p.name)")
    }
  }

  @Test(
    "Results are bitwise the same for any number of threads", arguments: [1, 2, 3, 5], shared)
  func threads(count: Int, architecture: Architecture) throws {
    func gradients(_ threads: Int) throws -> [[Float]] {
      let model = try SequentialModel(architecture, seed: 5, threads: threads)
      var random = RandomStream(seed: 6)
      let input = model.input(batch: 37)
      for i in 0..<37 * model.inputShape.count { input[i] = random.uniform() * 1.9 }
      _ = Self.loss(model, batch: 37, seed: 1, backward: true)
      return model.parameters.map {
        Array($0.isTrainable ? $0.gradient.elements : $0.values.elements)
      }
    }
    #expect(try gradients(count) == gradients(1), "\(architecture.name), \(count) threads")
  }
}
