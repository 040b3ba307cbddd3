// Opens a .lacuna file: checks header and directory, decodes a tensor when it is asked for.

import LacunaFormats

/// A `.lacuna` file whose tensors are decoded one at a time, by name.
///
/// Opening checks the header, the directory and the metadata; a section's checksum is checked when
/// it is decoded.
public struct LacunaReader: Sendable {
  /// The path, or what the caller called the bytes.
  public let path: String
  /// Short texts by key.
  public let metadata: [String: String]
  /// The tensors in the order of the file.
  public let records: [TensorRecord]
  /// Length of the file in bytes.
  public let byteCount: Int
  private let bytes: ByteSlice
  // By the bytes of names: to Swift two spellings of one accented letter are the same string.
  private let recordByName: [[UInt8]: Int]

  /// Opens the file at `path`.
  ///
  /// - Parameter mapped: map the file instead of reading it, so that only the tensors that are used
  ///   are read. A program that shortens a mapped file in place makes a later access fault; saving
  ///   with ``AtomicFile`` does not.
  /// - Throws: ``FileError``
  public init(contentsOf path: String, mapped: Bool = false) throws(FileError) {
    try self.init(
      ByteSlice(mapped ? ByteStorage(mapping: path) : ByteStorage(reading: path)), path: path)
  }

  /// Opens a file that is in memory; errors call it `name`.
  public init(bytes: [UInt8], name: String = "<memory>") throws(FileError) {
    try self.init(ByteSlice(bytes), path: name)
  }

  private init(_ bytes: ByteSlice, path: String) throws(FileError) {
    do throws(DataProblem) { try self.init(slice: bytes, path: path) } catch {
      throw .malformed(path: path, error)
    }
  }

  init(slice bytes: ByteSlice, path: String = "") throws(DataProblem) {
    (self.path, self.bytes, byteCount) = (path, bytes, bytes.count)
    (metadata, records) = try Self.open(bytes)
    var recordByName: [[UInt8]: Int] = [:]
    for (number, record) in records.enumerated() {
      if recordByName.updateValue(number, forKey: Array(record.name.utf8)) != nil {
        throw .duplicateName(record.name)
      }
    }
    self.recordByName = recordByName
  }

  /// The record of that name.
  public subscript(name: String) -> TensorRecord? {
    recordByName[Array(name.utf8)].map { records[$0] }
  }

  /// Decodes one tensor.
  ///
  /// - Throws: ``FileError/malformed(path:_:)`` when there is none of that name, or its bytes are wrong.
  public func tensor(named name: String) throws(FileError) -> StoredTensor {
    guard let record = self[name] else {
      throw .malformed(path: path, .absent(what: "tensor \(name)"))
    }
    return try tensor(record)
  }

  /// Decodes one of ``records``.
  public func tensor(_ record: TensorRecord) throws(FileError) -> StoredTensor {
    do throws(DataProblem) { return try decoded(record) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Calls `body` with the values of a dense tensor, in place: they are not copied.
  ///
  /// - Throws: ``FileError/malformed(path:_:)`` when there is no dense tensor of that name, or its
  ///   checksum is wrong.
  public func withDenseValues<R>(
    named name: String, _ body: (UnsafeBufferPointer<Float>) -> R
  ) throws(FileError) -> R {
    do throws(DataProblem) {
      guard let record = self[name], record.kind == .dense else {
        throw DataProblem.absent(what: "dense tensor \(name)")
      }
      let section = try record.section(.values)
      let slice = try contents(section, of: name)
      try checkRawLength(section, size: 4, of: name)
      return slice.withUnsafeBytes { body($0.bindMemory(to: Float.self)) }
    } catch {
      throw .malformed(path: path, error)
    }
  }

  private static func open(
    _ bytes: ByteSlice
  ) throws(DataProblem) -> ([String: String], [TensorRecord]) {
    var reader = ByteReader(bytes)
    let magic = try reader.slice(8, "the magic number").array
    if magic != ContainerLayout.magic {
      let found = magic.map { String($0, radix: 16) }.joined(separator: " ")
      throw .wrongMagic(format: "a .lacuna file", found: "bytes \(found)")
    }
    let version = try reader.integer(UInt32.self, "the header")
    if !ContainerLayout.versions.contains(version) {
      throw .unsupported(what: ".lacuna version", found: "\(version)")
    }
    var header = ByteReader(bytes)
    let covered = try header.slice(60, "the header")
    let stored = try header.integer(UInt32.self, "the header")
    let computed = covered.withUnsafeBytes { crc32($0) }
    if stored != computed {
      throw .checksum(what: "the header", stored: stored, computed: computed)
    }
    let flags = try reader.integer(UInt32.self, "the header")
    if flags != 0 { throw .unsupported(what: "header flag", found: "\(flags)") }
    let fileLength = try reader.count("the file length")
    if fileLength > bytes.count {
      throw .truncated(what: "the file", needed: fileLength, available: bytes.count)
    }
    if fileLength < bytes.count { throw .trailingBytes(count: bytes.count - fileLength) }
    let directoryLength = try reader.count("the directory length")
    let tensorCount = try reader.integer(UInt32.self, "the header")
    let directoryChecksum = try reader.integer(UInt32.self, "the header")
    for byte in try reader.slice(20, "the header").array where byte != 0 {
      throw .unsupported(what: "reserved header byte", found: "\(byte)")
    }
    _ = try reader.slice(4, "the header")
    let directory = try reader.slice(directoryLength, "the directory")
    let directoryComputed = directory.withUnsafeBytes { crc32($0) }
    if directoryChecksum != directoryComputed {
      throw .checksum(
        what: "the directory", stored: directoryChecksum, computed: directoryComputed)
    }
    var entries = ByteReader(directory)
    var end = ContainerLayout.headerLength + directoryLength
    let metadataSection = try SectionRecord(
      &entries, of: "the metadata", end: &end, fileLength: fileLength)
    if metadataSection.role != .metadata {
      throw .mismatch(
        what: "section role of the metadata", expected: 0,
        actual: Int(metadataSection.role.rawValue))
    }
    var records: [TensorRecord] = []
    for _ in 0..<tensorCount {
      let record = try TensorRecord(&entries, end: &end, fileLength: fileLength)
      if record.version > version {
        throw .unsupported(
          what: "\(record.name) of version \(record.version) in a .lacuna file of version",
          found: "\(version)")
      }
      records.append(record)
    }
    try entries.end()
    if end != fileLength { throw .trailingBytes(count: fileLength - end) }
    try checkPadding(
      bytes, from: ContainerLayout.headerLength + directoryLength, metadataSection, records)
    let metadata = try decodedMetadata(
      metadataSection, try contents(metadataSection, of: "the metadata", in: bytes))
    return (metadata, records)
  }

  /// The bytes between sections, which no checksum covers, are zero.
  private static func checkPadding(
    _ bytes: ByteSlice, from start: Int, _ metadata: SectionRecord, _ records: [TensorRecord]
  ) throws(DataProblem) {
    var end = start
    for section in [metadata] + records.flatMap(\.sections) {
      let isZero = bytes.withUnsafeBytes { $0[end..<section.offset].allSatisfy { $0 == 0 } }
      if !isZero {
        throw .unsupported(what: "padding before byte \(section.offset)", found: "other than zeros")
      }
      end = section.offset + section.length
    }
  }

  /// The bytes of a section, after its checksum was found right.
  static func contents(
    _ section: SectionRecord, of owner: String, in bytes: ByteSlice
  ) throws(DataProblem) -> ByteSlice {
    var reader = ByteReader(bytes)
    _ = try reader.slice(section.offset, "the \(section.role) of \(owner)")
    let slice = try reader.slice(section.length, "the \(section.role) of \(owner)")
    let computed = slice.withUnsafeBytes { crc32($0) }
    if computed != section.checksum {
      throw .checksum(
        what: "the \(section.role) of \(owner)", stored: section.checksum, computed: computed)
    }
    return slice
  }

  func contents(_ section: SectionRecord, of owner: String) throws(DataProblem) -> ByteSlice {
    try Self.contents(section, of: owner, in: bytes)
  }
}
