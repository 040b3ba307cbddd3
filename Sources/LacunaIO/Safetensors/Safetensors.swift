// safetensors: u64 header length, a JSON header, the tensors' bytes without gaps.

import LacunaFormats

/// Named arrays and texts in Hugging Face's safetensors format, all in memory.
///
///     0  8     N, little-endian, at most 100 MB
///     8  N     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {…}}
///     8+N      data; offsets count from here, without overlaps and gaps
///
/// Types that Lacuna does not compute with (`F8_E4M3`, `F4`, `C64`, those still to come) become
/// ``OpaqueValues``. ``ArrayFile`` reads one tensor at a time.
public struct Safetensors: Equatable, Sendable {
  /// The texts of `__metadata__`.
  public var metadata: [String: String]
  /// The arrays in the order of their data.
  public var arrays: [NamedArray]

  /// The longest header that readers accept.
  static let highestHeaderLength = 100_000_000

  /// A file of these texts and arrays; ``encoded()`` checks both.
  public init(metadata: [String: String] = [:], arrays: [NamedArray] = []) {
    (self.metadata, self.arrays) = (metadata, arrays)
  }

  /// The array of that name.
  public subscript(name: TensorName) -> NumericArray? {
    arrays.first { $0.name == name }?.array
  }

  /// The array of that name.
  public subscript(name: String) -> NumericArray? { self[TensorName(name)] }

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
    let (metadata, stored) = try SafetensorsHeader.arrays(of: bytes)
    (self.metadata, arrays) = (metadata, [])
    for array in stored {
      arrays.append(NamedArray(name: array.name, array: try array.read()))
    }
  }

  /// The bytes of the file, the header padded with spaces so that the data starts at a multiple of 64.
  ///
  /// - Throws: ``DataProblem`` when a name occurs twice or is `__metadata__`, or an array is of a type
  ///   that safetensors does not have.
  public func encoded() throws(DataProblem) -> [UInt8] {
    var header = SafetensorsHeader()
    header.metadata = metadata
    var data = ByteWriter()
    var seen: Set<TensorName> = [SafetensorsHeader.metadataName]
    for named in arrays {
      if !seen.insert(named.name).inserted { throw .duplicateName("\(named.name)") }
      let start = data.count
      named.array.values.append(to: &data)
      header.tensors.append(
        (
          named.name,
          .init(
            dtype: try Self.dtype(of: named), shape: named.array.shape,
            offsets: [start, data.count])
        ))
    }
    var text = try header.encoded()
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

  private static func dtype(of named: NamedArray) throws(DataProblem) -> String {
    if case .opaque(let values) = named.array.values {
      if values.format == .safetensors { return values.type }
      throw .unsupported(
        what: "dtype of \(named.name) in safetensors:", found: Printable.escaped(values.type))
    }
    let type = named.array.values.type!
    return SafetensorsHeader.Tensor.elements.first { $0.type == type }!.name
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
