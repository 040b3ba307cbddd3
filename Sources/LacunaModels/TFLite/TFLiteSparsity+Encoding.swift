// A tensor's elements into the sparse encoding, and the encoding out of and into a file.

import LacunaIO

extension TFLiteSparsity {
  /// The same order, blocks and kinds of levels for other elements, and the values in their order.
  ///
  /// - Throws: `DataProblem` as ``unfolded(_:shape:width:name:)``.
  package func encoding(
    _ elements: [UInt8], shape: [Int], width: Int, name: String
  ) throws(DataProblem) -> (sparsity: TFLiteSparsity, values: [UInt8]) {
    let geometry = try geometry(of: shape, name)
    if elements.isEmpty {
      throw .unsupported(what: "a sparse encoding of \(name)", found: "without elements")
    }
    var walkOrder: [Int] = []
    walkOrder.reserveCapacity(elements.count / width)
    // Every element in the order of the walk, were all levels dense.
    let all = TFLiteSparsity(
      order: order, blockMap: blockMap, levels: geometry.sizes.map { .dense($0) })
    all.walk(0, position: 0, offset: 0, geometry) { _, place in walkOrder.append(place) }
    // Below each position of each level: is there anything?
    var occupied: [[Bool]] = [
      walkOrder.map { place in (0..<width).contains { elements[place * width + $0] != 0 } }
    ]
    for size in geometry.sizes.reversed() {
      let below = occupied.last!
      occupied.append(
        size == 0
          ? [false]
          : (0..<below.count / size).map { below[$0 * size..<($0 + 1) * size].contains(true) })
    }
    occupied.reverse()
    var result = self
    var positions = [0]
    for (level, size) in geometry.sizes.enumerated() {
      var next: [Int] = []
      if case .dense = levels[level] {
        for position in positions { next += position * size..<(position + 1) * size }
      } else {
        var (segments, indices): ([Int], [Int]) = ([0], [])
        for position in positions {
          for index in 0..<size where occupied[level + 1][position * size + index] {
            next.append(position * size + index)
            indices.append(index)
          }
          segments.append(indices.count)
        }
        result.levels[level] = .compressed(segments: segments, indices: indices)
      }
      positions = next
    }
    var values: [UInt8] = []
    values.reserveCapacity(positions.count * width)
    for position in positions {
      values += elements[walkOrder[position] * width..<(walkOrder[position] + 1) * width]
    }
    return (result, values)
  }

  /// Reads a SparsityParameters table.
  init(_ table: FlatTable, name: String) throws(DataProblem) {
    order = try table.integers(0, Int32.self)
    blockMap = try table.integers(1, Int32.self)
    levels = []
    for dimension in try table.tables(2) {
      switch try dimension.integer(0, Int8.self) {
      case 0: levels.append(.dense(Int(try dimension.integer(1, Int32.self))))
      case 1:
        levels.append(
          .compressed(
            segments: try Self.indices(dimension, type: 2, name),
            indices: try Self.indices(dimension, type: 4, name)))
      case let other:
        throw .unsupported(what: "format of a sparse level of \(name)", found: "\(other)")
      }
    }
    for case .dense(let size) in levels where size < 0 {
      throw .outOfRange(
        what: "size of a sparse level of \(name)", value: size, lowest: 0, highest: .max)
    }
  }

  /// The union of index vectors whose type is in field `type` and whose table is in the next.
  private static func indices(
    _ table: FlatTable, type: Int, _ name: String
  ) throws(DataProblem) -> [Int] {
    guard let vector = try table.table(type + 1) else { return [] }
    switch try table.integer(type, UInt8.self) {
    case 1: return try vector.integers(0, Int32.self)
    case 2: return try vector.integers(0, UInt16.self)
    case 3: return try vector.integers(0, UInt8.self)
    case let other: throw .unsupported(what: "index type of \(name)", found: "\(other)")
    }
  }

  /// Appends a SparsityParameters table; gives where it is.
  func append(to writer: inout FlatWriter) -> Int {
    let table = writer.table(
      blockMap.isEmpty ? [0: .offset, 2: .offset] : [0: .offset, 1: .offset, 2: .offset])
    writer.link(table.places[0]!, to: writer.integers(order, width: 4))
    if let place = table.places[1] { writer.link(place, to: writer.integers(blockMap, width: 4)) }
    let (vector, places) = writer.offsets(levels.count)
    writer.link(table.places[2]!, to: vector)
    for (level, place) in zip(levels, places) {
      switch level {
      case .dense(let size):
        writer.link(place, to: writer.table([0: .byte(0), 1: .int(size)]).position)
      case .compressed(let segments, let indices):
        let widths = (Self.width(of: segments), Self.width(of: indices))
        // Int32Vector is 1, Uint16Vector 2, Uint8Vector 3.
        let kinds: [Int: UInt8] = [4: 1, 2: 2, 1: 3]
        let dimension = writer.table([
          0: .byte(1), 1: .int(0), 2: .byte(kinds[widths.0]!), 3: .offset,
          4: .byte(kinds[widths.1]!), 5: .offset,
        ])
        writer.link(place, to: dimension.position)
        for (field, values, width) in [(3, segments, widths.0), (5, indices, widths.1)] {
          let holder = writer.table([0: .offset])
          writer.link(dimension.places[field]!, to: holder.position)
          writer.link(holder.places[0]!, to: writer.integers(values, width: width))
        }
      }
    }
    return table.position
  }
}
