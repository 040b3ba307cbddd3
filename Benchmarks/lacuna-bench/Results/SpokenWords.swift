// Σ edit distances / Σ phonemes: how far a network's pronunciations are from those of a dictionary.

import Lacuna

/// What a translator of letters is tested with.
struct SpokenWords {
  let validation: [PronouncingDictionary.Word]
  let test: [PronouncingDictionary.Word]
  /// Words of a run whose time is measured.
  var timed: [[UInt8]] { test.prefix(128).map(\.letters) }
  /// Words at once, besides one by one.
  static let wideBatch = 64

  /// Phoneme errors over phonemes. Of several ways to say a word the nearest one counts.
  static func errorRate(
    _ words: [PronouncingDictionary.Word], _ translator: Translator
  ) throws -> Double {
    // Words of one length take as many steps, or nearly.
    let words = words.sorted { $0.letters.count < $1.letters.count }
    let said = try translator(words.map(\.letters))
    var (errors, phonemes) = (0, 0)
    for (word, said) in zip(words, said) {
      let nearest = word.pronunciations.map { (editDistance(said, $0), $0.count) }
        .min { $0.0 < $1.0 }!
      errors += nearest.0
      phonemes += nearest.1
    }
    return Double(errors) / Double(phonemes)
  }
}

/// Levenshtein's distance: the fewest insertions, deletions and replacements that make one sequence the other.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let replaced = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, min(row[j], diagonal) + 1)
    }
  }
  return row[b.count]
}
