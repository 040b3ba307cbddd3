// A text as words: the King James Bible, two of every twenty pieces of it for validation and test.

import Lacuna

extension ResultsTask {
  static let textPath = "Benchmarks/results/data/kjv.txt"

  static func text(_ data: String?, _ limit: Int) throws -> ResultsTask {
    let path = data ?? textPath
    let text = TextParts(try readInput(path, hint: "Benchmarks/results/setup makes it"))
    let vocabulary = TextVocabulary(text.training, most: 2000)
    let steps = 32
    if min(text.validation.count, text.test.count) <= steps {
      throw Failure(.badData, "\(path): \(text.wordCount) words are too few to be parted")
    }
    func part(_ words: [Substring], _ limit: Int = .max) throws -> SequenceDataset {
      let most = min(limit, (words.count - 1) / steps) * steps + 1
      return try SequenceDataset(
        predicting: words.prefix(most).map { vocabulary[$0] }, vocabulary: vocabulary.count,
        steps: steps)
    }
    return ResultsTask(
      architecture: .languageModel(
        vocabulary: vocabulary.count, steps: steps, embedded: 128, units: [256]),
      training: try part(text.training, limit), validation: try part(text.validation),
      test: try part(text.test), measure: .perplexity, batch: 64, rate: 2e-3,
      furtherRate: 1, gradientNorm: 1, denseEpochs: 8, prunedEpochs: 3, lateEpochs: 14,
      rules: [], block: BlockSize(unchecked: 4, 1), sparsities: [0.5, 0.8, 0.9], timedBatch: 1)
  }
}

/// The words of a text in three parts, each of them from the whole of it: of every twenty pieces one is for validation
/// and one for the test.
struct TextParts {
  private(set) var training: [Substring] = []
  private(set) var validation: [Substring] = []
  private(set) var test: [Substring] = []
  let wordCount: Int

  /// Of the King James Bible a piece is about a hundred verses.
  private static let pieces = 320

  init(_ bytes: [UInt8]) {
    let words = Self.words(bytes)
    wordCount = words.count
    for piece in 0..<Self.pieces {
      let range = words.count * piece / Self.pieces..<words.count * (piece + 1) / Self.pieces
      switch piece % 20 {
      case 6: validation += words[range]
      case 13: test += words[range]
      default: training += words[range]
      }
    }
  }

  /// Letters without their case and apostrophes between them; every other character that is no space is a word by itself.
  static func words(_ bytes: [UInt8]) -> [Substring] {
    let text = Substring(
      decoding: bytes.map { (65...90).contains($0) ? $0 | 32 : $0 }, as: UTF8.self)
    let characters = text.utf8
    func isLetter(_ i: Substring.Index) -> Bool {
      i < text.endIndex && (97...122).contains(characters[i])
    }
    var words: [Substring] = []
    var start = text.startIndex
    while start < text.endIndex {
      var end = characters.index(after: start)
      if isLetter(start) {
        while isLetter(end)
          || end < text.endIndex && characters[end] == UInt8(ascii: "'")
            && isLetter(characters.index(after: end))
        { end = characters.index(after: end) }
      } else if characters[start] > 127 {
        end = text.index(after: start)
      }
      if characters[start] > 32 { words.append(text[start..<end]) }
      start = end
    }
    return words
  }
}

/// The most common words of a text by number, those of one count in the order of the alphabet; 0 is for all others.
struct TextVocabulary {
  private let numbers: [Substring: UInt16]
  /// Of symbols.
  let count: Int

  init(_ words: [Substring], most: Int) {
    var counts: [Substring: Int] = [:]
    for word in words { counts[word, default: 0] += 1 }
    let common = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(most)
    numbers = Dictionary(uniqueKeysWithValues: zip(common.map(\.key), 1...))
    count = common.count + 1
  }

  subscript(word: Substring) -> UInt16 { numbers[word] ?? 0 }
}
