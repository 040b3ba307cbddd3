// A text as symbols: the King James Bible, its last twentieths for validation and test.

import Lacuna

extension ResultsTask {
  static let textPath = "Benchmarks/results/data/kjv.txt"

  /// Letters are taken without their case; characters of fewer than 100 places count as one.
  static func text(_ data: String?, _ limit: Int) throws -> ResultsTask {
    let bytes = try readInput(data ?? textPath, hint: "Benchmarks/results/setup makes it")
    let lower = bytes.map { byte in
      byte == UInt8(ascii: "\n")
        ? UInt8(ascii: " ") : (65...90).contains(byte) ? byte + 32 : byte
    }
    var counts = [Int](repeating: 0, count: 256)
    for byte in lower { counts[Int(byte)] += 1 }
    let common = counts.indices.filter { counts[$0] >= 100 }
    var symbol = [UInt16](repeating: 0, count: 256)
    for (number, byte) in common.enumerated() { symbol[byte] = UInt16(number + 1) }
    let text = lower.map { symbol[Int($0)] }
    let share = text.count / 20
    let (steps, vocabulary) = (96, common.count + 1)
    func part(_ range: Range<Int>) throws -> SequenceDataset {
      try SequenceDataset(
        predicting: Array(text[range]), vocabulary: vocabulary, steps: steps)
    }
    let (first, second) = (text.count - 2 * share, text.count - share)
    return ResultsTask(
      architecture: .languageModel(
        vocabulary: vocabulary, steps: steps, embedded: 32, units: [192]),
      training: try part(0..<min(first - 1, min(limit, first / steps) * steps) + 1),
      validation: try part(first..<second),
      test: try part(second..<text.count), measure: .perplexity, batch: 64, rate: 4e-3,
      furtherRate: 1, gradientNorm: 1, denseEpochs: 5, prunedEpochs: 2, rules: [],
      block: BlockSize(unchecked: 4, 1), timedBatch: 1)
  }
}
