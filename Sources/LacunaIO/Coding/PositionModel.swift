// logit P(i, j kept) = row(i) + column(j) + context(neighbours of (i, j)): the model of positions.
//
// Rows of a pruned layer differ in density because outputs differ in importance, columns because
// inputs do; and a kept weight makes others likely: for a layer behind an image of 7×7×64 the same
// channel one place further on is 64 columns away. The encoder looks for such distances
// ("lags"), fits the parameters and writes them in sixteenths; the decoder only adds three of them and
// looks up a probability. Parameters that do not pay for themselves are zero and cost next to nothing.

/// The parameters of the position model.
struct PositionModel {
  /// At most this many lags.
  static let mostLags = 4
  /// The largest distance to a neighbour in the row.
  static let highestLag = 4095

  /// Distances to earlier columns of the same row: bit `l` of a context says that the entry `lags[l]`
  /// to the left is kept.
  var lags: [Int] = []
  /// Whether the top bit of a context says that the entry above is kept.
  var usesAbove = false
  var rows: [Int8]
  var columns: [Int8]
  /// One for each combination of neighbours: `1 << contextBits`.
  var contexts: [Int8]

  var contextBits: Int { lags.count + (usesAbove ? 1 : 0) }

  func write(to writer: inout ByteWriter) {
    writer.integer(UInt8(lags.count | (usesAbove ? 0x80 : 0)))
    for lag in lags { writer.varint(lag) }
    for parameters in [contexts, rows, columns] {
      SymbolCoding.write(parameters.map { UInt8(bitPattern: $0) }, to: &writer)
    }
  }

  init(_ reader: inout ByteReader, rows rowCount: Int, columns columnCount: Int) throws(DataProblem)
  {
    let flags = try reader.integer(UInt8.self, "the position model")
    let count = Int(flags & 0x7F)
    if count > Self.mostLags {
      throw .outOfRange(what: "number of lags", value: count, lowest: 0, highest: Self.mostLags)
    }
    usesAbove = flags & 0x80 != 0
    for _ in 0..<count {
      let lag = try reader.varint("a lag")
      if lag < 1 || lag > Self.highestLag {
        throw .outOfRange(what: "a lag", value: lag, lowest: 1, highest: Self.highestLag)
      }
      lags.append(lag)
    }
    let contextCount = 1 << (count + (usesAbove ? 1 : 0))
    contexts = try SymbolCoding.read(&reader, count: contextCount).map { Int8(bitPattern: $0) }
    rows = try SymbolCoding.read(&reader, count: rowCount).map { Int8(bitPattern: $0) }
    columns = try SymbolCoding.read(&reader, count: columnCount).map { Int8(bitPattern: $0) }
  }

  init(lags: [Int], usesAbove: Bool, rows: [Int8], columns: [Int8], contexts: [Int8]) {
    (self.lags, self.usesAbove) = (lags, usesAbove)
    (self.rows, self.columns, self.contexts) = (rows, columns, contexts)
  }
}
