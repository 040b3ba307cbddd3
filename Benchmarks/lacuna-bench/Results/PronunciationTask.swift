// How a word is said: letters → phonemes of the CMU pronouncing dictionary, parted by word.

import Lacuna

extension ResultsTask {
  static let dictionaryPath = "Benchmarks/results/data/cmudict.dict"

  /// Words without their stress marks, three twentieths of which are kept for choices and tests. All ways to say a word
  /// are in the part that the word is in; training takes the first.
  static func pronunciation(_ data: String?, _ limit: Int) throws -> ResultsTask {
    let path = data ?? dictionaryPath
    let (sourceSteps, targetSteps) = (20, 20)
    // A step is the end's.
    let dictionary = try PronouncingDictionary(
      contentsOf: path, most: (letters: sourceSteps, phonemes: targetSteps - 1))
    // The dictionary is in order of the alphabet; that of a hash is none, and the same on every run.
    let words = dictionary.words.map { ($0, stableHash($0.spelling)) }.sorted { $0.1 < $1.1 }
    func part(_ twentieths: Range<UInt64>) -> [PronouncingDictionary.Word] {
      words.filter { twentieths.contains(($0.1 >> 32) % 20) }.map(\.0)
    }
    let (training, validation, test) = (part(3..<20).prefix(limit), part(0..<1), part(1..<3))
    if training.isEmpty || validation.isEmpty || test.isEmpty {
      throw Failure(.badData, "\(path): \(words.count) words are too few to be parted")
    }
    let sizes = EncoderDecoderSizes(
      sourceSteps: sourceSteps, sourceSymbols: PronouncingDictionary.letterSymbols,
      targetSymbols: 2 + dictionary.phonemes.count, embedded: 128, units: 256)
    func pairs(_ words: some Collection<PronouncingDictionary.Word>) throws -> SequencePairs {
      try SequencePairs(
        sources: words.map(\.letters), targets: words.map { $0.pronunciations[0] }, sizes: sizes,
        targetSteps: targetSteps)
    }
    return ResultsTask(
      architecture: .encoderDecoder(sizes, targetSteps: targetSteps),
      training: try pairs(training), validation: try pairs(validation), test: try pairs(test),
      measure: .phonemeErrors(SpokenWords(validation: validation, test: test)), batch: 128,
      rate: 2e-3, furtherRate: 1, gradientNorm: 1, labelSmoothing: 0.1, denseEpochs: 8,
      prunedEpochs: 5, lateEpochs: 10, rules: [],
      block: BlockSize(unchecked: 4, 1), timedBatch: 1)
  }
}

/// Words with the ways to say them.
struct PronouncingDictionary {
  struct Word {
    let spelling: String
    let letters: [UInt8]
    /// One or more, the usual one first.
    var pronunciations: [[UInt8]]
  }

  /// In the order of the file.
  private(set) var words: [Word] = []
  /// Their numbers are symbols from 2 on.
  private(set) var phonemes: [String] = []

  /// Nothing, a to z, the apostrophe.
  static let letterSymbols = 28

  /// Lines of a word, which `(2)` and so on mark as said in another way, its phonemes, and perhaps a remark behind `#`.
  /// Words with other characters than letters and apostrophes, and those that are too long, are left out.
  init(contentsOf path: String, most: (letters: Int, phonemes: Int)) throws {
    let text = try readInput(path, hint: "Benchmarks/results/setup fetches it")
    var (places, symbols): ([String: Int], [String: UInt8]) = ([:], [:])
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let fields = line.prefix { $0 != UInt8(ascii: "#") }.split(separator: UInt8(ascii: " "))
      guard let first = fields.first else { continue }
      let spelling = first.prefix { $0 != UInt8(ascii: "(") }
      let letters = spelling.compactMap(Self.letter)
      let names = fields.dropFirst().map {
        String(decoding: $0.filter { !(48...57).contains($0) }, as: UTF8.self)
      }
      if letters.count != spelling.count || !(1...most.letters).contains(letters.count)
        || !(1...most.phonemes).contains(names.count)
      {
        continue
      }
      for name in names where symbols[name] == nil {
        if phonemes.count == 254 {
          throw Failure(.badData, "\(path): more than 254 phonemes: no pronouncing dictionary")
        }
        symbols[name] = UInt8(2 + phonemes.count)
        phonemes.append(name)
      }
      let (word, said) = (String(decoding: spelling, as: UTF8.self), names.map { symbols[$0]! })
      if let place = places[word] {
        // Without stress some are the same.
        if !words[place].pronunciations.contains(said) { words[place].pronunciations.append(said) }
      } else {
        places[word] = words.count
        words.append(Word(spelling: word, letters: letters, pronunciations: [said]))
      }
    }
    if words.isEmpty { throw Failure(.badData, "\(path): no word with its phonemes") }
  }

  private static func letter(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 1
    case UInt8(ascii: "'"): 27
    default: nil
    }
  }
}
