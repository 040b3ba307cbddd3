// safetensors: u64 header length, a JSON header, the tensors' bytes without gaps.

import LacunaFormats

/// Named arrays and texts in Hugging Face's safetensors format.
///
///     0  8     N, little-endian, at most 100 MB
///     8  N     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {…}}
///     8+N      data; offsets count from here, without overlaps and gaps
public struct Safetensors: Equatable, Sendable {
  /// The texts of `__metadata__`.
  public var metadata: [String: String]
  /// The arrays in the order of their data.
  public var arrays: [NamedArray]

  /// The longest header that readers accept.
  static let highestHeaderLength = 100_000_000

  public init(metadata: [String: String] = [:], arrays: [NamedArray] = []) {
    (self.metadata, self.arrays) = (metadata, arrays)
  }

  /// The array of that name.
  public subscript(name: String) -> NumericArray? { arrays.first { $0.name == name }?.array }

  /// Reads the file at `path`.
  ///
  /// - Throws: ``FileError``
  public init(contentsOf path: String) throws(FileError) {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { try self.init(bytes) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// Reads a file that is in memory.
  public init(bytes: [UInt8]) throws(DataProblem) { try self.init(ByteSlice(bytes)) }

  private init(_ bytes: ByteSlice) throws(DataProblem) {
    var reader = ByteReader(bytes)
    let length = try reader.count("the header length", atMost: Self.highestHeaderLength)
    let header = try SafetensorsHeader(parsing: try reader.slice(length, "the header").array)
    (metadata, arrays) = (header.metadata, [])
    for (name, tensor) in header.tensors where tensor.offsets.count != 2 {
      throw .mismatch(
        what: "number of data_offsets of \(name)", expected: 2, actual: tensor.offsets.count)
    }
    // The order of the data; of arrays without data, that of their names.
    let inOrder = header.tensors.sorted {
      ($0.value.offsets[0], $0.value.offsets[1], $0.key)
        < ($1.value.offsets[0], $1.value.offsets[1], $1.key)
    }
    var position = 0
    for (name, tensor) in inOrder {
      let (start, end) = (tensor.offsets[0], tensor.offsets[1])
      if start != position {
        throw .mismatch(what: "data offset of \(name)", expected: position, actual: start)
      }
      if end < start {
        throw .outOfRange(
          what: "end of \(name)", value: end, lowest: start, highest: start + reader.remaining)
      }
      let data = try reader.slice(end - start, name)
      arrays.append(NamedArray(name: name, array: try Self.array(name, tensor, data)))
      position = end
    }
    if reader.remaining > 0 { throw .trailingBytes(count: reader.remaining) }
  }

  private static let types: [(String, ElementType)] = [
    ("BOOL", .bool), ("I8", .i8), ("U8", .u8), ("I16", .i16), ("U16", .u16), ("I32", .i32),
    ("U32", .u32), ("I64", .i64), ("U64", .u64), ("F16", .f16), ("BF16", .bf16), ("F32", .f32),
    ("F64", .f64),
  ]

  private static func array(
    _ name: String, _ tensor: SafetensorsHeader.Tensor, _ data: ByteSlice
  ) throws(DataProblem) -> NumericArray {
    guard let type = types.first(where: { $0.0 == tensor.dtype })?.1 else {
      throw .unsupported(what: "dtype of \(name)", found: tensor.dtype)
    }
    let count = try elementCount(of: tensor.shape, name)
    let values = try NumericValues(type, count: count, bytes: data, bigEndian: false, name)
    return try NumericArray(shape: tensor.shape, values: values)
  }

  /// The bytes of the file, the header padded with spaces so that the data starts at a multiple of 64.
  ///
  /// - Throws: ``DataProblem`` when a name occurs twice or is `__metadata__`, or an array holds text.
  public func encoded() throws(DataProblem) -> [UInt8] {
    var header = SafetensorsHeader()
    header.metadata = metadata
    var data = ByteWriter()
    for named in arrays {
      if named.name == SafetensorsHeader.metadataName || header.tensors[named.name] != nil {
        throw .duplicateName(named.name)
      }
      guard let type = named.array.values.type,
        let code = Self.types.first(where: { $0.1 == type })?.0
      else { throw .unsupported(what: "dtype of \(named.name)", found: "text") }
      let start = data.count
      named.array.values.append(to: &data)
      header.tensors[named.name] = .init(
        dtype: code, shape: named.array.shape, offsets: [start, data.count])
    }
    var text = header.encoded()
    text += repeatElement(0x20, count: (64 - (text.count + 8) % 64) % 64)
    if text.count > Self.highestHeaderLength {
      throw .outOfRange(
        what: "header length", value: text.count, lowest: 0, highest: Self.highestHeaderLength)
    }
    var writer = ByteWriter()
    writer.count(text.count)
    writer.append(text)
    writer.append(data.bytes)
    return writer.bytes
  }

  /// Writes the file to `path` in one step.
  ///
  /// - Throws: ``FileError``
  public func write(to path: String) throws(FileError) {
    let bytes: [UInt8]
    do throws(DataProblem) { bytes = try encoded() } catch { throw .malformed(path: path, error) }
    try AtomicFile.write(bytes, to: path)
  }
}
