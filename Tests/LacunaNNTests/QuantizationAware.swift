// What the tests of training for products of bytes share: settings, a network of two layers, samples.

import LacunaIO
import LacunaNN
import TestSupport

enum QuantizationAware {
  static func bits(_ ranges: [String: ActivationBounds]) -> [String: [UInt32]] {
    ranges.mapValues { [$0.low.bitPattern, $0.high.bitPattern] }
  }

  static func settings(
    _ quantization: QuantizationSettings?, epochs: Int = 4, seed: UInt64 = 11
  ) -> TrainingSettings {
    TrainingSettings(epochs: epochs, batchSize: 32, seed: seed, quantization: quantization)
  }

  /// Two dense layers over vectors, every step over all samples, so that a step can be computed by hand.
  static let pair = Architecture(
    name: "pair", input: Shape(features: 12),
    layers: [.dense(name: "a", units: 9, relu: true), .dense(name: "b", units: 3, relu: false)])

  /// Vectors of −1...2 with labels.
  struct Vectors: LabelledSamples {
    let shape: Shape
    let classes = 3, labelsPerSample = 1
    let labels: [UInt16]
    var values: [Float]

    init(_ count: Int, features: Int = 12, seed: UInt64) {
      var generator = SeededGenerator(seed: seed)
      shape = Shape(features: features)
      labels = (0..<count).map { _ in UInt16.random(in: 0..<3, using: &generator) }
      values = (0..<count * features).map { _ in Float.random(in: -1...2, using: &generator) }
    }

    func write(_ index: Int, to x: UnsafeMutablePointer<Float>) {
      for i in 0..<shape.count { x[i] = values[index * shape.count + i] }
    }
  }
}
