// Rows whose values are distributed alike share a table of symbols.
//
// In a trained layer the sign and the spread of the weights differ from output to output. A table for each row
// would cost more than it saves; a few tables, each for the rows it suits best, save most of it. The classes are found
// as in Lloyd's algorithm: tables from rows, rows to the table that codes them shortest, and again.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Bytes coded with the table of their row's class.
///
///     u8       number of classes
///     symbols  the class of each row, if there are several (`SymbolCoding`)
///     symbols  the bytes
enum RowClasses {
  static let most = 64

  /// Appends `symbols`; row `i` holds `offsets[i]..<offsets[i + 1]` of them.
  static func write(_ symbols: [UInt8], offsets: [Int], to writer: inout ByteWriter) {
    var best: [UInt8] = []
    for count in [1, 4, 12, 24] where count == 1 || symbols.count >= count * 512 {
      let classes = count == 1 ? [] : found(symbols, offsets, count)
      var candidate = ByteWriter()
      candidate.integer(UInt8(count))
      if count > 1 { SymbolCoding.write(classes, to: &candidate) }
      SymbolCoding.write(
        symbols, contexts: count == 1 ? nil : spread(classes, offsets), contextCount: count,
        to: &candidate)
      if best.isEmpty || candidate.count < best.count { best = candidate.bytes }
    }
    writer.append(best)
  }

  static func read(_ reader: inout ByteReader, offsets: [Int]) throws(DataProblem) -> [UInt8] {
    let count = Int(try reader.integer(UInt8.self, "row classes"))
    if count < 1 || count > most {
      throw .outOfRange(what: "number of row classes", value: count, lowest: 1, highest: most)
    }
    let total = offsets.last ?? 0
    if count == 1 { return try SymbolCoding.read(&reader, count: total) }
    let classes = try SymbolCoding.read(&reader, count: offsets.count - 1)
    if let row = classes.firstIndex(where: { $0 >= count }) {
      throw .outOfRange(
        what: "class of row \(row)", value: Int(classes[row]), lowest: 0, highest: count - 1)
    }
    return try SymbolCoding.read(
      &reader, count: total, contexts: spread(classes, offsets), contextCount: count)
  }

  /// The class of each symbol from that of its row.
  static func spread(_ classes: [UInt8], _ offsets: [Int]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: offsets.last ?? 0) { target, filled in
      for (row, value) in classes.enumerated() {
        target[offsets[row]..<offsets[row + 1]].update(repeating: value)
      }
      filled = offsets.last ?? 0
    }
  }

  /// The classes that code the rows shortest, as far as a few rounds find them.
  private static func found(_ symbols: [UInt8], _ offsets: [Int], _ count: Int) -> [UInt8] {
    let rows = offsets.count - 1
    // Start from rows in the order of their mean symbol, cut into equal parts.
    let means = (0..<rows).map { row in
      let range = offsets[row]..<offsets[row + 1]
      return range.reduce(0.0) { $0 + Double(symbols[$1]) } / Double(max(1, range.count))
    }
    var classes = [UInt8](repeating: 0, count: rows)
    let order = (0..<rows).sorted { (means[$0], $0) < (means[$1], $1) }
    for (rank, row) in order.enumerated() { classes[row] = UInt8(rank * count / rows) }
    for _ in 0..<6 {
      var counts = [Float](repeating: 0.1, count: count * 256)
      for row in 0..<rows {
        for p in offsets[row]..<offsets[row + 1] {
          counts[Int(classes[row]) << 8 | Int(symbols[p])] += 1
        }
      }
      var costs = counts
      for n in 0..<count {
        let sum = counts[n << 8..<(n + 1) << 8].reduce(0, +)
        for symbol in 0..<256 { costs[n << 8 | symbol] = log2(sum / counts[n << 8 | symbol]) }
      }
      costs.withUnsafeBufferPointer { costs in
        for row in 0..<rows {
          var best = (cost: Float.infinity, number: 0)
          for n in 0..<count {
            var cost: Float = 0
            for p in offsets[row]..<offsets[row + 1] { cost += costs[n << 8 | Int(symbols[p])] }
            if cost < best.cost { best = (cost, n) }
          }
          classes[row] = UInt8(best.number)
        }
      }
    }
    return classes
  }
}
