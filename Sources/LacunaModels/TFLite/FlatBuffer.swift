// FlatBuffers: tables, vectors and texts reached through offsets, each checked before it is followed.

import LacunaIO

/// A flatbuffer that is being read.
///
///     table    i32  distance back to its vtable
///              …    fields
///     vtable   u16  bytes of the vtable, u16 bytes of the table
///              u16  for each field where it lies in the table, 0 where it has its default
///     vector   u32  count, then the elements
///     offsets  u32  from where they stand forward to their target
///
/// Objects may be shared, so that a small file can spell out a huge one: what is read is counted, and
/// ends at eight times the size of the file.
final class FlatBuffer {
  let bytes: ByteSlice
  private var budget: Int
  /// What was read as structure so far: everything but the elements of tensors.
  private(set) var structure: [Range<Int>] = []

  init(_ bytes: ByteSlice) {
    self.bytes = bytes
    budget = bytes.count * 8 + (1 << 20)
  }

  /// Counts a range as structure.
  func note(_ range: Range<Int>) { structure.append(range) }

  /// The table that the file starts with, after the identifier is compared.
  func root(_ identifier: StaticString) throws(DataProblem) -> FlatTable {
    if bytes.count < 8 {
      throw .truncated(what: "the file", needed: 8, available: bytes.count)
    }
    let found = bytes.part(4..<8)
    if found.text(0..<4) != "\(identifier)" {
      throw .wrongMagic(format: "\(identifier)", found: "\(found.array)")
    }
    note(0..<8)
    return try table(at: Int(try integer(UInt32.self, at: 0)))
  }

  /// The number at `place`.
  func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, at place: Int
  ) throws(DataProblem) -> T {
    try check(place, MemoryLayout<T>.size)
    return T(
      littleEndian: bytes.storage.memory.loadUnaligned(
        fromByteOffset: bytes.range.lowerBound + place, as: T.self))
  }

  private func check(_ place: Int, _ count: Int) throws(DataProblem) {
    if place < 0 || count < 0 || place > bytes.count || count > bytes.count - place {
      throw .truncated(
        what: "an object at byte \(place)", needed: count, available: max(0, bytes.count - place))
    }
  }

  /// Counts `amount` bytes as read.
  private func spend(_ amount: Int) throws(DataProblem) {
    budget -= amount
    if budget < 0 {
      throw .outOfRange(
        what: "bytes that shared objects spell out", value: bytes.count * 8 - budget, lowest: 0,
        highest: bytes.count * 8)
    }
  }

  func table(at position: Int) throws(DataProblem) -> FlatTable {
    let back = Int(try integer(Int32.self, at: position))
    let vtable = position - back
    let vtableSize = Int(try integer(UInt16.self, at: vtable))
    let size = Int(try integer(UInt16.self, at: vtable + 2))
    if vtableSize < 4 || vtableSize % 2 != 0 || size < 4 {
      throw .unsupported(
        what: "vtable at byte \(vtable)", found: "of \(vtableSize) bytes for a table of \(size)")
    }
    try check(vtable, vtableSize)
    try check(position, size)
    try spend(size + vtableSize)
    note(position..<position + size)
    note(vtable..<vtable + vtableSize)
    return FlatTable(
      buffer: self, position: position, size: size, vtable: vtable, vtableSize: vtableSize)
  }

  /// Where the offset at `place` leads.
  func target(of place: Int) throws(DataProblem) -> Int {
    let offset = Int(try integer(UInt32.self, at: place))
    if offset == 0 { throw .unsupported(what: "offset at byte \(place)", found: "0") }
    try check(place + offset, 4)
    return place + offset
  }

  /// The elements of the vector at `position`, `width` bytes each.
  func vector(at position: Int, width: Int) throws(DataProblem) -> Range<Int> {
    let count = Int(try integer(UInt32.self, at: position))
    let (size, overflow) = count.multipliedReportingOverflow(by: width)
    if overflow { throw .overflow(what: "the vector at byte \(position)") }
    try check(position + 4, size)
    return position + 4..<position + 4 + size
  }

  /// The elements of a vector of numbers.
  func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, at position: Int
  ) throws(DataProblem) -> [Int] {
    let range = try vector(at: position, width: MemoryLayout<T>.size)
    try spend(range.count)
    note(position..<range.upperBound)
    return TensorNumbers.elements(bytes.part(range), of: T.self).map { Int(truncatingIfNeeded: $0) }
  }

  /// The elements of a vector of f32.
  func floats(at position: Int) throws(DataProblem) -> [Float] {
    let range = try vector(at: position, width: 4)
    try spend(range.count)
    note(position..<range.upperBound)
    return TensorNumbers.elements(bytes.part(range))
  }

  func text(at position: Int) throws(DataProblem) -> String {
    let range = try vector(at: position, width: 1)
    try spend(range.count)
    note(position..<range.upperBound)
    return bytes.text(range)
  }
}

/// A table of a flatbuffer, its extent checked.
struct FlatTable {
  let buffer: FlatBuffer
  let position: Int
  let size: Int
  let vtable: Int
  let vtableSize: Int

  /// Fields that the vtable speaks of.
  var fieldCount: Int { (vtableSize - 4) / 2 }

  /// Where a field of `width` bytes lies; nil where it has its default.
  func place(of field: Int, width: Int) throws(DataProblem) -> Int? {
    if field >= fieldCount { return nil }
    let offset = Int(try buffer.integer(UInt16.self, at: vtable + 4 + 2 * field))
    if offset == 0 { return nil }
    if offset < 4 || width > size - offset {
      throw .outOfRange(
        what: "place of field \(field) of the table at byte \(position)", value: offset, lowest: 4,
        highest: size - width)
    }
    return position + offset
  }

  func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ field: Int, _: T.Type, default value: T = 0
  ) throws(DataProblem) -> T {
    guard let place = try place(of: field, width: MemoryLayout<T>.size) else { return value }
    return try buffer.integer(T.self, at: place)
  }

  /// Where the offset in a field leads.
  func target(_ field: Int) throws(DataProblem) -> Int? {
    guard let place = try place(of: field, width: 4) else { return nil }
    return try buffer.target(of: place)
  }

  func table(_ field: Int) throws(DataProblem) -> FlatTable? {
    guard let target = try target(field) else { return nil }
    return try buffer.table(at: target)
  }

  func tables(_ field: Int) throws(DataProblem) -> [FlatTable] {
    guard let target = try target(field) else { return [] }
    var tables: [FlatTable] = []
    let offsets = try buffer.vector(at: target, width: 4)
    buffer.note(target..<offsets.upperBound)
    for place in stride(from: offsets.lowerBound, to: offsets.upperBound, by: 4) {
      tables.append(try buffer.table(at: try buffer.target(of: place)))
    }
    return tables
  }

  func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ field: Int, _ type: T.Type
  ) throws(DataProblem) -> [Int] {
    guard let target = try target(field) else { return [] }
    return try buffer.integers(type, at: target)
  }

  func floats(_ field: Int) throws(DataProblem) -> [Float] {
    guard let target = try target(field) else { return [] }
    return try buffer.floats(at: target)
  }

  func text(_ field: Int) throws(DataProblem) -> String {
    guard let target = try target(field) else { return "" }
    return try buffer.text(at: target)
  }
}
