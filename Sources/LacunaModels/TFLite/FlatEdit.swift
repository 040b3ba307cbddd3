// A flatbuffer whose vectors change their size: what is where afterwards.

import LacunaIO

/// Ranges of a file that are replaced, and where everything else moves.
///
/// All that is not replaced keeps its bytes; only offsets that lead across a place where bytes were
/// added or taken are adjusted. Sizes change by multiples of 16, so that everything stays aligned.
struct FlatEdit {
  private(set) var splices: [Splice] = []
  /// Where each splice ends, and how much longer the file is from there on.
  private var ends: [(end: Int, growth: Int)] = []

  /// Puts `count` bytes in the place of the vector whose elements are at `data`, and its new length.
  mutating func replaceVector(_ data: Range<Int>, count: Int, _ piece: FileImage.Piece) {
    let padding = ((data.count - count) % 16 + 16) % 16
    let length = withUnsafeBytes(of: UInt32(count).littleEndian) { [UInt8]($0) }
    splices.append(
      Splice(
        range: data.lowerBound - 4..<data.upperBound,
        pieces: [.bytes(length), piece, .bytes([UInt8](repeating: 0, count: padding))]))
  }

  /// Puts as many bytes as before in the place of `range`.
  mutating func replaceContent(_ range: Range<Int>, _ piece: FileImage.Piece) {
    splices.append(Splice(range: range, pieces: [piece]))
  }

  /// Makes room for `count` bytes before the one at `place`; what they are is said later.
  mutating func insert(_ count: Int, at place: Int) {
    if count == 0 { return }
    let room = FileImage.Piece.bytes([UInt8](repeating: 0, count: count))
    splices.append(Splice(range: place..<place, pieces: [room]))
  }

  /// Says what the first bytes of the room at `place` are.
  mutating func fill(_ place: Int, _ bytes: [UInt8]) {
    for index in splices.indices where splices[index].range == place..<place {
      let rest = splices[index].growth - bytes.count
      splices[index].pieces = [.bytes(bytes + [UInt8](repeating: 0, count: rest))]
    }
  }

  /// Called when all replacements are known, before the file is looked at.
  ///
  /// - Throws: `DataProblem/unsupported(what:found:)` when two of them overlap.
  mutating func settle() throws(DataProblem) {
    // Room before an object comes before what replaces it.
    splices.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for (first, second) in zip(splices, splices.dropFirst())
    where first.range.upperBound > second.range.lowerBound {
      throw .unsupported(
        what: "an object at byte \(second.range.lowerBound)", found: "that overlaps another")
    }
    var growth = 0
    ends = splices.map { splice in
      growth += splice.growth
      return (splice.range.upperBound, growth)
    }
  }

  /// The number of splices that end at or before `place`.
  private func passed(_ place: Int) -> Int {
    var (low, high) = (0, ends.count)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle].end <= place { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Where what was at `place` is now.
  func moved(_ place: Int) -> Int {
    let passed = passed(place)
    return passed == 0 ? place : place + ends[passed - 1].growth
  }

  /// Whether the byte at `place` is replaced; the start of a vector may be led to.
  func replaces(_ place: Int) -> Bool {
    let next = passed(place)
    return next < splices.count && splices[next].range.lowerBound < place
  }
}
