// Protobuf's wire format, written: single fields, and old files whose inner messages changed.

import LacunaIO

/// Fields of a message under construction.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ other: [UInt8]) { bytes += other }

  mutating func varint(_ field: Int, _ value: UInt64) {
    bytes += Self.varint(UInt64(field) << 3)
    bytes += Self.varint(value)
  }

  mutating func bytes(_ field: Int, _ content: some Collection<UInt8>) {
    start(field, count: content.count)
    bytes += content
  }

  /// Tag and length of a field whose `count` bytes follow.
  mutating func start(_ field: Int, count: Int) {
    bytes += Self.varint(UInt64(field) << 3 | 2)
    bytes += Self.varint(UInt64(count))
  }

  /// The shortest spelling.
  static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, bytes): (UInt64, [UInt8]) = (value, [])
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}

/// A message inside others: when its content grows, so do the lengths of all around it.
struct WireScope {
  /// The message around it, by its place in the list of scopes, which comes before; nil for the file.
  let parent: Int?
  /// The varint of its length.
  let length: Range<Int>
  let payload: Range<Int>
}

/// Completes `splices` with those of the lengths that they change.
///
/// - Parameters:
///   - splices: Replaced fields, each with the innermost scope that it lies in.
///   - scopes: Parents before children.
/// - Returns: All splices in the order of the file.
func withLengths(
  _ splices: [(splice: Splice, scope: Int?)], _ scopes: [WireScope]
) -> [Splice] {
  var growth = [Int](repeating: 0, count: scopes.count)
  var all: [Splice] = []
  for (splice, scope) in splices {
    all.append(splice)
    if let scope { growth[scope] += splice.growth }
  }
  // Children first: the length of a length counts for the parent.
  for index in scopes.indices.reversed() where growth[index] != 0 {
    let scope = scopes[index]
    let length = Splice(
      range: scope.length,
      pieces: [.bytes(WireWriter.varint(UInt64(scope.payload.count + growth[index])))])
    all.append(length)
    if let parent = scope.parent { growth[parent] += growth[index] + length.growth }
  }
  return all.sorted { $0.range.lowerBound < $1.range.lowerBound }
}
