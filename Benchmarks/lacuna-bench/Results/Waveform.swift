// RIFF/WAVE, 16-bit PCM, one channel → samples in −1 ..< 1.

import Lacuna

/// A recording.
struct Waveform {
  /// 8000 of them a second.
  let samples: [Float]

  static let rate = 8000

  init(contentsOf path: String) throws {
    let bytes = try readInput(path, hint: "a recording is missing")
    func word(_ at: Int, _ size: Int) -> Int {
      (0..<size).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
    func isTag(_ tag: String, _ at: Int) -> Bool { Array(bytes[at..<at + 4]) == Array(tag.utf8) }
    func refuse(_ reason: String) -> Failure { Failure(.badData, "\(path): \(reason)") }
    guard bytes.count >= 12, isTag("RIFF", 0), isTag("WAVE", 8) else {
      throw refuse("no WAVE file")
    }
    var place = 12
    var isKnown = false
    while place + 8 <= bytes.count {
      let size = word(place + 4, 4)
      let start = place + 8
      if isTag("fmt ", place), size >= 16, start + 16 <= bytes.count {
        let (format, channels, rate, bits) = (
          word(start, 2), word(start + 2, 2), word(start + 4, 4), word(start + 14, 2)
        )
        guard format == 1, channels == 1, rate == Self.rate, bits == 16 else {
          throw refuse("format \(format), \(channels) channels, \(rate) Hz, \(bits) bits")
        }
        isKnown = true
      } else if isTag("data", place), isKnown {
        let end = min(start + size, bytes.count)
        samples = stride(from: start, to: end - 1, by: 2).map {
          Float(Int16(truncatingIfNeeded: word($0, 2))) / 32768
        }
        return
      }
      place = start + size + size % 2
    }
    throw refuse("no samples")
  }
}
