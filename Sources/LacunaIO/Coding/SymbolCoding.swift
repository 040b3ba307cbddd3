// A sequence of bytes in as many bits as their frequencies ask for, one table for each context.

/// Bytes coded by rANS with static tables, four lanes interleaved.
///
///     u8 mode: 0 the bytes themselves; 1 one byte, repeated; 2 as follows
///     varint   length of the rest
///     bits     a table for each context that occurs (a bit each says which)
///     4 × u64  states
///     u32 …    words
enum SymbolCoding {
  static let lanes = 4

  /// Appends `symbols`. `contexts` gives each one its table; nil means one table for all.
  static func write(
    _ symbols: [UInt8], contexts: [UInt8]? = nil, contextCount: Int = 1,
    to writer: inout ByteWriter
  ) {
    if let first = symbols.first, symbols.allSatisfy({ $0 == first }) {
      writer.integer(UInt8(1))
      writer.integer(first)
      return
    }
    let coded = symbols.count < 16 ? nil : entropyCoded(symbols, contexts, contextCount)
    if let coded, coded.count + 3 < symbols.count {
      writer.integer(UInt8(2))
      writer.varint(coded.count)
      writer.append(coded)
    } else {
      writer.integer(UInt8(0))
      writer.append(symbols)
    }
  }

  private static func entropyCoded(
    _ symbols: [UInt8], _ contexts: [UInt8]?, _ contextCount: Int
  ) -> [UInt8] {
    var counts = [[Int]](repeating: [Int](repeating: 0, count: 256), count: contextCount)
    for (number, symbol) in symbols.enumerated() {
      counts[Int(contexts?[number] ?? 0)][Int(symbol)] += 1
    }
    var bits = BitWriter()
    var tables: [SymbolTable?] = []
    for count in counts {
      let table = count.allSatisfy { $0 == 0 } ? nil : SymbolTable(counts: count)
      bits.put(table == nil ? 0 : 1, width: 1)
      table?.write(to: &bits)
      tables.append(table)
    }
    var encoder = RANSEncoder(lanes: lanes)
    for number in symbols.indices.reversed() {
      let table = tables[Int(contexts?[number] ?? 0)]!
      let symbol = Int(symbols[number])
      encoder.put(
        lane: number % lanes, start: UInt64(table.starts[symbol]),
        frequency: UInt64(table.frequencies[symbol]), bits: SymbolTable.bits)
    }
    var writer = ByteWriter()
    writer.append(bits.finish())
    encoder.finish(into: &writer)
    return writer.bytes
  }

  /// Reads `count` symbols; `contexts` as they were given to ``write(_:contexts:contextCount:to:)``.
  ///
  /// - Precondition: `contexts` holds `count` numbers below `contextCount`.
  static func read(
    _ reader: inout ByteReader, count: Int, contexts: [UInt8]? = nil, contextCount: Int = 1
  ) throws(DataProblem) -> [UInt8] {
    if count == 0 {
      // Written as mode 0 with nothing behind it.
      let mode = try reader.integer(UInt8.self, "coded bytes")
      if mode != 0 { throw .unsupported(what: "mode of coded bytes", found: "\(mode)") }
      return []
    }
    switch try reader.integer(UInt8.self, "coded bytes") {
    case 0: return try reader.slice(count, "coded bytes").array
    case 1:
      return [UInt8](repeating: try reader.integer(UInt8.self, "coded bytes"), count: count)
    case 2:
      let length = try reader.varint("the length of coded bytes")
      let slice = try reader.slice(length, "coded bytes")
      return try decoded(slice, count: count, contexts: contexts, contextCount: contextCount)
    case let mode: throw .unsupported(what: "mode of coded bytes", found: "\(mode)")
    }
  }

  private static func decoded(
    _ slice: ByteSlice, count: Int, contexts: [UInt8]?, contextCount: Int
  ) throws(DataProblem) -> [UInt8] {
    var bits = BitReader(ByteReader(slice))
    // A context without a table has no slots of its own and borrows those of another.
    var slots: [UInt32] = []
    var firstSlots: [Int] = []
    for _ in 0..<contextCount {
      let isPresent = try bits.take(width: 1) == 1
      firstSlots.append(isPresent ? slots.count : 0)
      if isPresent { try SymbolTable(&bits).appendSlots(to: &slots) }
    }
    if slots.isEmpty { throw .absent(what: "a table of symbols") }
    var reader = try bits.finish()
    var states = InlineArray<4, UInt64>(repeating: 0)
    for lane in 0..<lanes { states[lane] = try reader.integer(UInt64.self, "coded bytes") }
    let rest = try reader.slice(reader.remaining, "coded bytes")
    if rest.count % 4 != 0 { throw .trailingBytes(count: rest.count % 4) }
    var isValid = false
    let symbols = rest.withUnsafeBytes { memory in
      [UInt8](unsafeUninitializedCapacity: count) { target, filled in
        var words = RANSWords(memory)
        slots.withUnsafeBufferPointer { slots in
          firstSlots.withUnsafeBufferPointer { firstSlots in
            decode(
              into: target.baseAddress!, count: count, contexts: contexts,
              slots: slots.baseAddress!,
              firstSlots: firstSlots.baseAddress!, states: &states, words: &words)
          }
        }
        filled = count
        isValid = words.isAtEnd && (0..<lanes).allSatisfy { states[$0] == RANSEncoder.lowest }
      }
    }
    if !isValid {
      throw .compressedStream(what: "coded bytes", reason: "they do not end where they should")
    }
    return symbols
  }

  /// Not checked: the pointers hold what the tables say; a slot number is below 4096 by its mask.
  private static func decode(
    into target: UnsafeMutablePointer<UInt8>, count: Int, contexts: [UInt8]?,
    slots: UnsafePointer<UInt32>, firstSlots: UnsafePointer<Int>,
    states: inout InlineArray<4, UInt64>, words: inout RANSWords
  ) {
    var (a, b, c, d) = (states[0], states[1], states[2], states[3])
    @inline(__always) func next(_ x: inout UInt64, _ first: Int) -> UInt8 {
      let entry = slots[first + Int(truncatingIfNeeded: x & 0xFFF)]
      x = (UInt64(entry >> 8 & 0xFFF) &+ 1) &* (x >> 12) &+ UInt64(entry >> 20)
      words.refill(&x)
      return UInt8(truncatingIfNeeded: entry)
    }
    func all(_ first: (Int) -> Int) {
      var number = 0
      while number + 4 <= count {
        target[number] = next(&a, first(number))
        target[number + 1] = next(&b, first(number + 1))
        target[number + 2] = next(&c, first(number + 2))
        target[number + 3] = next(&d, first(number + 3))
        number += 4
      }
      if number < count { target[number] = next(&a, first(number)) }
      if number + 1 < count { target[number + 1] = next(&b, first(number + 1)) }
      if number + 2 < count { target[number + 2] = next(&c, first(number + 2)) }
    }
    if let contexts {
      contexts.withUnsafeBufferPointer { contexts in all { firstSlots[Int(contexts[$0])] } }
    } else {
      all { _ in firstSlots[0] }
    }
    states = [a, b, c, d]
  }
}
