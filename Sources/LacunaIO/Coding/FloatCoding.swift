// f32 values: sign, exponent and three bits of the fraction entropy-coded, the other 20 bits as planes.
//
//     31 30        23 22   20 19   16 15             8 7              0
//     ┌──┬───────────┬───────┬───────┬────────────────┬────────────────┐
//     │± │ exponent  │ fraction                                        │
//     └──┴───────────┴───────┴───────┴────────────────┴────────────────┘
//      head, 12 bits         │ nibble│ byte           │ byte
//
// The weights that pruning keeps span a few powers of two, so that few of the 4096 heads occur and
// some of them often: about 3 bits of the 12 are information. The rest of the fraction is noise, and is
// stored as it is, unless the values were rounded (to half precision, say) and coding it pays.

/// f32 values with fewer bits for sign and exponent.
///
///     u8         number of heads, at most 255
///     u16 …      the heads
///     symbols    for each value the number of its head, or that number of heads (`RowClasses`)
///     u16 …      the heads that are not in the list, for values with the last symbol
///     symbols    nibbles, two a byte, low one first; upper bytes; lower bytes (`SymbolCoding`)
enum FloatCoding {
  private static let mostHeads = 255

  /// Appends `values`; row `i` holds `offsets[i]..<offsets[i + 1]` of them.
  static func write(_ values: [Float], offsets: [Int], to writer: inout ByteWriter) {
    var counts = [Int](repeating: 0, count: 4096)
    for value in values { counts[Int(value.bitPattern >> 20)] += 1 }
    // The most frequent ones, in numerical order: neighbours have similar frequencies.
    let heads = (0..<4096).filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
      .prefix(mostHeads).sorted()
    var symbolOfHead = [UInt8](repeating: UInt8(heads.count), count: 4096)
    for (symbol, head) in heads.enumerated() { symbolOfHead[head] = UInt8(symbol) }
    let symbols = values.map { symbolOfHead[Int($0.bitPattern >> 20)] }
    writer.integer(UInt8(heads.count))
    for head in heads { writer.integer(UInt16(head)) }
    RowClasses.write(symbols, offsets: offsets, to: &writer)
    for (value, symbol) in zip(values, symbols) where symbol == UInt8(heads.count) {
      writer.integer(UInt16(value.bitPattern >> 20))
    }
    var nibbles = [UInt8](repeating: 0, count: (values.count + 1) / 2)
    for (number, value) in values.enumerated() {
      nibbles[number >> 1] |= UInt8(value.bitPattern >> 16 & 15) << (number & 1 == 0 ? 0 : 4)
    }
    SymbolCoding.write(nibbles, to: &writer)
    for shift in [UInt32(8), 0] {
      SymbolCoding.write(
        values.map { UInt8(truncatingIfNeeded: $0.bitPattern >> shift) }, to: &writer)
    }
  }

  static func read(_ reader: inout ByteReader, offsets: [Int]) throws(DataProblem) -> [Float] {
    let count = offsets.last ?? 0
    let headCount = Int(try reader.integer(UInt8.self, "the heads"))
    var heads: [UInt32] = []
    func head(_ reader: inout ByteReader) throws(DataProblem) -> UInt32 {
      let head = try reader.integer(UInt16.self, "the heads")
      if head > 4095 {
        throw .outOfRange(what: "a head", value: Int(head), lowest: 0, highest: 4095)
      }
      return UInt32(head) << 20
    }
    for _ in 0..<headCount { heads.append(try head(&reader)) }
    let symbols = try RowClasses.read(&reader, offsets: offsets)
    var others: [UInt32] = []
    for symbol in symbols where symbol >= headCount {
      if symbol > headCount {
        throw .outOfRange(
          what: "number of a head", value: Int(symbol), lowest: 0, highest: headCount)
      }
      others.append(try head(&reader))
    }
    let nibbles = try SymbolCoding.read(&reader, count: (count + 1) / 2)
    let upper = try SymbolCoding.read(&reader, count: count)
    let lower = try SymbolCoding.read(&reader, count: count)
    var nextOther = 0
    var values: [Float] = []
    values.reserveCapacity(count)
    for number in 0..<count {
      let symbol = Int(symbols[number])
      var bits: UInt32
      if symbol < headCount {
        bits = heads[symbol]
      } else {
        bits = others[nextOther]
        nextOther += 1
      }
      bits |= UInt32(nibbles[number >> 1] >> (number & 1 == 0 ? 0 : 4) & 15) << 16
      values.append(Float(bitPattern: bits | UInt32(upper[number]) << 8 | UInt32(lower[number])))
    }
    return values
  }
}
