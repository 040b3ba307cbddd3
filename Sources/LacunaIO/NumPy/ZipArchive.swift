// Zip archives, as far as .npz needs them: stored and deflated members, no encryption, no zip64.
//
// A member is found through the central directory at the end; the sizes in its local header are
// ignored, because writers that stream leave them empty.

/// The members of a zip archive, read one by one.
struct ZipArchive {
  struct Member {
    let name: String
    let method: UInt16
    let checksum: UInt32
    let compressedLength: Int
    let length: Int
    let localHeader: Int
  }

  private let bytes: ByteSlice
  let members: [Member]

  private static let endLength = 22

  /// Reads the central directory.
  init(_ bytes: ByteSlice) throws(DataProblem) {
    self.bytes = bytes
    if bytes.count < Self.endLength {
      throw .truncated(what: "the zip archive", needed: Self.endLength, available: bytes.count)
    }
    // The end record is the last 22 bytes, or earlier when a comment of up to 64 KiB follows.
    let endRecord: Int? = bytes.withUnsafeBytes { memory in
      let lowest = max(0, memory.count - Self.endLength - 0xFFFF)
      return stride(from: memory.count - Self.endLength, through: lowest, by: -1).first { start in
        memory[start] == 0x50 && memory[start + 1] == 0x4B && memory[start + 2] == 5
          && memory[start + 3] == 6
          && Int(memory[start + 20]) | Int(memory[start + 21]) << 8
            == memory.count - start - Self.endLength
      }
    }
    guard let endRecord else { throw .wrongMagic(format: "a zip archive", found: "no end record") }
    var end = ByteReader(bytes)
    _ = try end.slice(endRecord + 4, "the zip archive")
    let disk = try end.integer(UInt16.self, "the zip end record")
    let directoryDisk = try end.integer(UInt16.self, "the zip end record")
    let onDisk = try end.integer(UInt16.self, "the zip end record")
    let count = try end.integer(UInt16.self, "the zip end record")
    let size = try end.integer(UInt32.self, "the zip end record")
    let offset = try end.integer(UInt32.self, "the zip end record")
    if disk != 0 || directoryDisk != 0 || onDisk != count {
      throw .unsupported(what: "zip archive", found: "in several parts")
    }
    if count == .max || size == .max || offset == .max {
      throw .unsupported(what: "zip archive", found: "in zip64 format")
    }
    var reader = ByteReader(bytes)
    _ = try reader.slice(Int(offset), "the zip directory")
    reader = ByteReader(try reader.slice(Int(size), "the zip directory"))
    var members: [Member] = []
    var seen: Set<String> = []
    for _ in 0..<count {
      let member = try Member(&reader)
      if !seen.insert(member.name).inserted { throw .duplicateName(member.name) }
      members.append(member)
    }
    try reader.end()
    // Members that share bytes would decompress into much more than the file could hold.
    let packed = members.reduce(0) { $0 + $1.compressedLength }
    if packed > bytes.count {
      throw .truncated(what: "the zip members", needed: packed, available: bytes.count)
    }
    self.members = members
  }

  /// The content of a member, its checksum found right.
  func contents(_ member: Member) throws(DataProblem) -> ByteSlice {
    var reader = ByteReader(bytes)
    _ = try reader.slice(member.localHeader, "the header of \(member.name)")
    let signature = try reader.integer(UInt32.self, "the header of \(member.name)")
    if signature != 0x0403_4B50 {
      throw .wrongMagic(format: "a zip member", found: "0x" + String(signature, radix: 16))
    }
    _ = try reader.slice(22, "the header of \(member.name)")
    let nameLength = Int(try reader.integer(UInt16.self, "the header of \(member.name)"))
    let extraLength = Int(try reader.integer(UInt16.self, "the header of \(member.name)"))
    _ = try reader.slice(nameLength + extraLength, "the header of \(member.name)")
    let data = try reader.slice(member.compressedLength, member.name)
    let content: ByteSlice
    switch member.method {
    case 0:
      if member.length != data.count {
        throw .mismatch(
          what: "length of \(member.name)", expected: member.length, actual: data.count)
      }
      content = data
    case 8:
      let stream = try InflateStream(data, .raw, member.name)
      let bytes = try stream.read(upTo: member.length)
      if bytes.count < member.length {
        throw .truncated(what: member.name, needed: member.length, available: bytes.count)
      }
      try stream.end()
      content = ByteSlice(bytes)
    default:
      throw .unsupported(
        what: "zip compression method of \(member.name)", found: "\(member.method)")
    }
    let computed = content.withUnsafeBytes { crc32($0) }
    if computed != member.checksum {
      throw .checksum(what: member.name, stored: member.checksum, computed: computed)
    }
    return content
  }

  /// An archive of `members` in their order, all dated 1980-01-01, so that equal content gives equal
  /// bytes.
  ///
  /// - Throws: ``DataProblem/overflow(what:)`` for more than 65534 members or 4 GiB.
  static func encoded(
    _ members: [(name: String, bytes: [UInt8])], deflate: Bool
  ) throws(DataProblem) -> [UInt8] {
    if members.count >= Int(UInt16.max) { throw .overflow(what: "the number of zip members") }
    var (writer, directory) = (ByteWriter(), ByteWriter())
    for (name, bytes) in members {
      let packed = deflate ? deflated(bytes, .raw, level: 6) : bytes
      guard let start = UInt32(exactly: writer.count), start < .max,
        let length = UInt32(exactly: bytes.count), length < .max,
        let packedLength = UInt32(exactly: packed.count), packedLength < .max
      else { throw .overflow(what: "the zip archive") }
      guard let nameLength = UInt16(exactly: name.utf8.count) else {
        throw .overflow(what: "the name of a zip member")
      }
      var common = ByteWriter()
      common.integer(UInt16(20))  // version needed: deflate
      common.integer(UInt16(0x800))  // names in UTF-8
      common.integer(UInt16(deflate ? 8 : 0))
      common.integer(UInt16(0))  // time
      common.integer(UInt16(0x21))  // date: year 0, month 1, day 1
      common.integer(bytes.withUnsafeBytes { crc32($0) })
      common.integer(packedLength)
      common.integer(length)
      common.integer(nameLength)
      common.integer(UInt16(0))  // extra field
      writer.integer(UInt32(0x0403_4B50))
      writer.append(common.bytes)
      writer.append(name.utf8)
      writer.append(packed)
      directory.integer(UInt32(0x0201_4B50))
      directory.integer(UInt16(20))
      directory.append(common.bytes)
      directory.append(repeatElement(0, count: 10))  // comment, disk, attributes
      directory.integer(start)
      directory.append(name.utf8)
    }
    guard let start = UInt32(exactly: writer.count), start < .max,
      let size = UInt32(exactly: directory.count), size < .max
    else { throw .overflow(what: "the zip archive") }
    writer.append(directory.bytes)
    writer.integer(UInt32(0x0605_4B50))
    writer.integer(UInt32(0))
    writer.integer(UInt16(members.count))
    writer.integer(UInt16(members.count))
    writer.integer(size)
    writer.integer(start)
    writer.integer(UInt16(0))
    return writer.bytes
  }
}

extension ZipArchive.Member {
  /// Reads an entry of the central directory.
  fileprivate init(_ reader: inout ByteReader) throws(DataProblem) {
    let signature = try reader.integer(UInt32.self, "the zip directory")
    if signature != 0x0201_4B50 {
      throw .wrongMagic(format: "a zip directory entry", found: "0x" + String(signature, radix: 16))
    }
    _ = try reader.slice(4, "the zip directory")
    let flags = try reader.integer(UInt16.self, "the zip directory")
    method = try reader.integer(UInt16.self, "the zip directory")
    _ = try reader.slice(4, "the zip directory")
    checksum = try reader.integer(UInt32.self, "the zip directory")
    let compressedLength = try reader.integer(UInt32.self, "the zip directory")
    let length = try reader.integer(UInt32.self, "the zip directory")
    let nameLength = Int(try reader.integer(UInt16.self, "the zip directory"))
    let extraLength = Int(try reader.integer(UInt16.self, "the zip directory"))
    let commentLength = Int(try reader.integer(UInt16.self, "the zip directory"))
    _ = try reader.slice(8, "the zip directory")
    let localHeader = try reader.integer(UInt32.self, "the zip directory")
    name = try reader.string(nameLength, "the name of a zip member")
    _ = try reader.slice(extraLength + commentLength, "the zip directory")
    if flags & 1 != 0 { throw .unsupported(what: name, found: "encrypted") }
    if compressedLength == .max || length == .max || localHeader == .max {
      throw .unsupported(what: name, found: "in zip64 format")
    }
    (self.compressedLength, self.length) = (Int(compressedLength), Int(length))
    self.localHeader = Int(localHeader)
  }
}
