// Zip archives in the making: new members, and members of another archive byte for byte.

/// Puts together a zip archive, a member at a time: what each call gives are the next bytes of the file, and nothing
/// of them is kept. Numbers that do not fit into 16 or 32 bits go to zip64 fields.
///
/// New members are dated 1980-01-01, so that equal content gives equal bytes.
package struct ZipWriter {
  /// Bytes of the file so far.
  private var length = 0
  private var directory = ByteWriter()
  private var count = 0
  private var isFinished = false

  package init() {}

  /// Adds an array as `numpy.savez_compressed` does: its `.npy` file, deflated.
  ///
  /// - Throws: ``DataProblem/overflow(what:)`` when the name has more than 65535 bytes.
  package mutating func append(
    array: [UInt8], _ name: TensorName, deflate: Bool = true
  ) throws(DataProblem) -> [ByteSlice] {
    try append(TensorName(bytes: name.bytes + Array(".npy".utf8)), array, deflate: deflate)
  }

  /// Adds a member with that content.
  ///
  /// - Throws: ``DataProblem/overflow(what:)`` when the name has more than 65535 bytes.
  mutating func append(
    _ name: TensorName, _ content: [UInt8], deflate: Bool
  ) throws(DataProblem) -> [ByteSlice] {
    let packed = deflate ? deflated(content, .raw, level: 6) : content
    // Only UTF-8 names say so.
    let isUTF8 = name.bytes.contains { $0 >= 0x80 } && name.text != nil
    return try append(
      ZipArchive.Member(
        name: name, flags: isUTF8 ? 0x800 : 0,
        method: deflate ? ZipArchive.Member.deflated : ZipArchive.Member.stored, time: 0x21 << 16,
        checksum: content.withUnsafeBytes { crc32($0) }, compressedLength: packed.count,
        length: content.count, localHeader: 0), ByteSlice(packed))
  }

  /// Adds a member of another archive: `packed` are its bytes there.
  mutating func append(
    _ member: ZipArchive.Member, _ packed: ByteSlice
  ) throws(DataProblem) -> [ByteSlice] {
    guard let nameLength = UInt16(exactly: member.name.bytes.count) else {
      throw .overflow(what: "the name of a zip member")
    }
    let start = self.length
    var (length, compressed) = (narrow(member.length), narrow(member.compressedLength))
    // Numbers that are full here stand in the field of zip64, in this order.
    var wide: [Int] = []
    if length == .max { wide.append(member.length) }
    if compressed == .max { wide.append(member.compressedLength) }
    if narrow(start) == .max { wide.append(start) }
    let central = wide.isEmpty ? [] : field(wide)
    directory.integer(UInt32(0x0201_4B50))
    directory.integer(UInt16(wide.isEmpty ? 20 : 45))
    directory.append(common(member, length, compressed, nameLength, central.count))
    directory.append(repeatElement(0, count: 10))  // comment, disk, attributes
    directory.integer(narrow(start))
    directory.append(member.name.bytes)
    directory.append(central)
    // The local header has both sizes in the field, or none.
    var local: [UInt8] = []
    if length == .max || compressed == .max {
      (length, compressed) = (.max, .max)
      local = field([member.length, member.compressedLength])
    }
    var header = ByteWriter()
    header.integer(UInt32(0x0403_4B50))
    header.append(common(member, length, compressed, nameLength, local.count))
    header.append(member.name.bytes)
    header.append(local)
    count += 1
    self.length += header.count + packed.count
    return [ByteSlice(header.bytes), packed]
  }

  /// What a local header and an entry of the directory have in common.
  private func common(
    _ member: ZipArchive.Member, _ length: UInt32, _ compressed: UInt32, _ nameLength: UInt16,
    _ extraLength: Int
  ) -> [UInt8] {
    var common = ByteWriter()
    common.integer(UInt16(extraLength > 0 ? 45 : 20))  // version needed: zip64, or deflate
    // Bit 3 would say that the sizes stand behind the data: they are in front of it.
    common.integer(member.flags & ~8)
    common.integer(member.method)
    common.integer(member.time)
    common.integer(member.checksum)
    common.integer(compressed)
    common.integer(length)
    common.integer(nameLength)
    common.integer(UInt16(extraLength))
    return common.bytes
  }

  /// The directory, which ends the archive; nil when it was given.
  package mutating func finish() -> [ByteSlice]? {
    if isFinished { return nil }
    isFinished = true
    let (start, size) = (length, directory.count)
    let shortCount = UInt16(exactly: count) ?? .max
    if shortCount == .max || narrow(start) == .max || narrow(size) == .max {
      let end64 = start + size
      directory.integer(UInt32(0x0606_4B50))
      directory.integer(UInt64(44))  // bytes that follow
      directory.integer(UInt16(45))
      directory.integer(UInt16(45))
      directory.integer(UInt64(0))  // disks
      directory.count(count)
      directory.count(count)
      directory.count(size)
      directory.count(start)
      directory.integer(UInt32(0x0706_4B50))
      directory.integer(UInt32(0))
      directory.count(end64)
      directory.integer(UInt32(1))
    }
    directory.integer(UInt32(0x0605_4B50))
    directory.integer(UInt32(0))
    directory.integer(shortCount)
    directory.integer(shortCount)
    directory.integer(narrow(size))
    directory.integer(narrow(start))
    directory.integer(UInt16(0))
    return [ByteSlice(directory.bytes)]
  }

  /// `value` in 32 bits; full when it does not fit.
  private func narrow(_ value: Int) -> UInt32 { UInt32(exactly: value) ?? .max }

  /// The extra field of zip64.
  private func field(_ numbers: [Int]) -> [UInt8] {
    var field = ByteWriter()
    field.integer(UInt16(1))
    field.integer(UInt16(8 * numbers.count))
    for number in numbers { field.count(number) }
    return field.bytes
  }
}
