// Sections → tensors, with the checks around decoding.

import LacunaFormats

extension LacunaReader {
  /// The tensor of a record.
  func decoded(_ record: TensorRecord) throws(DataProblem) -> StoredTensor {
    switch record.kind {
    case .bytes: return .bytes(try bytes(record, .values))
    case .bitMask: return .bitMask(try mask(record))
    case .dense:
      let values = try floats(record, .values, offsets: [0, record.entries])
      return try problem { () throws(FormatError) in
        try .dense(shape: record.shape, values: values)
      }
    case .sparse, .blockSparse, .quantizedSparse, .quantizedBlockSparse, .bf16Sparse, .f16Sparse,
      .bf16BlockSparse, .f16BlockSparse, .codebookSparse:
      let tensor = try sparse(record)
      return try problem { () throws(FormatError) in .weights(try tensor.shaped(record.shape)) }
    }
  }

  /// The stored entries of a record that has such, as a matrix.
  private func sparse(_ record: TensorRecord) throws(DataProblem) -> SparseTensor {
    let pattern = try positions(record)
    let offsets = pattern.valueOffsets(record.block)
    switch record.kind {
    case .quantizedSparse, .quantizedBlockSparse:
      let values = try integers(record, offsets: offsets)
      let scales = try scales(record)
      return try problem { () throws(FormatError) in
        record.kind.isBlocked
          ? SparseTensor(
            try QuantizedBSR(
              rows: record.rows, columns: record.columns, block: record.block,
              blockPattern: pattern, values: values, scales: scales))
          : SparseTensor(try QuantizedCSR(pattern: pattern, values: values, scales: scales))
      }
    case .codebookSparse:
      let codes = try symbols(record, offsets: offsets) { $0 }
      let book = try floats(record, .codebook, offsets: [0, try record.section(.codebook).count])
      return try problem { () throws(FormatError) in
        SparseTensor(try CodebookCSR(pattern: pattern, codes: codes, codebook: book))
      }
    case .bf16Sparse, .bf16BlockSparse:
      return try sparse(record, pattern, try narrow(record, offsets) as [BFloat16])
    case .f16Sparse, .f16BlockSparse:
      return try sparse(record, pattern, try narrow(record, offsets) as [Float16])
    case .sparse, .blockSparse, .dense, .bitMask, .bytes:
      return try sparse(record, pattern, try floats(record, .values, offsets: offsets))
    }
  }

  private func sparse<Scalar: StoredScalar>(
    _ record: TensorRecord, _ pattern: CSRPattern, _ values: [Scalar]
  ) throws(DataProblem) -> SparseTensor {
    try problem { () throws(FormatError) in
      record.kind.isBlocked
        ? SparseTensor(
          try BSRMatrix(
            rows: record.rows, columns: record.columns, block: record.block,
            blockPattern: pattern, values: values))
        : SparseTensor(try CSRMatrix(pattern: pattern, values: values))
    }
  }

  /// The raw section's length is that of its elements.
  func checkRawLength(
    _ section: SectionRecord, size: Int, of owner: String
  ) throws(DataProblem) {
    let expected = section.count * size
    if section.codec != .raw {
      throw .unsupported(
        what: "codec of the \(section.role) of \(owner)", found: "\(section.codec)")
    }
    if section.length != expected {
      throw .mismatch(
        what: "length of the \(section.role) of \(owner)", expected: expected,
        actual: section.length)
    }
  }

  private func floats(
    _ record: TensorRecord, _ role: SectionRole, offsets: [Int]
  ) throws(DataProblem) -> [Float] {
    let section = try record.section(role)
    let slice = try contents(section, of: record.name)
    if section.codec == .floatHeads {
      var reader = ByteReader(slice)
      let values = try FloatCoding.read(&reader, offsets: offsets)
      try reader.end()
      return values
    }
    try checkRawLength(section, size: 4, of: record.name)
    return slice.withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: section.count) { values, count in
        UnsafeMutableRawBufferPointer(values).copyMemory(from: bytes)
        count = section.count
      }
    }
  }

  private func narrow<Scalar: NarrowScalar>(
    _ record: TensorRecord, _ offsets: [Int]
  ) throws(DataProblem) -> [Scalar] {
    let section = try record.section(.values)
    if section.codec == .floatHeads {
      var values: [Scalar] = []
      values.reserveCapacity(section.count)
      for (position, wide) in try floats(record, .values, offsets: offsets).enumerated() {
        guard let value = Scalar(keeping: wide) else {
          throw .unsupported(
            what: "value \(position) of \(record.name)",
            found: "\(wide), which is not one of \(Scalar.numberType)")
        }
        values.append(value)
      }
      return values
    }
    let slice = try contents(section, of: record.name)
    try checkRawLength(section, size: 2, of: record.name)
    var reader = ByteReader(slice)
    var values: [Scalar] = []
    values.reserveCapacity(section.count)
    for _ in 0..<section.count {
      values.append(Scalar(bitPattern: try reader.integer(UInt16.self, record.name)))
    }
    return values
  }

  private func scales(_ record: TensorRecord) throws(DataProblem) -> [Float] {
    let scales = try floats(record, .scales, offsets: [0, record.rows])
    if let row = scales.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
      throw .unsupported(what: "scale of row \(row) of \(record.name)", found: "\(scales[row])")
    }
    return scales
  }

  private func bytes(
    _ record: TensorRecord, _ role: SectionRole
  ) throws(DataProblem) -> [UInt8] {
    let section = try record.section(role)
    return try Self.decodedBytes(section, try contents(section, of: record.name), record.name)
  }

  private func integers(
    _ record: TensorRecord, offsets: [Int]
  ) throws(DataProblem) -> [Int8] {
    let values = try symbols(record, offsets: offsets) { $0 ^ 0x80 }.map {
      Int8(bitPattern: $0 ^ 0x80)
    }
    if let position = values.firstIndex(of: -128) {
      throw .outOfRange(
        what: "value \(position) of \(record.name)", value: -128, lowest: -127, highest: 127)
    }
    return values
  }

  /// Symbols of rows; `symbol` gives the one of a byte that is not coded.
  private func symbols(
    _ record: TensorRecord, offsets: [Int], symbol: (UInt8) -> UInt8
  ) throws(DataProblem) -> [UInt8] {
    let section = try record.section(.values)
    let slice = try contents(section, of: record.name)
    if section.codec == .rowClasses {
      var reader = ByteReader(slice)
      let symbols = try RowClasses.read(&reader, offsets: offsets)
      if record.kind == .codebookSparse {
        try reader.end(paddedToHold: symbols.count)
      } else {
        try reader.end()
      }
      return symbols
    }
    try checkRawLength(section, size: 1, of: record.name)
    return slice.array.map(symbol)
  }

  private func mask(_ record: TensorRecord) throws(DataProblem) -> BitMask {
    let section = try record.section(.positions)
    let wordsPerRow = (record.columns + 63) / 64
    // Rows and columns were multiplied before without overflow.
    let words = record.rows * wordsPerRow
    if section.codec != .raw {
      let highest = ContainerLayout.highestCount(length: section.length)
      if words > highest {
        throw .outOfRange(
          what: "mask words of \(record.name)", value: words, lowest: 0, highest: highest)
      }
      return BitMask(try positions(record))
    }
    let slice = try contents(section, of: record.name)
    if slice.count != words * 8 {
      throw .mismatch(
        what: "length of the mask \(record.name)", expected: words * 8, actual: slice.count)
    }
    var reader = ByteReader(slice)
    var mask = try problem { () throws(FormatError) in
      try BitMask(rows: record.rows, columns: record.columns)
    }
    for word in 0..<words { mask.words[word] = try reader.integer(UInt64.self, record.name) }
    let last = UInt64(record.columns % 64)
    if last > 0 {
      for row in 0..<record.rows where mask.words[(row + 1) * wordsPerRow - 1] >> last != 0 {
        throw .unsupported(
          what: "padding of row \(row) of \(record.name)", found: "other than zeros")
      }
    }
    if mask.keptCount != record.entries {
      throw .mismatch(
        what: "ones of \(record.name)", expected: record.entries, actual: mask.keptCount)
    }
    return mask
  }

  private func positions(_ record: TensorRecord) throws(DataProblem) -> CSRPattern {
    let section = try record.section(.positions)
    let slice = try contents(section, of: record.name)
    let grid = record.block.grid(rows: record.rows, columns: record.columns)
    switch section.codec {
    case .gaps:
      return try decodedGaps(slice, rows: grid.rows, columns: grid.columns, nnz: record.entries)
    case .gapClasses:
      return try GapCoding.decoded(
        slice, rows: grid.rows, columns: grid.columns, nnz: record.entries)
    case .slots:
      return try PositionCoding.decoded(
        slice, rows: grid.rows, columns: grid.columns, nnz: record.entries)
    default:
      throw .unsupported(
        what: "codec of the positions of \(record.name)", found: "\(section.codec)")
    }
  }

  static func decodedBytes(
    _ section: SectionRecord, _ slice: ByteSlice, _ owner: String
  ) throws(DataProblem) -> [UInt8] {
    switch section.codec {
    case .raw:
      if section.length != section.count {
        throw .mismatch(
          what: "length of \(owner)", expected: section.count, actual: section.length)
      }
      return slice.array
    case .deflate:
      let stream = try InflateStream(slice, .raw, "the \(section.role) of \(owner)")
      let bytes = try stream.read(upTo: section.count)
      if bytes.count < section.count {
        throw .truncated(
          what: "the \(section.role) of \(owner)", needed: section.count, available: bytes.count)
      }
      try stream.end()
      return bytes
    case .gaps, .slots, .rowClasses, .floatHeads, .gapClasses:
      throw .unsupported(what: "codec of \(owner)", found: "\(section.codec)")
    }
  }

  static func decodedMetadata(
    _ section: SectionRecord, _ slice: ByteSlice
  ) throws(DataProblem) -> [String: String] {
    var reader = ByteReader(try decodedBytes(section, slice, "the metadata"))
    var metadata: [String: String] = [:]
    while reader.remaining > 0 {
      let key = try reader.string(try reader.varint("the metadata"), "a metadata key")
      let value = try reader.string(try reader.varint("the metadata"), "metadata \(key)")
      if metadata.updateValue(value, forKey: key) != nil { throw .duplicateName(key) }
    }
    return metadata
  }
}

/// Row counts and gaps back to a pattern; what comes out is valid by construction.
private func decodedGaps(
  _ slice: ByteSlice, rows: Int, columns: Int, nnz: Int
) throws(DataProblem) -> CSRPattern {
  var reader = ByteReader(slice)
  var (offsets, indices): ([Int], [Int]) = ([0], [])
  offsets.reserveCapacity(rows + 1)
  indices.reserveCapacity(nnz)
  for row in 0..<rows {
    let count = try reader.varint("the count of row \(row)")
    if count > nnz - indices.count {
      throw .outOfRange(
        what: "count of row \(row)", value: count, lowest: 0, highest: nnz - indices.count)
    }
    var next = 0
    for _ in 0..<count {
      let gap = try reader.varint("the gaps of row \(row)")
      if gap >= columns - next {
        throw .outOfRange(
          what: "a gap in row \(row)", value: gap, lowest: 0, highest: columns - next - 1)
      }
      indices.append(next + gap)
      next += gap + 1
    }
    offsets.append(indices.count)
  }
  try reader.end()
  if indices.count != nnz {
    throw .mismatch(what: "number of entries", expected: nnz, actual: indices.count)
  }
  return CSRPattern(
    unchecked: rows, columns, offsets, IndexVector(packing: indices, limit: columns))
}

/// What `body` gives, a format's error wrapped as one of data.
func problem<R>(_ body: () throws(FormatError) -> R) throws(DataProblem) -> R {
  do throws(FormatError) { return try body() } catch { throw .matrix(error) }
}
