// Tensors → sections: which codec for which part.

import LacunaFormats

extension StoredTensor {
  /// The tensor's sections in the order that the layout asks for.
  ///
  /// - Throws: ``DataProblem`` for weights of a type that files do not hold in their format.
  func encodedSections() throws(DataProblem) -> [EncodedSection] {
    switch self {
    case .bytes(let bytes): [EncodedSection(bytes: bytes, role: .values)]
    case .bitMask(let mask): [EncodedSection(mask: mask)]
    case .weights(let tensor): try Self.sections(tensor)
    }
  }

  private static func sections(_ tensor: SparseTensor) throws(DataProblem) -> [EncodedSection] {
    switch tensor.storage {
    case .f32(let matrix):
      guard let (pattern, offsets) = matrix.layout else {
        return [EncodedSection(raw: matrix.values, role: .values)]
      }
      return [
        EncodedSection(positions: pattern),
        EncodedSection(floats: matrix.values, offsets: offsets, role: .values),
      ]
    case .bf16(let matrix): return try sections(matrix)
    case .f16(let matrix): return try sections(matrix)
    case .i8(let matrix):
      return [
        EncodedSection(positions: matrix.pattern),
        EncodedSection(
          integers: matrix.values, offsets: matrix.pattern.valueOffsets(matrix.block)),
        EncodedSection(floats: matrix.scales, offsets: [0, matrix.rows], role: .scales),
      ]
    case .codebook(let matrix):
      return [
        EncodedSection(positions: matrix.pattern),
        EncodedSection(codes: matrix.codes, offsets: matrix.pattern.rowOffsets),
        EncodedSection(
          floats: matrix.codebook, offsets: [0, matrix.codebook.count], role: .codebook),
      ]
    case .f64: throw .unsupported(what: "f64 weights", found: "in a .lacuna file")
    }
  }

  private static func sections<Scalar: NarrowScalar>(
    _ matrix: StoredMatrix<Scalar>
  ) throws(DataProblem) -> [EncodedSection] {
    guard let (pattern, offsets) = matrix.layout else {
      throw .unsupported(
        what: "dense \(Scalar.numberType) weights", found: "in a .lacuna file")
    }
    let values = matrix.values
    return [
      EncodedSection(positions: pattern),
      EncodedSection(
        narrow: values.map(\.bitPattern), widened: values.map(\.widened), offsets: offsets),
    ]
  }
}

extension StoredMatrix {
  /// What is stored, and where each row's values start; nil for a dense matrix.
  fileprivate var layout: (pattern: CSRPattern, offsets: [Int])? {
    storedPattern.map { ($0, $0.valueOffsets(block)) }
  }
}

extension CSRPattern {
  /// Where each row's values start when an entry is a block of them.
  func valueOffsets(_ block: BlockSize) -> [Int] { rowOffsets.map { $0 * block.area } }
}

extension EncodedSection {
  /// Numbers as they are in memory.
  init(raw values: [Float], role: SectionRole) {
    var writer = ByteWriter()
    writer.append(memoryOf: values)
    self.init(role: role, codec: .raw, bytes: writer.bytes, count: values.count)
  }

  /// Bytes, deflated when that is smaller.
  init(bytes: [UInt8], role: SectionRole) {
    let packed = deflated(bytes, .raw, level: 9)
    let isSmaller =
      packed.count < bytes.count
      && bytes.count <= ContainerLayout.highestCount(length: packed.count)
    self.init(
      role: role, codec: isSmaller ? .deflate : .raw, bytes: isSmaller ? packed : bytes,
      count: bytes.count)
  }

  /// The shortest of the candidates that the layout allows; the last one always is.
  private init(role: SectionRole, count: Int, candidates: [(SectionCodec, [UInt8])]) {
    let allowed = candidates.enumerated().filter { number, candidate in
      number == candidates.count - 1
        || count <= ContainerLayout.highestCount(length: candidate.1.count)
    }
    // Of equal lengths the first one, so that the bytes are the same every time.
    let best = allowed.min { $0.element.1.count < $1.element.1.count }!.element
    self.init(role: role, codec: best.0, bytes: best.1, count: count)
  }

  /// Values of rows that start at `offsets`.
  init(floats values: [Float], offsets: [Int], role: SectionRole) {
    var (coded, raw) = (ByteWriter(), ByteWriter())
    FloatCoding.write(values, offsets: offsets, to: &coded)
    raw.append(memoryOf: values)
    self.init(
      role: role, count: values.count,
      candidates: [(.floatHeads, coded.bytes), (.raw, raw.bytes)])
  }

  /// 16-bit values of rows that start at `offsets`. Widened, the lower bits of their fractions are zeros, which
  /// take next to nothing.
  init(narrow bits: [UInt16], widened values: [Float], offsets: [Int]) {
    var (coded, raw) = (ByteWriter(), ByteWriter())
    FloatCoding.write(values, offsets: offsets, to: &coded)
    raw.append(memoryOf: bits)
    self.init(
      role: .values, count: bits.count,
      candidates: [(.floatHeads, coded.bytes), (.raw, raw.bytes)])
  }

  /// 8-bit values of rows that start at `offsets`.
  init(integers values: [Int8], offsets: [Int]) {
    // Ordered by value, so that a table covers one run of symbols.
    self.init(symbols: values.map { UInt8(bitPattern: $0) ^ 0x80 }, offsets: offsets) { $0 ^ 0x80 }
  }

  /// Codes of rows that start at `offsets`; few of them, so zeros make up for bytes that no reader
  /// would believe.
  init(codes: [UInt8], offsets: [Int]) {
    self.init(symbols: codes, offsets: offsets, isPadded: true) { $0 }
  }

  /// Symbols of rows that start at `offsets`; `plain` gives the byte of one that is not coded.
  private init(
    symbols: [UInt8], offsets: [Int], isPadded: Bool = false, plain: (UInt8) -> UInt8
  ) {
    var coded = ByteWriter()
    RowClasses.write(symbols, offsets: offsets, to: &coded)
    if isPadded { coded.pad(toHold: symbols.count) }
    self.init(
      role: .values, count: symbols.count,
      candidates: [(.rowClasses, coded.bytes), (.raw, symbols.map(plain))])
  }

  /// The ones of a mask; its words as they are when the positions take so few bytes that a reader
  /// would not believe the mask's size.
  init(mask: BitMask) {
    let coded = EncodedSection(positions: CSRPattern(mask))
    if mask.words.count <= ContainerLayout.highestCount(length: coded.bytes.count) {
      self = coded
    } else {
      var raw = ByteWriter()
      raw.append(memoryOf: mask.words)
      self.init(role: .positions, codec: .raw, bytes: raw.bytes, count: coded.count)
    }
  }

  /// Which entries are stored.
  init(positions pattern: CSRPattern) {
    var gaps = ByteWriter()
    for row in 0..<pattern.rows {
      let range = pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1]
      gaps.varint(range.count)
      var next = 0
      for position in range {
        let column = pattern.columnIndices[position]
        gaps.varint(column - next)
        next = column + 1
      }
    }
    var candidates = [(SectionCodec.gaps, gaps.bytes)]
    let coded = GapCoding.encoded(pattern)
    if let coded { candidates.insert((.gapClasses, coded), at: 0) }
    // At least two bits for each entry: do not model what is surely too large.
    if PositionCoding.allows(
      rows: pattern.rows, columns: pattern.columns, length: pattern.nnz / 4)
    {
      let slots = PositionCoding.encoded(pattern, PositionFit(pattern).best())
      if PositionCoding.allows(
        rows: pattern.rows, columns: pattern.columns, length: slots.count),
        coded.map({ !GapCoding.isPreferred($0.count, to: slots.count) }) ?? true
      {
        candidates.insert((.slots, slots), at: 0)
      }
    }
    self.init(role: .positions, count: pattern.rows + pattern.nnz, candidates: candidates)
  }

  /// Sorted keys and their texts, each with its length before it.
  init(metadata: [String: String]) {
    var writer = ByteWriter()
    for key in metadata.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      for text in [key, metadata[key]!] {
        writer.varint(text.utf8.count)
        writer.append(text.utf8)
      }
    }
    self.init(bytes: writer.bytes, role: .metadata)
  }
}
