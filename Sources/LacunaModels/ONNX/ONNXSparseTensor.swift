// SparseTensorProto: nonzero values and their positions, linear or one coordinate per axis.

import LacunaIO

/// A SparseTensorProto as it stands in the file.
///
///     values   [nnz]                    the nonzeros; its name is that of the tensor
///     indices  i64 [nnz]                positions in row-major order, rising
///              i64 [nnz, rank]          or a row of coordinates for each, in the same order
///     dims     of the tensor with its zeros
struct ONNXSparseTensor {
  let values: ONNXTensor
  let indices: ONNXTensor
  let shape: [Int]
  let message: Range<Int>

  init(_ bytes: ByteSlice, _ message: Range<Int>) throws(DataProblem) {
    self.message = message
    var reader = WireReader(bytes, message)
    var (values, indices): (ONNXTensor?, ONNXTensor?) = (nil, nil)
    var dims: [Int64] = []
    while let field = try reader.next("SparseTensorProto") {
      switch field.number {
      case 1, 2:
        try WireReader.expect(.bytes, field, "SparseTensorProto")
        let tensor = try ONNXTensor(bytes, field.payload)
        if field.number == 1 { values = tensor } else { indices = tensor }
      case 3: try reader.integers(of: field, "SparseTensorProto", into: &dims)
      default: break
      }
    }
    guard let values else { throw .absent(what: "the values of a sparse tensor") }
    guard let indices else { throw .absent(what: "the indices of \(values.name.text)") }
    (self.values, self.indices, shape) = (values, indices, dims.map { Int($0) })
    _ = try elementCount(of: shape, values.name.text)
  }

  /// All elements with their zeros.
  ///
  /// - Throws: `DataProblem` when a position lies outside, is not above the one before, or there are
  ///   more or fewer than values.
  func content(
    in bytes: ByteSlice, _ outside: ONNXExternalData
  ) throws(DataProblem) -> ByteSlice {
    let (numbers, places, width) = try entries(in: bytes, outside)
    var dense = [UInt8](repeating: 0, count: try elementCount(of: shape, values.name.text) * width)
    for (entry, place) in places.enumerated() {
      for byte in 0..<width { dense[place * width + byte] = numbers.byte(entry * width + byte) }
    }
    return ByteSlice(dense)
  }

  /// The elements that are stored, their positions in row-major order, and the bytes of one.
  ///
  /// - Throws: as ``content(in:_:)``.
  func entries(
    in bytes: ByteSlice, _ outside: ONNXExternalData
  ) throws(DataProblem) -> (numbers: ByteSlice, places: [Int], width: Int) {
    let name = values.name.text
    let count = try elementCount(of: shape, name)
    guard let bits = values.type.bits, bits >= 8, let total = values.type.byteCount(of: count)
    else {
      throw .unsupported(what: "type of the sparse tensor \(name)", found: "\(values.type)")
    }
    guard indices.type == .i64 else {
      throw .unsupported(what: "index type of \(name)", found: "\(indices.type)")
    }
    let nnz = values.elementCount
    let isLinear = indices.shape == [nnz]
    if !isLinear && indices.shape != [nnz, shape.count] {
      throw .mismatch(
        what: "number of indices of \(name)", expected: nnz, actual: indices.elementCount)
    }
    let numbers = try values.content(in: bytes, outside)
    let stored = try indices.content(in: bytes, outside)
    try checkExpansion(name, stored: numbers.count + stored.count, unfolded: total)
    var places: [Int] = []
    places.reserveCapacity(nnz)
    var last = -1
    for entry in 0..<nnz {
      var place = 0
      if isLinear {
        place = stored.int64(entry)
        if place < 0 || place >= count {
          throw .outOfRange(
            what: "index \(entry) of \(name)", value: place, lowest: 0, highest: count - 1)
        }
      } else {
        for axis in shape.indices {
          let coordinate = stored.int64(entry * shape.count + axis)
          if coordinate < 0 || coordinate >= shape[axis] {
            throw .outOfRange(
              what: "index \(entry), axis \(axis) of \(name)", value: coordinate, lowest: 0,
              highest: shape[axis] - 1)
          }
          place = place * shape[axis] + coordinate
        }
        // Of rank 0 there is one element, and no coordinate says so.
        if place >= count {
          throw .outOfRange(
            what: "index \(entry) of \(name)", value: place, lowest: 0, highest: count - 1)
        }
      }
      if place <= last {
        throw .outOfRange(
          what: "index \(entry) of \(name)", value: place, lowest: last + 1, highest: count - 1)
      }
      last = place
      places.append(place)
    }
    return (numbers, places, bits / 8)
  }

  /// The message for the nonzeros among `elements`, with the fields of `tensor` that hold none.
  ///
  /// - Parameter coordinates: Store a coordinate for each axis in place of the position.
  static func encoded(
    _ elements: UnsafeRawBufferPointer, of tensor: ONNXTensor, coordinates: Bool,
    in bytes: ByteSlice
  ) throws(DataProblem) -> [UInt8] {
    guard let bits = tensor.type.bits, bits >= 8 else {
      throw .unsupported(what: "type of the sparse tensor", found: "\(tensor.type)")
    }
    let width = bits / 8
    var (kept, places, count): ([UInt8], [Int64], Int) = ([], [], 0)
    for place in 0..<tensor.elementCount {
      let element = elements[place * width..<(place + 1) * width]
      if element.contains(where: { $0 != 0 }) {
        kept.append(contentsOf: element)
        count += 1
        if coordinates {
          var rest = tensor.elementCount
          for size in tensor.shape {
            rest /= size
            places.append(Int64(place / rest % size))
          }
        } else {
          places.append(Int64(place))
        }
      }
    }
    // The fields of the dense tensor but its shape, so that name and metadata stay.
    var values = try tensor.withoutElements(in: bytes, dropping: [1])
    values.varint(1, UInt64(count))
    values.bytes(9, kept)
    var indices = WireWriter()
    indices.varint(1, UInt64(count))
    if coordinates { indices.varint(1, UInt64(tensor.shape.count)) }
    indices.varint(2, ONNXTensor.code(of: .i64))
    indices.bytes(9, places.withUnsafeBytes { [UInt8]($0) })
    var message = WireWriter()
    message.bytes(1, values.bytes)
    message.bytes(2, indices.bytes)
    for size in tensor.shape { message.varint(3, UInt64(size)) }
    return message.bytes
  }
}

extension ByteSlice {
  /// The 64-bit integer number `index`. Not checked: it lies inside.
  func int64(_ index: Int) -> Int {
    let place = range.lowerBound + index * 8
    return Int(storage.memory.loadUnaligned(fromByteOffset: place, as: Int64.self))
  }
}
