// Which of five languages is spoken: recorded prompts as log-mel frames, parted by sentence.

import Lacuna

extension ResultsTask {
  static let speechPath = "/usr/share/asterisk/sounds"

  /// Folders of Debian's `asterisk-core-sounds-…-wav`, one voice each; English and Spanish are the same woman's.
  private static let voices = [
    "en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU",
  ]

  /// A prompt has one file name in all languages: by it, not by recording, prompts go to one of the three parts, so
  /// that no sentence is in two of them in any language.
  static func speech(_ data: String?) throws -> ResultsTask {
    let root = data ?? speechPath
    let mel = LogMel()
    let (steps, features) = (64, mel.bands)
    var parts = [(values: [Float], labels: [UInt16])](repeating: ([], []), count: 3)
    for (label, voice) in voices.enumerated() {
      let folder = "\(root)/\(voice)"
      let names = try fileNames(
        in: folder, ending: ".wav", hint: "Benchmarks/results/setup installs the recordings")
      for name in names {
        let hash = stableHash(name)
        let part = (hash >> 32) % 20 < 14 ? 0 : (hash >> 32) % 20 < 17 ? 1 : 2
        let frames = mel(try Waveform(contentsOf: "\(folder)/\(name)").samples)
        let count = frames.count / features
        for first in stride(from: 0, through: count - steps, by: part == 0 ? steps / 2 : steps) {
          let window = frames[first * features..<(first + steps) * features]
          // Pauses say nothing about a language.
          if LogMel.level(window) < -9 { continue }
          parts[part].values += window
          parts[part].labels.append(UInt16(label))
        }
      }
    }
    normalise(&parts, features)
    let sets = try parts.map {
      try SequenceDataset(
        steps: steps, features: features, classes: voices.count, values: $0.values,
        labels: $0.labels)
    }
    return ResultsTask(
      architecture: .sequenceClassifier(
        steps: steps, features: features, units: [96, 96], classes: voices.count),
      training: sets[0], validation: sets[1], test: sets[2], measure: .accuracy, batch: 64,
      rate: 2e-3, furtherRate: 1, gradientNorm: 1, denseEpochs: 8, prunedEpochs: 10, rules: [],
      block: BlockSize(unchecked: 4, 1), blockSparsities: [0.5, 0.8, 0.9, 0.95], timedBatch: 1)
  }

  /// Mean 0 and deviation 1 of each band over the training part.
  private static func normalise(
    _ parts: inout [(values: [Float], labels: [UInt16])], _ features: Int
  ) {
    let count = Double(max(parts[0].values.count / features, 1))
    var (sums, squares) = (
      [Double](repeating: 0, count: features), [Double](repeating: 0, count: features)
    )
    for (i, value) in parts[0].values.enumerated() {
      sums[i % features] += Double(value)
      squares[i % features] += Double(value) * Double(value)
    }
    let means = sums.map { Float($0 / count) }
    let scales = zip(sums, squares).map { sum, square in
      Float(1 / max(square / count - sum / count * (sum / count), 1e-6).squareRoot())
    }
    for p in parts.indices {
      for i in parts[p].values.indices {
        parts[p].values[i] = (parts[p].values[i] - means[i % features]) * scales[i % features]
      }
    }
  }
}
