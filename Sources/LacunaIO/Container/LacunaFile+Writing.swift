// Tensors → sections, directory and header. The same content always gives the same bytes.

import LacunaFormats

/// A section before it has a place in the file.
struct EncodedSection {
  let role: SectionRole
  let codec: SectionCodec
  let bytes: [UInt8]
  let count: Int
}

extension LacunaFile {
  /// The bytes of the file.
  ///
  /// - Throws: ``DataProblem`` when a name is empty, too long or not unique, or no file holds weights of a type
  ///   in their format (``StoredTensor/kind``).
  public func encoded() throws(DataProblem) -> [UInt8] {
    var builder = ContainerBuilder(metadata: metadata)
    for tensor in tensors { try builder.append(tensor) }
    let parts = builder.parts()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(parts.reduce(0) { $0 + $1.count })
    bytes.append(parts)
    return bytes
  }
}

/// A `.lacuna` file put together tensor by tensor. What it holds are the sections as the file will have them, and
/// nothing of those that are copied from another file.
package struct ContainerBuilder {
  /// Sections with their bytes; where they start is decided at the end.
  private var sections: [(record: SectionRecord, bytes: ByteSlice)] = []
  private var records: [TensorRecord] = []
  /// As bytes: to Swift two spellings of one accented letter are the same string.
  private var names: Set<[UInt8]> = []

  /// A file of these texts and no tensor yet.
  package init(metadata: [String: String]) { _ = add(EncodedSection(metadata: metadata)) }

  private mutating func add(_ section: EncodedSection) -> SectionRecord {
    let record = SectionRecord(
      role: section.role, codec: section.codec,
      checksum: section.bytes.withUnsafeBytes { crc32($0) }, offset: 0,
      length: section.bytes.count, count: section.count)
    sections.append((record, ByteSlice(section.bytes)))
    return record
  }

  /// Encodes a tensor and adds it.
  ///
  /// - Throws: ``DataProblem`` when the name is empty, too long or there, or no file holds such a tensor.
  package mutating func append(_ named: NamedTensor) throws(DataProblem) {
    try check(named.name, named.tensor.shape)
    let sections = try named.tensor.encodedSections()
    // What has sections has a kind.
    let record = TensorRecord(named, named.tensor.kind!, sections: sections.map { add($0) })
    try record.checkShape()
    records.append(record)
  }

  /// Adds a tensor of another file, its sections byte for byte.
  ///
  /// - Throws: ``DataProblem`` when the name is there, or a section's checksum is wrong.
  package mutating func append(
    _ record: TensorRecord, of file: LacunaReader
  ) throws(DataProblem) {
    try check(record.name, record.shape)
    for section in record.sections {
      sections.append((section, try file.contents(section, of: record.name)))
    }
    records.append(record)
  }

  private mutating func check(_ name: String, _ shape: [Int]) throws(DataProblem) {
    if name.isEmpty { throw .absent(what: "a tensor's name") }
    if name.utf8.count > Int(UInt16.max) {
      throw .outOfRange(
        what: "length of a tensor's name", value: name.utf8.count, lowest: 1,
        highest: Int(UInt16.max))
    }
    if !names.insert(Array(name.utf8)).inserted { throw .duplicateName(name) }
    if shape.count > ContainerLayout.highestRank {
      throw .outOfRange(
        what: "rank of \(name)", value: shape.count, lowest: 0,
        highest: ContainerLayout.highestRank)
    }
    if let size = shape.first(where: { $0 < 0 }) {
      throw .outOfRange(what: "a dimension of \(name)", value: size, lowest: 0, highest: .max)
    }
  }

  /// The bytes of the file in order: header and directory, then sections and what lies between them.
  package consuming func parts() -> [ByteSlice] {
    let directoryLength = records.reduce(SectionRecord.entryLength) {
      $0 + 2 + $1.name.utf8.count + 2 + $1.shape.count * 8 + 16 + 8 + 8 + 1
        + $1.sections.count * SectionRecord.entryLength
    }
    var end = ContainerLayout.headerLength + directoryLength
    var parts: [ByteSlice] = []
    var places = sections.map { section, bytes in
      let start = SectionRecord.start(after: end, codec: section.codec)
      if start > end { parts.append(ByteSlice([UInt8](repeating: 0, count: start - end))) }
      parts.append(bytes)
      end = start + bytes.count
      return section.moved(to: start)
    }[...]
    var directory = ByteWriter()
    places.removeFirst().write(to: &directory)
    for record in records {
      TensorRecord(record, sections: Array(places.prefix(record.sections.count)))
        .write(to: &directory)
      places.removeFirst(record.sections.count)
    }
    precondition(directory.count == directoryLength, "the directory's length was predicted wrong")
    var header = ByteWriter()
    header.append(ContainerLayout.magic)
    header.integer(records.map(\.version).max() ?? ContainerLayout.versions.lowerBound)
    header.integer(UInt32(0))
    header.count(end)
    header.count(directoryLength)
    header.integer(UInt32(records.count))
    header.integer(directory.bytes.withUnsafeBytes { crc32($0) })
    header.append(repeatElement(0, count: 20))
    header.integer(header.bytes.withUnsafeBytes { crc32($0) })
    return [ByteSlice(header.bytes + directory.bytes)] + parts
  }
}

extension SectionRecord {
  fileprivate func moved(to offset: Int) -> SectionRecord {
    SectionRecord(
      role: role, codec: codec, checksum: checksum, offset: offset, length: length, count: count)
  }
}

extension TensorRecord {
  /// The same tensor with its sections in other places.
  fileprivate init(_ record: TensorRecord, sections: [SectionRecord]) {
    (name, kind, shape) = (record.name, record.kind, record.shape)
    (rows, columns, block, entries) = (record.rows, record.columns, record.block, record.entries)
    self.sections = sections
  }

  fileprivate init(_ named: NamedTensor, _ kind: TensorKind, sections: [SectionRecord]) {
    (name, self.kind, shape) = (named.name, kind, named.tensor.shape)
    self.sections = sections
    (rows, columns, block, entries) =
      switch named.tensor {
      case .bytes(let bytes): (0, 0, .element, bytes.count)
      case .bitMask(let mask): (mask.rows, mask.columns, .element, mask.keptCount)
      case .weights(let tensor):
        tensor.isDense
          ? (0, 0, .element, tensor.stored)
          : (tensor.rows, tensor.columns, tensor.block, tensor.stored / tensor.block.area)
      }
  }
}
