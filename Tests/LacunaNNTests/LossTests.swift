// Losses over many classes: labels wider than a byte, threads, logits of all kinds.

import Foundation
import LacunaNN
import TestSupport
import Testing

@Suite struct LossTests {
  private func logits(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float.random(in: -6...6, using: &generator) }
  }

  @Test(
    "Losses over a vocabulary of words are those of the formula", arguments: [1, 15, 16, 17, 1003])
  func vocabulary(classes: Int) {
    let labels = [0, classes / 2, classes - 1].map { UInt16($0) }
    let z = logits(3 * classes, seed: 5)
    let result = SoftmaxCrossEntropy.evaluate(logits: z, labels: labels, classes: classes)
    var (loss, right) = (0.0, 0)
    for (sample, label) in labels.enumerated() {
      let row = z[sample * classes..<(sample + 1) * classes].map(Double.init)
      loss += log(row.reduce(0) { $0 + exp($1) }) - row[Int(label)]
      right += row.firstIndex(of: row.max()!) == Int(label) ? 1 : 0
    }
    #expect(abs(result.lossSum - loss) < 1e-4 && result.correct == right && result.count == 3)
  }

  @Test func `of equal logits the first one is the answer`() {
    for classes in [4, 40] {
      var z = [Float](repeating: -1, count: classes)
      (z[2], z[classes - 1]) = (3, 3)
      let right = [2, classes - 1].map { label in
        SoftmaxCrossEntropy.evaluate(logits: z, labels: [UInt16(label)], classes: classes).correct
      }
      #expect(right == [1, 0])
    }
  }

  @Test("Threads change no bit", arguments: [1, 2, 5])
  func threads(count: Int) {
    let (classes, samples) = (3001, 37)
    let z = logits(classes * samples, seed: 6)
    let labels = (0..<samples).map { UInt16($0 * 977 % classes) }
    func run(_ threads: Workers?) -> (Double, Int, [Float]) {
      var gradient = [Float](repeating: 9, count: z.count)
      let result = SoftmaxCrossEntropy.evaluate(
        logits: z, labels: labels, classes: classes, ignoring: labels[7], smoothing: 0.1,
        gradient: &gradient, threads: threads)
      return (result.lossSum, result.count, gradient)
    }
    let (alone, shared) = (run(nil), run(Workers(count: count)))
    #expect(alone == shared && alone.1 == samples - 1)
    #expect(alone.2[7 * classes..<8 * classes].allSatisfy { $0 == 0 })
  }

  @Test("A logit that is no number makes a loss that is none", arguments: [0, 3, 17, 19])
  func notANumber(place: Int) {
    var z = logits(20, seed: 7)
    z[place] = .nan
    let result = SoftmaxCrossEntropy.evaluate(logits: z, labels: [1], classes: 20)
    #expect(result.lossSum.isNaN)
  }

  @Test func `words beyond a byte are learned`() throws {
    // Each word is followed by one that is 300 further on.
    let text = (0..<4000).map { UInt16($0 * 300 % 700) }
    let data = try SequenceDataset(predicting: text, vocabulary: 700, steps: 8)
    #expect(data.labels.max()! > 255 && data.values[1] == 300 && data.labels[0] == 300)
    let model = try SequentialModel(
      .languageModel(vocabulary: 700, steps: 8, embedded: 8, units: [16]), seed: 1, threads: 2)
    try Trainer(
      model, data: data,
      settings: TrainingSettings(epochs: 30, batchSize: 16, learningRate: .constant(0.02))
    ).run()
    #expect(try model.evaluate(data).accuracy > 0.9)
    #expect(throws: ModelError.labelOutOfRange(index: 0, label: 600, classes: 600)) {
      _ = try SequenceDataset(predicting: [0, 600, 1], vocabulary: 600, steps: 2)
    }
  }
}
