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
  /// The arrays in the order of the header.
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
    let header = try JSON(parsing: try reader.slice(length, "the header").array)
    guard case .object(let members) = header else {
      throw .unsupported(what: "safetensors header", found: "that is no object")
    }
    (metadata, arrays) = ([:], [])
    let data = try reader.slice(reader.remaining, "the data")
    var ranges: [(range: Range<Int>, name: String)] = []
    for (name, value) in members {
      if name == "__metadata__" {
        guard case .object(let texts) = value else {
          throw .unsupported(what: "__metadata__", found: "that is no object")
        }
        for (key, text) in texts {
          guard case .string(let text) = text else {
            throw .unsupported(what: "metadata \(key)", found: "that is no text")
          }
          metadata[key] = text
        }
        continue
      }
      let (array, range) = try Self.array(name, value, data)
      arrays.append(NamedArray(name: name, array: array))
      ranges.append((range, name))
    }
    ranges.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = 0
    for (range, name) in ranges {
      if range.lowerBound != end {
        throw .mismatch(what: "data offset of \(name)", expected: end, actual: range.lowerBound)
      }
      end = range.upperBound
    }
    if end < data.count { throw .trailingBytes(count: data.count - end) }
  }

  private static let types: [(String, ElementType)] = [
    ("BOOL", .bool), ("I8", .i8), ("U8", .u8), ("I16", .i16), ("U16", .u16), ("I32", .i32),
    ("U32", .u32), ("I64", .i64), ("U64", .u64), ("F16", .f16), ("BF16", .bf16), ("F32", .f32),
    ("F64", .f64),
  ]

  private static func array(
    _ name: String, _ value: JSON, _ data: ByteSlice
  ) throws(DataProblem) -> (NumericArray, Range<Int>) {
    guard case .string(let code)? = value["dtype"] else { throw .absent(what: "dtype of \(name)") }
    guard let type = types.first(where: { $0.0 == code })?.1 else {
      throw .unsupported(what: "dtype of \(name)", found: code)
    }
    func integers(_ key: String) throws(DataProblem) -> [Int] {
      guard case .array(let values)? = value[key] else { throw .absent(what: "\(key) of \(name)") }
      var result: [Int] = []
      for value in values {
        guard case .integer(let number) = value, number >= 0 else {
          throw .unsupported(what: "\(key) of \(name)", found: value.text)
        }
        result.append(number)
      }
      return result
    }
    let shape = try integers("shape")
    let offsets = try integers("data_offsets")
    if offsets.count != 2 {
      throw .mismatch(what: "number of data_offsets of \(name)", expected: 2, actual: offsets.count)
    }
    if offsets[1] < offsets[0] {
      throw .outOfRange(
        what: "end of \(name)", value: offsets[1], lowest: offsets[0], highest: data.count)
    }
    var reader = ByteReader(data)
    _ = try reader.slice(offsets[0], name)
    let bytes = try reader.slice(offsets[1] - offsets[0], name)
    let count = try elementCount(of: shape, name)
    let values = try NumericValues(type, count: count, bytes: bytes, bigEndian: false, name)
    return (try NumericArray(shape: shape, values: values), offsets[0]..<offsets[1])
  }

  /// The bytes of the file, the header padded with spaces so that the data starts at a multiple of 64.
  ///
  /// - Throws: ``DataProblem`` when a name occurs twice or is `__metadata__`, or an array holds text.
  public func encoded() throws(DataProblem) -> [UInt8] {
    var members: [(key: String, value: JSON)] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map {
        (key: $0.key, value: JSON.string($0.value))
      }
      members.append(("__metadata__", .object(texts)))
    }
    var seen: Set<String> = ["__metadata__"]
    var data = ByteWriter()
    for named in arrays {
      if !seen.insert(named.name).inserted { throw .duplicateName(named.name) }
      guard let type = named.array.values.type,
        let code = Self.types.first(where: { $0.1 == type })?.0
      else { throw .unsupported(what: "dtype of \(named.name)", found: "text") }
      let start = data.count
      named.array.values.append(to: &data)
      members.append(
        (
          named.name,
          .object([
            ("dtype", .string(code)), ("shape", .array(named.array.shape.map { .integer($0) })),
            ("data_offsets", .array([.integer(start), .integer(data.count)])),
          ])
        ))
    }
    var header = Array(JSON.object(members).text.utf8)
    header += repeatElement(0x20, count: (64 - (header.count + 8) % 64) % 64)
    if header.count > Self.highestHeaderLength {
      throw .outOfRange(
        what: "header length", value: header.count, lowest: 0, highest: Self.highestHeaderLength)
    }
    var writer = ByteWriter()
    writer.count(header.count)
    writer.append(header)
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
