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
  /// - Throws: ``DataProblem`` when a name is empty, too long or not unique, or a shape disagrees with
  ///   its tensor.
  public func encoded() throws(DataProblem) -> [UInt8] {
    try checkNames()
    var writer = SectionWriter()
    // Sections first, with offsets from 0: the directory's length is known once they are counted.
    let metadataSection = EncodedSection(metadata: metadata)
    let encodedTensors = tensors.map { ($0, $0.tensor.encodedSections) }
    var directoryLength = SectionRecord.entryLength
    for (named, sections) in encodedTensors {
      directoryLength +=
        2 + named.name.utf8.count + 2 + named.tensor.shape.count * 8 + 16 + 8 + 8 + 1
      directoryLength += sections.count * SectionRecord.entryLength
    }
    writer.pad(to: ContainerLayout.headerLength + directoryLength)
    var directory = ByteWriter()
    var version = ContainerLayout.versions.lowerBound
    writer.add(metadataSection).write(to: &directory)
    for (named, sections) in encodedTensors {
      let record = TensorRecord(named, sections: sections.map { writer.add($0) })
      try record.checkShape()
      version = max(version, record.version)
      record.write(to: &directory)
    }
    precondition(directory.count == directoryLength, "the directory's length was predicted wrong")
    var header = ByteWriter()
    header.append(ContainerLayout.magic)
    header.integer(version)
    header.integer(UInt32(0))
    header.count(writer.bytes.count)
    header.count(directoryLength)
    header.integer(UInt32(tensors.count))
    header.integer(directory.bytes.withUnsafeBytes { crc32($0) })
    header.append(repeatElement(0, count: 20))
    header.integer(header.bytes.withUnsafeBytes { crc32($0) })
    writer.bytes.replaceSubrange(
      0..<ContainerLayout.headerLength + directoryLength, with: header.bytes + directory.bytes)
    return writer.bytes
  }

  private func checkNames() throws(DataProblem) {
    // As bytes: to Swift two spellings of one accented letter are the same string.
    var seen: Set<[UInt8]> = []
    for tensor in tensors {
      if tensor.name.isEmpty { throw .absent(what: "a tensor's name") }
      if tensor.name.utf8.count > Int(UInt16.max) {
        throw .outOfRange(
          what: "length of a tensor's name", value: tensor.name.utf8.count, lowest: 1,
          highest: Int(UInt16.max))
      }
      if !seen.insert(Array(tensor.name.utf8)).inserted { throw .duplicateName(tensor.name) }
      if tensor.tensor.shape.count > ContainerLayout.highestRank {
        throw .outOfRange(
          what: "rank of \(tensor.name)", value: tensor.tensor.shape.count, lowest: 0,
          highest: ContainerLayout.highestRank)
      }
      if let size = tensor.tensor.shape.first(where: { $0 < 0 }) {
        throw .outOfRange(
          what: "a dimension of \(tensor.name)", value: size, lowest: 0, highest: .max)
      }
    }
  }
}

/// The file under construction.
private struct SectionWriter {
  var bytes: [UInt8] = []

  mutating func pad(to length: Int) {
    bytes.append(contentsOf: repeatElement(0, count: length - bytes.count))
  }

  /// Puts a section at its place.
  mutating func add(_ section: EncodedSection) -> SectionRecord {
    pad(to: SectionRecord.start(after: bytes.count, codec: section.codec))
    let record = SectionRecord(
      role: section.role, codec: section.codec,
      checksum: section.bytes.withUnsafeBytes { crc32($0) }, offset: bytes.count,
      length: section.bytes.count, count: section.count)
    bytes += section.bytes
    return record
  }
}

extension TensorRecord {
  fileprivate init(_ named: NamedTensor, sections: [SectionRecord]) {
    (name, kind, shape) = (named.name, named.tensor.kind, named.tensor.shape)
    self.sections = sections
    (rows, columns, block, entries) =
      switch named.tensor {
      case .dense(_, let values): (0, 0, .element, values.count)
      case .bytes(let bytes): (0, 0, .element, bytes.count)
      case .sparse(_, let matrix): (matrix.rows, matrix.columns, .element, matrix.nnz)
      case .quantizedSparse(_, let matrix): (matrix.rows, matrix.columns, .element, matrix.nnz)
      case .codebookSparse(_, let matrix): (matrix.rows, matrix.columns, .element, matrix.nnz)
      case .blockSparse(_, let matrix):
        (matrix.rows, matrix.columns, matrix.block, matrix.blocks)
      case .quantizedBlockSparse(_, let matrix):
        (matrix.rows, matrix.columns, matrix.block, matrix.blockPattern.nnz)
      case .bitMask(let mask): (mask.rows, mask.columns, .element, mask.keptCount)
      }
  }
}
