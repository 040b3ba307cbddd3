// Answers of which a share goes to all classes: loss and gradient by the formula, in doubles.

import Foundation
import LacunaNN
import TestSupport
import Testing

@Suite struct LabelSmoothingTests {
  /// −Σ q·log softmax(z), and softmax(z) − q.
  private func expected(
    _ z: [Double], label: Int, _ smoothing: Double
  ) -> (loss: Double, gradient: [Double]) {
    let most = z.max()!
    let sum = z.reduce(0) { $0 + exp($1 - most) }
    let logs = z.map { $0 - most - log(sum) }
    let q = z.indices.map { (1 - smoothing) * ($0 == label ? 1 : 0) + smoothing / Double(z.count) }
    return (-zip(q, logs).reduce(0) { $0 + $1.0 * $1.1 }, zip(logs, q).map { exp($0) - $1 })
  }

  @Test("Loss and gradient are those of the smoothed answer", arguments: [0, 0.1, 0.5] as [Float])
  func formula(smoothing: Float) {
    let (classes, labels) = (5, [UInt16(3), 0, 255, 4])
    let logits: [Float] = (0..<20).map { Float($0 * 7 % 11) * 0.6 - 3 }
    var gradient = [Float](repeating: 9, count: 20)
    let result = SoftmaxCrossEntropy.evaluate(
      logits: logits, labels: labels, classes: classes, ignoring: 255, smoothing: smoothing,
      gradient: &gradient)
    var loss = 0.0
    for (sample, label) in labels.enumerated() {
      let part = sample * classes..<(sample + 1) * classes
      if label == 255 {
        #expect(gradient[part].allSatisfy { $0 == 0 })
        continue
      }
      let one = expected(logits[part].map(Double.init), label: Int(label), Double(smoothing))
      loss += one.loss
      for (found, expected) in zip(gradient[part], one.gradient) {
        #expect(abs(Double(found) - expected / 3) < 1e-6)
      }
    }
    #expect(abs(result.lossSum - loss) < 1e-5 && result.count == 3)
  }

  @Test func `a smoothed run is surer of nothing than its answers`() throws {
    let data = try SequenceDataset(
      steps: 1, features: 2, classes: 2, values: [1, 0, 0, 1], labels: [0, 1])
    func loss(_ smoothing: Float?) throws -> Double {
      let model = try SequentialModel(
        .sequenceClassifier(steps: 1, features: 2, units: [4], classes: 2), seed: 1)
      try Trainer(
        model, data: data,
        settings: TrainingSettings(
          epochs: 400, batchSize: 2, learningRate: .constant(0.02), labelSmoothing: smoothing)
      ).run()
      return try model.evaluate(data).loss
    }
    #expect(try loss(nil) < 0.02)
    // The best answer gives the right class 0.9: −log 0.9.
    #expect(abs(try loss(0.2) - -log(0.9)) < 0.02)
  }

  @Test("A share outside 0..<1 is refused", arguments: [-0.1, 1, .nan] as [Float])
  func bounds(smoothing: Float) throws {
    let model = try SequentialModel(
      .sequenceClassifier(steps: 1, features: 2, units: [4], classes: 2), seed: 1)
    let data = try SequenceDataset(
      steps: 1, features: 2, classes: 2, values: [1, 0], labels: [0])
    #expect {
      _ = try Trainer(
        model, data: data, settings: TrainingSettings(epochs: 1, labelSmoothing: smoothing))
    } throws: {
      "\($0)".contains("label smoothing is \(smoothing)")
    }
  }
}
