// New objects at the end of a flatbuffer: parents first, because offsets lead forward only.

import LacunaIO

/// Objects that are appended to a file.
struct FlatWriter {
  /// Where the first byte will be; a multiple of 16.
  let base: Int
  private(set) var bytes: [UInt8] = []

  init(base: Int) { self.base = base }

  /// Where the next byte will be.
  private var end: Int { base + bytes.count }

  /// Zeros until `end + ahead` has the remainder `rest` by `alignment`.
  private mutating func pad(to alignment: Int, rest: Int = 0, ahead: Int = 0) {
    while (end + ahead) % alignment != rest { bytes.append(0) }
  }

  private mutating func set<T: FixedWidthInteger>(_ value: T, at place: Int) {
    withUnsafeBytes(of: value.littleEndian) {
      for (offset, byte) in $0.enumerated() { bytes[place - base + offset] = byte }
    }
  }

  private mutating func append<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Lets the offset at `place` lead to `target`, which comes later.
  mutating func link(_ place: Int, to target: Int) { set(UInt32(target - place), at: place) }

  /// A vector of `count` elements; gives where it is.
  mutating func vector(_ count: Int, _ content: [UInt8], alignment: Int = 4) -> Int {
    pad(to: max(4, alignment), ahead: 4)
    let start = end
    append(UInt32(count))
    bytes += content
    return start
  }

  /// A vector of integers in the type of `width` bytes.
  mutating func integers(_ values: [Int], width: Int) -> Int {
    var content: [UInt8] = []
    content.reserveCapacity(values.count * width)
    for value in values {
      for byte in 0..<width { content.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
    return vector(values.count, content)
  }

  /// A vector of `count` offsets that are linked later; gives the places of its elements.
  mutating func offsets(_ count: Int) -> (position: Int, places: [Int]) {
    let start = vector(count, [UInt8](repeating: 0, count: 4 * count))
    return (start, (0..<count).map { start + 4 + 4 * $0 })
  }

  /// What a field of a new table holds.
  enum Value {
    case byte(UInt8)
    case int(Int)
    /// An offset, to be linked.
    case offset
  }

  /// A table; gives where it and its offsets are.
  mutating func table(_ fields: [Int: Value]) -> (position: Int, places: [Int: Int]) {
    let count = (fields.keys.max() ?? -1) + 1
    pad(to: 4, ahead: 4 + 2 * count)
    let vtable = end
    var (places, size): ([Int: Int], Int) = ([:], 4)
    // Four-byte fields first: all of them are aligned then.
    for (number, value) in fields.sorted(by: { $0.key < $1.key }) {
      if case .byte = value { continue }
      places[number] = size
      size += 4
    }
    for (number, value) in fields.sorted(by: { $0.key < $1.key }) {
      guard case .byte = value else { continue }
      places[number] = size
      size += 1
    }
    append(UInt16(4 + 2 * count))
    append(UInt16(size))
    for number in 0..<count { append(UInt16(places[number] ?? 0)) }
    let position = end
    append(Int32(position - vtable))
    bytes += [UInt8](repeating: 0, count: size - 4)
    for (number, value) in fields {
      switch value {
      case .byte(let byte): set(byte, at: position + places[number]!)
      case .int(let value): set(Int32(truncatingIfNeeded: value), at: position + places[number]!)
      case .offset: break
      }
    }
    return (position, places.mapValues { position + $0 })
  }

  /// A copy of a table and of all that it leads to, with `extra` as an additional offset.
  ///
  /// - Returns: Where the copy is, and where the additional offset.
  mutating func clone(
    _ table: FlatTable, _ schema: FlatSchema, adding extra: Int? = nil
  ) throws(DataProblem) -> (position: Int, extra: Int?) {
    let count = max(table.fieldCount, extra.map { $0 + 1 } ?? 0)
    var places: [Int?] = []
    for number in 0..<count { places.append(try table.place(of: number, width: 1)) }
    let replaced = extra.map { places[$0] != nil } ?? false
    let size = table.size + (extra == nil || replaced ? 0 : 4 + (4 - table.size % 4) % 4)
    pad(to: 4, rest: 0, ahead: 4 + 2 * count)
    let vtableSize = 4 + 2 * count
    // The table gets the same remainder by 16, so that its fields stay aligned.
    pad(to: 16, rest: table.position % 16, ahead: vtableSize)
    let vtable = end
    append(UInt16(vtableSize))
    append(UInt16(size))
    let extraOffset = size - 4
    for (number, place) in places.enumerated() {
      if number == extra && !replaced {
        append(UInt16(extraOffset))
      } else {
        append(UInt16(place.map { $0 - table.position } ?? 0))
      }
    }
    let position = end
    bytes += table.buffer.bytes.part(table.position..<table.position + table.size).array
    bytes += [UInt8](repeating: 0, count: size - table.size)
    set(Int32(position - vtable), at: position)
    for (number, place) in places.enumerated() where number != extra {
      guard let place else { continue }
      guard number < schema.fields.count else {
        throw .unsupported(what: "field \(number) of \(schema.name)", found: "of a newer TFLite")
      }
      let own = position + place - table.position
      switch schema.fields[number] {
      case .number: break
      case .vector(let width): link(own, to: try copy(table.buffer, place, width: max(width, 1)))
      case .table(let inner):
        let child = try table.buffer.table(at: try table.buffer.target(of: place))
        link(own, to: try clone(child, inner).position)
      case .union(let kinds):
        guard let inner = kinds[try table.integer(number - 1, UInt8.self)] else {
          throw .unsupported(what: "a union of \(schema.name)", found: "of a newer TFLite")
        }
        let child = try table.buffer.table(at: try table.buffer.target(of: place))
        link(own, to: try clone(child, inner).position)
      case .tables(let inner):
        let source = try table.buffer.target(of: place)
        let elements = try table.buffer.vector(at: source, width: 4)
        let (vector, slots) = offsets(elements.count / 4)
        link(own, to: vector)
        for (slot, element) in zip(
          slots, stride(from: elements.lowerBound, to: elements.upperBound, by: 4))
        {
          let child = try table.buffer.table(at: try table.buffer.target(of: element))
          link(slot, to: try clone(child, inner).position)
        }
      }
    }
    return (
      position,
      extra.map { replaced ? position + places[$0]! - table.position : position + extraOffset }
    )
  }

  /// A copy of the vector that the offset at `place` of `source` leads to.
  private mutating func copy(
    _ source: FlatBuffer, _ place: Int, width: Int
  ) throws(DataProblem) -> Int {
    let range = try source.vector(at: try source.target(of: place), width: width)
    let position = vector(range.count / width, source.bytes.part(range).array, alignment: width)
    // Texts end with a zero that is not counted.
    bytes.append(0)
    return position
  }
}
