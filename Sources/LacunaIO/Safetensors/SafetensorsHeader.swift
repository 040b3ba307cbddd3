// The JSON header of a safetensors file: names and texts, read with nothing trusted.

/// The header as it stands, before its numbers are compared with the data.
struct SafetensorsHeader {
  struct Tensor: Sendable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]
  }

  var metadata: [String: String] = [:]
  /// In the order of the header, names once.
  var tensors: [(name: TensorName, tensor: Tensor)] = []

  static let metadataName: TensorName = "__metadata__"

  init() {}

  /// - Throws: ``DataProblem`` when the bytes are no header, or a name occurs twice.
  init(parsing bytes: [UInt8]) throws(DataProblem) {
    // The format asks for `{` at the start.
    if bytes.first != UInt8(ascii: "{") {
      throw .unsupported(what: "safetensors header", found: "that is no JSON object")
    }
    var metadata: [String: String] = [:]
    var tensors: [(name: TensorName, tensor: Tensor)] = []
    var scanner = try JSONScanner(bytes, "safetensors header")
    try scanner.object { (scanner, name) throws(DataProblem) in
      if name != Self.metadataName {
        tensors.append((name, try Tensor(&scanner, name)))
        return
      }
      try scanner.object { (scanner, key) throws(DataProblem) in
        let text = String(decoding: try scanner.text().bytes, as: UTF8.self)
        // Two keys that only differ in their Unicode form are one for a dictionary.
        if metadata.updateValue(text, forKey: String(decoding: key.bytes, as: UTF8.self)) != nil {
          throw .duplicateName("\(key)")
        }
      }
    }
    try scanner.end()
    (self.metadata, self.tensors) = (metadata, tensors)
  }

  /// JSON with sorted names: equal headers give equal bytes.
  ///
  /// - Throws: ``DataProblem`` for a name that is not UTF-8.
  func encoded() throws(DataProblem) -> [UInt8] {
    var members: [[UInt8]] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { TensorName($0.key) < TensorName($1.key) }.map { key, value in
        JSONScanner.quoted(Array(key.utf8)) + [0x3A] + JSONScanner.quoted(Array(value.utf8))
      }
      members.append(
        JSONScanner.quoted(Self.metadataName.bytes) + [0x3A, 0x7B]
          + texts.joined(separator: [0x2C]) + [0x7D])
    }
    for (name, tensor) in tensors.sorted(by: { $0.name < $1.name }) {
      if name.text == nil { throw .unsupported(what: "\(name)", found: "as a name in safetensors") }
      func list(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: ",") }
      let dtype = Array(":{\"dtype\":".utf8) + JSONScanner.quoted(Array(tensor.dtype.utf8))
      let rest = ",\"shape\":[\(list(tensor.shape))],\"data_offsets\":[\(list(tensor.offsets))]}"
      members.append(JSONScanner.quoted(name.bytes) + dtype + Array(rest.utf8))
    }
    return [0x7B] + members.joined(separator: [0x2C]) + [0x7D]
  }

  /// Header, names and places of the tensors in a file, in the order of their data.
  ///
  /// - Throws: ``DataProblem``: the header is broken, tensors overlap, leave gaps, or do not have the size
  ///   that their type and shape ask for.
  static func arrays(
    of bytes: ByteSlice
  ) throws(DataProblem) -> (metadata: [String: String], arrays: [StoredArray]) {
    var reader = ByteReader(bytes)
    let length = try reader.count("the header length", atMost: Safetensors.highestHeaderLength)
    let header = try SafetensorsHeader(parsing: try reader.slice(length, "the header").array)
    // Of tensors without data, the order of their names.
    let inOrder = header.tensors.sorted {
      ($0.tensor.offsets[0], $0.tensor.offsets[1], $0.name)
        < ($1.tensor.offsets[0], $1.tensor.offsets[1], $1.name)
    }
    var position = 0
    var arrays: [StoredArray] = []
    for (name, tensor) in inOrder {
      let (start, end) = (tensor.offsets[0], tensor.offsets[1])
      if start != position {
        throw .mismatch(what: "data offset of \(name)", expected: position, actual: start)
      }
      if end < start {
        throw .outOfRange(
          what: "end of \(name)", value: end, lowest: start, highest: start + reader.remaining)
      }
      let offset = reader.offset
      let data = try reader.slice(end - start, "\(name)")
      do throws(DataProblem) { try tensor.check(byteCount: data.count) } catch {
        throw .inside("\(name)", error)
      }
      arrays.append(
        StoredArray(
          name: name, type: tensor.storedType, shape: tensor.shape, isFortranOrder: false,
          byteCount: data.count, byteRange: offset..<offset + data.count,
          source: .safetensors(tensor, data)))
      position = end
    }
    if reader.remaining > 0 { throw .trailingBytes(count: reader.remaining) }
    return (header.metadata, arrays)
  }
}

extension SafetensorsHeader.Tensor {
  fileprivate init(_ scanner: inout JSONScanner, _ name: TensorName) throws(DataProblem) {
    var found: (dtype: String?, shape: [Int]?, offsets: [Int]?)
    try scanner.object { (scanner, key) throws(DataProblem) in
      switch key {
      case "dtype": found.dtype = try String(decoding: scanner.text().bytes, as: UTF8.self)
      case "shape": found.shape = try scanner.integers()
      case "data_offsets": found.offsets = try scanner.integers()
      default: try scanner.skipValue()
      }
    }
    guard let dtype = found.dtype else { throw .absent(what: "dtype of \(name)") }
    guard let shape = found.shape else { throw .absent(what: "shape of \(name)") }
    guard let offsets = found.offsets else { throw .absent(what: "data_offsets of \(name)") }
    if offsets.count != 2 {
      throw .mismatch(
        what: "number of data_offsets of \(name)", expected: 2, actual: offsets.count)
    }
    _ = try elementCount(of: shape, "\(name)")
    (self.dtype, self.shape, self.offsets) = (dtype, shape, offsets)
  }

  static let elements: [(name: String, type: ElementType)] = [
    ("BOOL", .bool), ("I8", .i8), ("U8", .u8), ("I16", .i16), ("U16", .u16), ("I32", .i32),
    ("U32", .u32), ("I64", .i64), ("U64", .u64), ("F16", .f16), ("BF16", .bf16), ("F32", .f32),
    ("F64", .f64),
  ]

  /// Bits of an element of the types that are carried.
  private static let carriedBits = [
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "C64": 64,
  ]

  private var element: ElementType? { Self.elements.first { $0.name == dtype }?.type }

  var storedType: StoredType { element.map { .number($0) } ?? .opaque(dtype) }

  /// Checks that the data has the size of so many elements, as far as their type is known.
  fileprivate func check(byteCount: Int) throws(DataProblem) {
    let bits = element.map { 8 * $0.size } ?? Self.carriedBits[dtype]
    guard let bits else { return }
    let (all, overflow) = try elementCount(of: shape, "it").multipliedReportingOverflow(by: bits)
    if overflow { throw .overflow(what: "its shape") }
    if all % 8 != 0 {
      throw .unsupported(what: "a tensor", found: "of \(all) bits, which are no whole bytes,")
    }
    if byteCount < all / 8 {
      throw .truncated(what: "its data", needed: all / 8, available: byteCount)
    }
    if byteCount > all / 8 { throw .trailingBytes(count: byteCount - all / 8) }
  }

  /// The array whose elements are `data`.
  func array(_ data: ByteSlice) throws(DataProblem) -> NumericArray {
    let count = try elementCount(of: shape, "it")
    try ReadingMemory.check(data.count, "the elements")
    guard let element else {
      return try NumericArray(
        shape: shape,
        values: .opaque(
          OpaqueValues(format: .safetensors, type: dtype, count: count, bytes: data.array)))
    }
    return try NumericArray(
      shape: shape,
      values: NumericValues(
        element, count: count, bytes: data, bigEndian: false, "the elements"))
  }
}
