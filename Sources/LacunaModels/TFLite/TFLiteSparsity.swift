// TFLite's sparse encoding: an order of dimensions, each dense or compressed, blocks as extra ones.

import LacunaIO

/// How the zeros of one tensor are left out.
///
/// A tensor of rank n with k blocked dimensions has n + k levels. Level l walks dimension `order[l]`;
/// those from n on are the insides of blocks of dimension `blockMap[order[l] − n]`.
///
///     rows dense, columns compressed          order 0 1     dense(rows), csr
///     blocks of 1×4                           order 0 1 2   dense(rows), csr, dense(4)   blockMap 1
///
/// Values follow in the order of the walk.
package struct TFLiteSparsity: Equatable, Sendable {
  package enum Level: Equatable, Sendable {
    case dense(Int)
    case compressed(segments: [Int], indices: [Int])
  }

  package var order: [Int]
  package var blockMap: [Int]
  package var levels: [Level]

  package init(order: [Int], blockMap: [Int], levels: [Level]) {
    (self.order, self.blockMap, self.levels) = (order, blockMap, levels)
  }

  /// As in `csr` or `csr blocks of 1×4`.
  var description: String {
    let isCompressed = levels.contains { if case .compressed = $0 { true } else { false } }
    let rank = order.count - blockMap.count
    let blocks = zip(order, levels).compactMap { axis, level -> Int? in
      if axis >= rank, case .dense(let size) = level { size } else { nil }
    }
    return (isCompressed ? "csr" : "dense")
      + (blocks.isEmpty ? "" : " blocks of " + blocks.map(String.init).joined(separator: "×"))
  }

  /// Bytes of positions, in the smallest index types.
  var byteCount: Int {
    levels.reduce(0) {
      if case .compressed(let segments, let indices) = $1 {
        $0 + segments.count * Self.width(of: segments) + indices.count * Self.width(of: indices)
      } else {
        $0
      }
    }
  }

  /// Bytes of the smallest index type that holds all of `values`.
  static func width(of values: [Int]) -> Int {
    let highest = values.max() ?? 0
    return highest <= UInt8.max ? 1 : highest <= UInt16.max ? 2 : 4
  }

  /// Walks the levels of a tensor.
  struct Geometry {
    /// Size of each level, and what a step in it moves in the tensor, in elements.
    var sizes: [Int] = []
    var strides: [Int] = []
  }

  /// - Throws: `DataProblem` when the order is no permutation, blocks do not divide a dimension, or
  ///   a dense level has another size than its dimension.
  func geometry(of shape: [Int], _ name: String) throws(DataProblem) -> Geometry {
    let (rank, count) = (shape.count, order.count)
    if count != rank + blockMap.count || levels.count != count {
      throw .mismatch(
        what: "number of sparse levels of \(name)", expected: rank + blockMap.count,
        actual: levels.count)
    }
    // Real files have at most four dimensions, two of them blocked.
    if count > 16 {
      throw .outOfRange(what: "sparse levels of \(name)", value: count, lowest: 0, highest: 16)
    }
    if order.sorted() != Array(0..<count) {
      throw .unsupported(what: "traversal order of \(name)", found: "\(order)")
    }
    var blocks = [Int](repeating: 1, count: rank)
    for (place, axis) in blockMap.enumerated() {
      guard axis >= 0, axis < rank else {
        throw .outOfRange(
          what: "block map of \(name)", value: axis, lowest: 0, highest: rank - 1)
      }
      guard let level = order.firstIndex(of: rank + place), case .dense(let size) = levels[level],
        size > 0, blocks[axis] == 1, shape[axis] % size == 0
      else {
        throw .unsupported(what: "blocks of \(name)", found: "along axis \(axis) of \(shape)")
      }
      blocks[axis] = size
    }
    var strides = [Int](repeating: 1, count: rank)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    var geometry = Geometry()
    for (level, axis) in order.enumerated() {
      if axis < rank {
        geometry.sizes.append(shape[axis] / blocks[axis])
        geometry.strides.append(strides[axis] * blocks[axis])
      } else {
        geometry.sizes.append(blocks[blockMap[axis - rank]])
        geometry.strides.append(strides[blockMap[axis - rank]])
      }
      if case .dense(let size) = levels[level], size != geometry.sizes[level] {
        throw .mismatch(
          what: "size of sparse level \(level) of \(name)", expected: geometry.sizes[level],
          actual: size)
      }
    }
    return geometry
  }

  /// All elements, those that are left out as zeros.
  ///
  /// - Parameters:
  ///   - values: The stored elements, `width` bytes each.
  /// - Throws: `DataProblem` when segments fall or do not end at the number of indices, an index lies
  ///   outside or not above the one before, or there are more or fewer values than positions.
  package func unfolded(
    _ values: ByteSlice, shape: [Int], width: Int, name: String
  ) throws(DataProblem) -> ByteSlice {
    let geometry = try geometry(of: shape, name)
    let count = shape.reduce(1, *)
    try checkExpansion(name, stored: values.count + byteCount, unfolded: count * width)
    var positions = 1
    for (level, content) in levels.enumerated() {
      switch content {
      // Sizes are those of the tensor, whose product is known to fit, and indices rise.
      case .dense(let size): positions *= size
      case .compressed(let segments, let indices):
        try Self.check(
          segments, indices, parents: positions, size: geometry.sizes[level],
          "sparse level \(level) of \(name)")
        positions = indices.count
      }
    }
    if values.count != positions * width {
      throw .mismatch(
        what: "stored bytes of \(name)", expected: positions * width, actual: values.count)
    }
    var dense = [UInt8](repeating: 0, count: count * width)
    values.withUnsafeBytes { source in
      dense.withUnsafeMutableBytes { target in
        walk(0, position: 0, offset: 0, geometry) { value, place in
          UnsafeMutableRawBufferPointer(rebasing: target[place * width..<(place + 1) * width])
            .copyMemory(
              from: UnsafeRawBufferPointer(rebasing: source[value * width..<(value + 1) * width]))
        }
      }
    }
    return ByteSlice(dense)
  }

  func walk(
    _ level: Int, position: Int, offset: Int, _ geometry: Geometry,
    _ body: (_ value: Int, _ place: Int) -> Void
  ) {
    if level == levels.count { return body(position, offset) }
    let stride = geometry.strides[level]
    switch levels[level] {
    case .dense(let size):
      for index in 0..<size {
        walk(
          level + 1, position: position * size + index, offset: offset + index * stride, geometry,
          body)
      }
    case .compressed(let segments, let indices):
      for entry in segments[position]..<segments[position + 1] {
        walk(
          level + 1, position: entry, offset: offset + indices[entry] * stride, geometry, body)
      }
    }
  }

  private static func check(
    _ segments: [Int], _ indices: [Int], parents: Int, size: Int, _ what: String
  ) throws(DataProblem) {
    if segments.count != parents + 1 {
      throw .mismatch(what: "segments of \(what)", expected: parents + 1, actual: segments.count)
    }
    if segments[0] != 0 {
      throw .mismatch(what: "first segment of \(what)", expected: 0, actual: segments[0])
    }
    if segments[parents] != indices.count {
      throw .mismatch(
        what: "last segment of \(what)", expected: indices.count, actual: segments[parents])
    }
    for parent in 0..<parents {
      let (start, end) = (segments[parent], segments[parent + 1])
      if end < start || end > indices.count {
        throw .outOfRange(
          what: "segment \(parent + 1) of \(what)", value: end, lowest: start,
          highest: indices.count)
      }
      var last = -1
      for entry in start..<end {
        if indices[entry] <= last || indices[entry] >= size {
          throw .outOfRange(
            what: "index \(entry) of \(what)", value: indices[entry], lowest: last + 1,
            highest: size - 1)
        }
        last = indices[entry]
      }
    }
  }

}
