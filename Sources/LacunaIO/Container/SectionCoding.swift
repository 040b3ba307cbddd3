// Tensor ↔ sections: which codec for which part, and the checks around decoding.

import LacunaFormats

extension StoredTensor {
  /// The tensor's sections in the order that the layout asks for.
  var encodedSections: [EncodedSection] {
    switch self {
    case .dense(_, let values): [EncodedSection(raw: values, role: .values)]
    case .bytes(let bytes): [EncodedSection(bytes: bytes, role: .values)]
    case .sparse(_, let matrix):
      [
        EncodedSection(positions: matrix.pattern),
        EncodedSection(raw: matrix.values, role: .values),
      ]
    case .blockSparse(_, let matrix):
      [
        EncodedSection(positions: matrix.blockPattern),
        EncodedSection(raw: matrix.values, role: .values),
      ]
    case .quantizedSparse(_, let matrix):
      [
        EncodedSection(positions: matrix.pattern),
        EncodedSection(bytes: matrix.values.map { UInt8(bitPattern: $0) }, role: .values),
        EncodedSection(raw: matrix.scales, role: .scales),
      ]
    case .quantizedBlockSparse(_, let matrix):
      [
        EncodedSection(positions: matrix.blockPattern),
        EncodedSection(bytes: matrix.values.map { UInt8(bitPattern: $0) }, role: .values),
        EncodedSection(raw: matrix.scales, role: .scales),
      ]
    case .bitMask(let mask): [EncodedSection(positions: CSRPattern(mask))]
    }
  }
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

  /// Row counts and gaps.
  init(positions pattern: CSRPattern) {
    var writer = ByteWriter()
    for row in 0..<pattern.rows {
      let range = pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1]
      writer.varint(range.count)
      var next = 0
      for position in range {
        let column = pattern.columnIndices[position]
        writer.varint(column - next)
        next = column + 1
      }
    }
    self.init(
      role: .positions, codec: .gaps, bytes: writer.bytes, count: pattern.rows + pattern.nnz)
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

extension LacunaReader {
  /// The tensor of a record.
  func decoded(_ record: TensorRecord) throws(DataProblem) -> StoredTensor {
    do {
      switch record.kind {
      case .bytes: return .bytes(try bytes(record, .values))
      case .dense:
        return .dense(shape: record.shape, values: try floats(record, .values))
      case .sparse:
        let matrix = try CSRMatrix(
          pattern: positions(record), values: try floats(record, .values))
        return .sparse(shape: record.shape, matrix)
      case .quantizedSparse:
        let matrix = try QuantizedCSR(
          pattern: positions(record), values: try integers(record), scales: try scales(record))
        return .quantizedSparse(shape: record.shape, matrix)
      case .blockSparse:
        let matrix = try BSRMatrix(
          rows: record.rows, columns: record.columns, block: record.block,
          blockPattern: positions(record), values: floats(record, .values))
        return .blockSparse(shape: record.shape, matrix)
      case .quantizedBlockSparse:
        let matrix = try QuantizedBSR(
          rows: record.rows, columns: record.columns, block: record.block,
          blockPattern: positions(record), values: integers(record), scales: scales(record))
        return .quantizedBlockSparse(shape: record.shape, matrix)
      case .bitMask:
        return .bitMask(BitMask(try positions(record)))
      }
    } catch let error as FormatError {
      throw DataProblem.matrix(error)
    } catch let error as DataProblem {
      throw error
    } catch {
      preconditionFailure("only the two errors above are thrown here")
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
    _ record: TensorRecord, _ role: SectionRole
  ) throws(DataProblem) -> [Float] {
    let section = try record.section(role)
    try checkRawLength(section, size: 4, of: record.name)
    return try contents(section, of: record.name).withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: section.count) { values, count in
        UnsafeMutableRawBufferPointer(values).copyMemory(from: bytes)
        count = section.count
      }
    }
  }

  private func scales(_ record: TensorRecord) throws(DataProblem) -> [Float] {
    let scales = try floats(record, .scales)
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

  private func integers(_ record: TensorRecord) throws(DataProblem) -> [Int8] {
    try bytes(record, .values).map { Int8(bitPattern: $0) }
  }

  private func positions(_ record: TensorRecord) throws(DataProblem) -> CSRPattern {
    let section = try record.section(.positions)
    let slice = try contents(section, of: record.name)
    let grid = record.block.grid(rows: record.rows, columns: record.columns)
    if section.codec != .gaps {
      throw .unsupported(
        what: "codec of the positions of \(record.name)", found: "\(section.codec)")
    }
    return try decodedGaps(slice, rows: grid.rows, columns: grid.columns, nnz: record.entries)
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
    case .gaps:
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
