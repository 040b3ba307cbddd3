// The directory of a .lacuna file to bytes and back, every number checked.

import LacunaFormats

extension SectionRecord {
  func write(to writer: inout ByteWriter) {
    writer.integer(role.rawValue)
    writer.integer(codec.rawValue)
    writer.integer(UInt16(0))
    writer.integer(checksum)
    writer.count(offset)
    writer.count(length)
    writer.count(count)
  }

  /// Reads an entry; the section has to start where the layout puts it, given the `end` of what
  /// comes before it, and to lie in the file.
  init(
    _ reader: inout ByteReader, of owner: String, end: inout Int, fileLength: Int
  ) throws(DataProblem) {
    let roleByte = try reader.integer(UInt8.self, "the section table")
    guard let role = SectionRole(rawValue: roleByte) else {
      throw .unsupported(what: "section role of \(owner)", found: "\(roleByte)")
    }
    let codecByte = try reader.integer(UInt8.self, "the section table")
    guard let codec = SectionCodec(rawValue: codecByte) else {
      throw .unsupported(what: "codec of \(owner)", found: "\(codecByte)")
    }
    let zero = try reader.integer(UInt16.self, "the section table")
    if zero != 0 { throw .unsupported(what: "section flag of \(owner)", found: "\(zero)") }
    (self.role, self.codec) = (role, codec)
    checksum = try reader.integer(UInt32.self, "the section table")
    offset = try reader.count("section offset of \(owner)")
    length = try reader.count("section length of \(owner)", atMost: fileLength)
    count = try reader.count(
      "element count of \(owner)", atMost: ContainerLayout.highestCount(length: length))
    let start = Self.start(after: end, codec: codec)
    if offset != start {
      throw .mismatch(what: "section offset of \(owner)", expected: start, actual: offset)
    }
    if length > fileLength - offset {
      throw .truncated(
        what: "the \(role) of \(owner)", needed: length, available: max(0, fileLength - offset))
    }
    end = offset + length
  }

  /// Where a section begins when the one before it ends at `end`.
  static func start(after end: Int, codec: SectionCodec) -> Int {
    let alignment = ContainerLayout.alignment
    return codec == .raw ? (end + alignment - 1) / alignment * alignment : end
  }
}

extension TensorRecord {
  func write(to writer: inout ByteWriter) {
    writer.integer(UInt16(name.utf8.count))
    writer.append(name.utf8)
    writer.integer(kind.rawValue)
    writer.integer(UInt8(shape.count))
    for size in shape { writer.count(size) }
    writer.count(rows)
    writer.count(columns)
    writer.integer(UInt32(block.rows))
    writer.integer(UInt32(block.columns))
    writer.count(entries)
    writer.integer(UInt8(sections.count))
    for section in sections { section.write(to: &writer) }
  }

  init(_ reader: inout ByteReader, end: inout Int, fileLength: Int) throws(DataProblem) {
    let nameLength = Int(try reader.integer(UInt16.self, "the length of a tensor's name"))
    let name = try reader.string(nameLength, "a tensor's name")
    if name.isEmpty { throw .absent(what: "a tensor's name") }
    let kindByte = try reader.integer(UInt8.self, "the record of \(name)")
    guard let kind = TensorKind(rawValue: kindByte) else {
      throw .unsupported(what: "kind of \(name)", found: "\(kindByte)")
    }
    let rank = Int(try reader.integer(UInt8.self, "the record of \(name)"))
    if rank > ContainerLayout.highestRank {
      throw .outOfRange(
        what: "rank of \(name)", value: rank, lowest: 0, highest: ContainerLayout.highestRank)
    }
    var shape: [Int] = []
    for _ in 0..<rank { shape.append(try reader.count("a dimension of \(name)")) }
    (self.name, self.kind, self.shape) = (name, kind, shape)
    rows = try reader.count("rows of \(name)")
    columns = try reader.count("columns of \(name)")
    let blockRows = Int(try reader.integer(UInt32.self, "the record of \(name)"))
    let blockColumns = Int(try reader.integer(UInt32.self, "the record of \(name)"))
    do throws(FormatError) { block = try BlockSize(blockRows, blockColumns) } catch {
      throw .matrix(error)
    }
    if blockRows.multipliedReportingOverflow(by: blockColumns).overflow {
      throw .overflow(what: "the block of \(name)")
    }
    entries = try reader.count("entries of \(name)")
    var sections: [SectionRecord] = []
    for _ in 0..<(try reader.integer(UInt8.self, "the record of \(name)")) {
      sections.append(
        try SectionRecord(&reader, of: name, end: &end, fileLength: fileLength))
    }
    self.sections = sections
    try checkShape()
    try checkSections()
  }

  /// Shape, matrix, block and entries agree.
  func checkShape() throws(DataProblem) {
    _ = try LacunaIO.elementCount(of: shape, name)
    if !kind.isBlocked && block != .element {
      throw .mismatch(what: "block area of \(name)", expected: 1, actual: block.area)
    }
    if kind == .dense || kind == .bytes {
      try expect(0, rows, "rows of \(name)")
      try expect(0, columns, "columns of \(name)")
      return try expect(elementCount, entries, "elements of \(name)")
    }
    let (area, overflow) = rows.multipliedReportingOverflow(by: columns)
    if overflow || columns > Int(UInt32.max) { throw .overflow(what: "the matrix of \(name)") }
    try expect(elementCount, area, "elements of the matrix of \(name)")
    let grid = block.grid(rows: rows, columns: columns)
    if entries > grid.rows * grid.columns {
      throw .outOfRange(
        what: "entries of \(name)", value: entries, lowest: 0, highest: grid.rows * grid.columns)
    }
    if entries.multipliedReportingOverflow(by: block.area).overflow {
      throw .overflow(what: "the blocks of \(name)")
    }
  }

  /// The kind's sections are there, once each, with the counts that the record asks for.
  private func checkSections() throws(DataProblem) {
    let grid = block.grid(rows: rows, columns: columns)
    let expected: [(SectionRole, Int)] =
      switch kind {
      case .bytes, .dense: [(.values, entries)]
      case .sparse, .blockSparse, .bf16Sparse, .f16Sparse, .bf16BlockSparse, .f16BlockSparse:
        [(.positions, grid.rows + entries), (.values, storedCount)]
      case .quantizedSparse, .quantizedBlockSparse:
        [(.positions, grid.rows + entries), (.values, storedCount), (.scales, rows)]
      case .bitMask: [(.positions, grid.rows + entries)]
      case .codebookSparse:
        [
          (.positions, grid.rows + entries), (.values, storedCount),
          // What the book's own section says, as far as a book goes.
          (.codebook, min(sections.last?.count ?? 0, CodebookCSR.mostCodes)),
        ]
      }
    try expect(expected.count, sections.count, "number of sections of \(name)")
    for ((role, count), section) in zip(expected, sections) {
      try expect(Int(role.rawValue), Int(section.role.rawValue), "section role of \(name)")
      try expect(count, section.count, "\(role) count of \(name)")
    }
  }

  private func expect(_ expected: Int, _ actual: Int, _ what: String) throws(DataProblem) {
    if actual != expected { throw .mismatch(what: what, expected: expected, actual: actual) }
  }
}
