// Zip archives, as far as .npz needs them: stored and deflated members, zip64, no encryption.
//
// A member is found through the central directory at the end; the sizes in its local header are
// ignored, because writers that stream leave them empty and put them behind the data.

/// The members of a zip archive, read one by one.
struct ZipArchive {
  struct Member {
    /// The name as it stands in the archive.
    let name: TensorName
    let flags: UInt16
    let method: UInt16
    /// Time and date of MS-DOS.
    let time: UInt32
    let checksum: UInt32
    let compressedLength: Int
    let length: Int
    let localHeader: Int

    static let stored: UInt16 = 0
    static let deflated: UInt16 = 8
  }

  private let bytes: ByteSlice
  let members: [Member]

  private static let endLength = 22
  private static let shortestEntry = 46

  /// Reads the central directory.
  init(_ bytes: ByteSlice) throws(DataProblem) {
    self.bytes = bytes
    let directory = try Self.directory(of: bytes)
    var reader = ByteReader(bytes)
    _ = try reader.slice(directory.offset, "the zip directory")
    reader = ByteReader(try reader.slice(directory.size, "the zip directory"))
    if directory.count > directory.size / Self.shortestEntry {
      throw .truncated(
        what: "the zip directory of \(directory.count) members",
        needed: directory.count.multipliedReportingOverflow(by: Self.shortestEntry).partialValue,
        available: directory.size)
    }
    var members: [Member] = []
    var seen: Set<TensorName> = []
    var (packed, unpacked) = (0, 0)
    let limit = Expansion.limit(bytes.count)
    for _ in 0..<directory.count {
      let member = try Member(&reader)
      if !seen.insert(member.name).inserted { throw .duplicateName("\(member.name)") }
      members.append(member)
      // Members that share bytes would decompress into much more than the file could hold.
      if member.compressedLength > bytes.count - packed {
        throw .truncated(
          what: "the zip members", needed: member.compressedLength, available: bytes.count - packed)
      }
      packed += member.compressedLength
      if member.length > limit - unpacked {
        throw .outOfRange(
          what: "the size of \(member.name), unpacked,", value: member.length, lowest: 0,
          highest: limit - unpacked)
      }
      unpacked += member.length
    }
    try reader.end()
    self.members = members
  }

  /// Where the central directory is, from the end record and, where its numbers are full, from the one
  /// of zip64 before it.
  private static func directory(
    of bytes: ByteSlice
  ) throws(DataProblem) -> (offset: Int, size: Int, count: Int) {
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
    let what = "the zip end record"
    var end = ByteReader(bytes)
    _ = try end.slice(endRecord + 4, what)
    let disks = try end.integer(UInt32.self, what)
    let onDisk = try end.integer(UInt16.self, what)
    let count = try end.integer(UInt16.self, what)
    let size = try end.integer(UInt32.self, what)
    let offset = try end.integer(UInt32.self, what)
    let isFull = count == .max || size == .max || offset == .max
    if isFull, let wide = try directory64(of: bytes, before: endRecord) { return wide }
    if disks != 0 || onDisk != count {
      throw .unsupported(what: "zip archive", found: "in several parts")
    }
    return (Int(offset), Int(size), Int(count))
  }

  /// The directory by the end record of zip64; nil when there is none.
  private static func directory64(
    of bytes: ByteSlice, before endRecord: Int
  ) throws(DataProblem) -> (offset: Int, size: Int, count: Int)? {
    let what = "the zip64 end record"
    if endRecord < 20 { return nil }
    var locator = ByteReader(bytes)
    _ = try locator.slice(endRecord - 20, what)
    if try locator.integer(UInt32.self, what) != 0x0706_4B50 { return nil }
    _ = try locator.slice(4, what)
    var end = ByteReader(bytes)
    _ = try end.slice(try locator.count(what), what)
    let signature = try end.integer(UInt32.self, what)
    if signature != 0x0606_4B50 {
      throw .wrongMagic(format: what, found: "0x" + String(signature, radix: 16))
    }
    _ = try end.slice(12, what)
    let disks = try end.integer(UInt64.self, what)
    let onDisk = try end.count(what)
    let count = try end.count(what)
    if disks != 0 || onDisk != count {
      throw .unsupported(what: "zip archive", found: "in several parts")
    }
    let size = try end.count(what)
    return (try end.count(what), size, count)
  }

  /// The bytes of a member as they are in the archive.
  func packed(_ member: Member) throws(DataProblem) -> ByteSlice {
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
    return try reader.slice(member.compressedLength, "\(member.name)")
  }

  /// The first bytes of a member, at most `count`: its checksum is not looked at.
  func head(_ member: Member, upTo count: Int) throws(DataProblem) -> ByteSlice {
    let data = try packed(member)
    let count = min(count, member.length)
    switch member.method {
    case Member.stored: return data.prefix(count)
    case Member.deflated:
      return ByteSlice(try InflateStream(data, .raw, "\(member.name)").read(upTo: count))
    default: throw member.unknownMethod
    }
  }

  /// The content of a member, its checksum found right.
  func contents(_ member: Member) throws(DataProblem) -> ByteSlice {
    let data = try packed(member)
    let content: ByteSlice
    switch member.method {
    case Member.stored:
      if member.length != data.count {
        throw .mismatch(
          what: "length of \(member.name)", expected: member.length, actual: data.count)
      }
      content = data
    case Member.deflated:
      let stream = try InflateStream(data, .raw, "\(member.name)")
      let bytes = try stream.read(upTo: member.length)
      if bytes.count < member.length {
        throw .truncated(what: "\(member.name)", needed: member.length, available: bytes.count)
      }
      try stream.end()
      content = ByteSlice(bytes)
    default: throw member.unknownMethod
    }
    let computed = content.withUnsafeBytes { crc32($0) }
    if computed != member.checksum {
      throw .checksum(what: "\(member.name)", stored: member.checksum, computed: computed)
    }
    return content
  }
}

extension ZipArchive.Member {
  fileprivate var unknownMethod: DataProblem {
    .unsupported(what: "zip compression method of \(name)", found: "\(method)")
  }

  /// Reads an entry of the central directory.
  fileprivate init(_ reader: inout ByteReader) throws(DataProblem) {
    let what = "the zip directory"
    let signature = try reader.integer(UInt32.self, what)
    if signature != 0x0201_4B50 {
      throw .wrongMagic(format: "a zip directory entry", found: "0x" + String(signature, radix: 16))
    }
    _ = try reader.slice(4, what)
    flags = try reader.integer(UInt16.self, what)
    method = try reader.integer(UInt16.self, what)
    time = try reader.integer(UInt32.self, what)
    checksum = try reader.integer(UInt32.self, what)
    let compressedLength = try reader.integer(UInt32.self, what)
    let length = try reader.integer(UInt32.self, what)
    let nameLength = Int(try reader.integer(UInt16.self, what))
    let extraLength = Int(try reader.integer(UInt16.self, what))
    let commentLength = Int(try reader.integer(UInt16.self, what))
    _ = try reader.slice(8, what)
    let localHeader = try reader.integer(UInt32.self, what)
    let name = TensorName(bytes: try reader.slice(nameLength, "the name of a zip member").array)
    var extra = ByteReader(try reader.slice(extraLength, what))
    _ = try reader.slice(commentLength, what)
    if flags & 1 != 0 { throw .unsupported(what: "\(name)", found: "encrypted") }
    // Numbers that are full stand in the field of zip64, in this order.
    var wide = try Self.wideNumbers(&extra)
    func number(_ narrow: UInt32, _ wide: inout ByteReader?) throws(DataProblem) -> Int {
      if narrow < .max || wide == nil { return Int(narrow) }
      return try wide!.count("the zip64 field of \(name)")
    }
    self.name = name
    self.length = try number(length, &wide)
    self.compressedLength = try number(compressedLength, &wide)
    self.localHeader = try number(localHeader, &wide)
  }

  /// The field of zip64 among the extra fields.
  private static func wideNumbers(
    _ extra: inout ByteReader
  ) throws(DataProblem) -> ByteReader? {
    // Some writers pad the extra fields with a few bytes that are no field.
    while extra.remaining >= 4 {
      let tag = try extra.integer(UInt16.self, "a zip field")
      let size = Int(try extra.integer(UInt16.self, "a zip field"))
      if size > extra.remaining { return nil }
      let field = try extra.slice(size, "a zip field")
      if tag == 1 { return ByteReader(field) }
    }
    return nil
  }
}
