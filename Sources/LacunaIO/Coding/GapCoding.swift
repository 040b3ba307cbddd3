// A sparsity pattern ↔ bytes: the zeros before each entry of a row are a symbol, coded by the class of its row.
//
//     u8        bytes of the largest number of symbols in a row
//     symbols   how many each row has, a plane for each byte (`SymbolCoding`)
//     u8        bounds between classes of rows
//     varint …  the bounds: a row is of the class of as many bounds as it has at least so many symbols for
//     symbols   all symbols, with a table for each class
//     zeros     as many as a reader needs to believe the number of symbols
//
// Where entries are kept at random, the gap to the next one does not depend on anything but the density: coding gaps
// takes as many bits as coding slots, one by one, and decoding them as much less time as there are zeros between two
// entries. Rows differ in density, and the number of their symbols says which table suits. What columns and neighbours tell is
// given up; the writer codes slots where that is worth much.

import LacunaFormats

enum GapCoding {
  /// The symbol that says: as many zeros, and another symbol follows. Where entries are at random, it costs
  /// what a longer code would.
  private static let longest = 255

  private static let mostBounds = 63

  /// The class of each row.
  private static func classes(_ counts: [Int], _ bounds: [Int]) -> [UInt8] {
    counts.map { count in bounds.reduce(0) { $0 + (count >= $1 ? 1 : 0) } }
  }

  /// Bytes that the writer takes more for, since they are read ten times as fast as those of slots.
  static func isPreferred(_ length: Int, to slots: Int) -> Bool {
    Double(length) <= 1.03 * Double(slots)
  }

  /// Whether so many bytes may hold so many symbols: a false number must not make a reader allocate.
  private static func allows(symbols: Int, length: Int) -> Bool {
    symbols <= ContainerLayout.highestCount(length: length)
  }

  /// The bytes of a pattern; nil when gaps are much longer than a symbol. Of one so regular that a reader would
  /// not believe them, with zeros behind.
  static func encoded(_ pattern: CSRPattern) -> [UInt8]? {
    var (symbols, offsets): ([UInt8], [Int]) = ([], [0])
    symbols.reserveCapacity(pattern.nnz + pattern.nnz / 8)
    // In a row of a billion columns a gap may take millions of symbols: varints are for such.
    let most = 2 * pattern.nnz + 1 << 16
    for row in 0..<pattern.rows {
      var next = 0
      for position in pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1] {
        let column = pattern.columnIndices[position]
        var gap = column - next
        if gap / longest > most - symbols.count { return nil }
        while gap >= longest {
          symbols.append(UInt8(longest))
          gap -= longest
        }
        symbols.append(UInt8(gap))
        next = column + 1
      }
      offsets.append(symbols.count)
    }
    var writer = ByteWriter()
    let counts = (0..<pattern.rows).map { offsets[$0 + 1] - offsets[$0] }
    let planes = (64 - (counts.max() ?? 0).leadingZeroBitCount + 7) / 8
    writer.integer(UInt8(planes))
    for plane in 0..<planes {
      SymbolCoding.write(
        counts.map { UInt8(truncatingIfNeeded: $0 >> (8 * plane)) }, to: &writer)
    }
    var best: [UInt8] = []
    let sorted = counts.sorted()
    for classes in [1, 4, 8, 16] where classes == 1 || symbols.count >= classes * 512 {
      var bounds: [Int] = []
      for number in 1..<classes {
        let bound = sorted[number * counts.count / classes]
        if bound > bounds.last ?? 0 { bounds.append(bound) }
      }
      var candidate = ByteWriter()
      candidate.integer(UInt8(bounds.count))
      for bound in bounds { candidate.varint(bound) }
      SymbolCoding.write(
        symbols, contexts: RowClasses.spread(Self.classes(counts, bounds), offsets),
        contextCount: bounds.count + 1, to: &candidate)
      if best.isEmpty || candidate.count < best.count { best = candidate.bytes }
    }
    writer.append(best)
    writer.pad(toHold: max(symbols.count, pattern.rows + pattern.nnz))
    return writer.bytes
  }

  /// The pattern that ``encoded(_:)`` made; valid by construction.
  static func decoded(
    _ slice: ByteSlice, rows: Int, columns: Int, nnz: Int
  ) throws(DataProblem) -> CSRPattern {
    var reader = ByteReader(slice)
    let planes = Int(try reader.integer(UInt8.self, "symbols of rows"))
    if planes > 4 {
      throw .outOfRange(what: "bytes of a row's symbols", value: planes, lowest: 0, highest: 4)
    }
    var counts = [Int](repeating: 0, count: rows)
    for plane in 0..<planes {
      for (row, byte) in try SymbolCoding.read(&reader, count: rows).enumerated() {
        counts[row] |= Int(byte) << (8 * plane)
      }
    }
    // Sums of at most 2³² numbers below 2³².
    var offsets = [0]
    offsets.reserveCapacity(rows + 1)
    for count in counts { offsets.append(offsets[offsets.count - 1] + count) }
    let all = offsets[rows]
    if all < nnz || !allows(symbols: all, length: slice.count) {
      throw .outOfRange(
        what: "symbols of positions", value: all, lowest: nnz,
        highest: ContainerLayout.highestCount(length: slice.count))
    }
    let boundCount = Int(try reader.integer(UInt8.self, "classes of rows"))
    if boundCount > mostBounds {
      throw .outOfRange(
        what: "bounds of classes", value: boundCount, lowest: 0, highest: mostBounds)
    }
    var bounds: [Int] = []
    for _ in 0..<boundCount { bounds.append(try reader.varint("the bound of a class")) }
    let symbols = try SymbolCoding.read(
      &reader, count: all, contexts: RowClasses.spread(classes(counts, bounds), offsets),
      contextCount: boundCount + 1)
    try reader.end(paddedToHold: max(all, rows + nnz))
    // From here on `counts` holds the entries of each row.
    guard
      let indices =
        IndexVector.fitsIn16Bits(limit: columns)
        ? unfolded(symbols, offsets, &counts, columns, nnz, UInt16.self).map(IndexVector.u16)
        : unfolded(symbols, offsets, &counts, columns, nnz, UInt32.self).map(IndexVector.u32)
    else {
      throw .compressedStream(
        what: "positions", reason: "they leave their rows, or are not \(nnz)")
    }
    offsets[0] = 0
    for row in 0..<rows { offsets[row + 1] = offsets[row] + counts[row] }
    return CSRPattern(unchecked: rows, columns, offsets, indices)
  }

  /// The columns of all entries, and how many there are in each row; nil unless they lie in the rows, are `nnz` in
  /// all, and no row ends inside a gap.
  private static func unfolded<Index: FixedWidthInteger & UnsignedInteger>(
    _ symbols: [UInt8], _ offsets: [Int], _ counts: inout [Int], _ columns: Int, _ nnz: Int,
    _: Index.Type
  ) -> [Index]? {
    var isValid = true
    let indices = [Index](unsafeUninitializedCapacity: nnz) { target, filled in
      symbols.withUnsafeBufferPointer { symbols in
        for row in counts.indices {
          let start = filled
          var next = 0
          for place in offsets[row]..<offsets[row + 1] {
            let symbol = Int(symbols[place])
            next &+= symbol
            if symbol == longest { continue }
            // A sum of bytes: it does not overflow, but may lie anywhere.
            if next >= columns || filled == nnz {
              isValid = false
              return
            }
            target[filled] = Index(truncatingIfNeeded: next)
            filled &+= 1
            next &+= 1
          }
          if offsets[row] < offsets[row + 1] && symbols[offsets[row + 1] - 1] == UInt8(longest) {
            isValid = false
          }
          counts[row] = filled - start
        }
      }
      isValid = isValid && filled == nnz
    }
    return isValid ? indices : nil
  }
}
