// What the model files one floor up need of the readers here.

import LacunaFormats

extension ArrayFile {
  /// Opens a file whose bytes are at hand, mapped or read.
  package init(opening bytes: ByteSlice, path: String) throws(DataProblem) {
    try self.init(bytes, path: path)
  }

  /// The texts of `__metadata__` of a safetensors file.
  package var texts: [String: String] {
    kind == .safetensors ? (try? SafetensorsHeader.arrays(of: bytes).metadata) ?? [:] : [:]
  }

  /// Whether the arrays are those of a `scipy.sparse` matrix.
  package var isSciPySparse: Bool { kind == .npz && SciPySparse.isSparse(self) }
}

extension StoredArray {
  /// Whether the elements lie in the file as numbers are handed out: little-endian and row-major.
  package var isPlain: Bool {
    if isFortranOrder && shape.count > 1 { return false }
    // Of types that are only carried nobody looks at the elements.
    guard case .number = type else { return true }
    return !isBigEndian
  }

  /// The elements little-endian and row-major.
  ///
  /// - Throws: ``DataProblem``
  package func plainBytes() throws(DataProblem) -> [UInt8] {
    if isPlain { return try bytes() }
    var writer = ByteWriter()
    try read().values.append(to: &writer)
    return writer.bytes
  }

  /// The bytes of the file for new elements, given little-endian and row-major.
  ///
  /// - Throws: ``DataProblem``; also for elements that are no numbers, in a file with another order of
  ///   bytes or dimensions.
  package func stored(_ plain: [UInt8]) throws(DataProblem) -> [UInt8] {
    if isPlain { return plain }
    guard case .number(let element) = type else {
      throw .inside("\(name)", .unsupported(what: "new elements", found: "of type \(type)"))
    }
    var values = try NumericValues(
      element, count: count, bytes: ByteSlice(plain), bigEndian: false, "\(name)")
    if isFortranOrder { values = values.columnMajor(shape: shape) }
    var writer = ByteWriter()
    values.append(to: &writer)
    var bytes = writer.bytes
    if isBigEndian {
      for start in stride(from: 0, to: bytes.count, by: element.size) {
        bytes[start..<start + element.size].reverse()
      }
    }
    return bytes
  }
}

extension LacunaReader {
  /// Opens a file whose bytes are at hand.
  package init(opening bytes: ByteSlice, path: String) throws(DataProblem) {
    try self.init(slice: bytes, path: path)
  }

  /// Decodes one tensor.
  package func stored(_ record: TensorRecord) throws(DataProblem) -> StoredTensor {
    try decoded(record)
  }
}

extension LoadedMatrix {
  /// The matrix of a file of one matrix: `scipy.sparse`, Matrix Market or `.smtx`.
  package static func only(_ bytes: ByteSlice, _ kind: FileKind) throws(DataProblem) -> LoadedMatrix
  {
    switch kind {
    case .matrixMarket: return try MatrixMarket.decoded(bytes)
    case .smtx: return .pattern(try SMTX.decoded(bytes))
    case .npz: return try SciPySparse.matrix(ArrayFile(bytes, path: "the file"))
    case .npy, .safetensors, .lacuna, .idx:
      throw .unsupported(what: "a matrix", found: "that is \(kind.name)")
    }
  }
}

extension FileKind {
  /// The format of bytes at hand, looking into one layer of gzip.
  package init(of bytes: ByteSlice) throws(DataProblem) { try self.init(bytes) }
}

extension Safetensors {
  /// The bytes before the data of a file with those tensors, in that order.
  ///
  /// - Throws: ``DataProblem`` when a name occurs twice, is `__metadata__` or not UTF-8, or the header
  ///   would be too long.
  package static func header(
    metadata: [String: String],
    tensors: [(name: TensorName, dtype: String, shape: [Int], byteCount: Int)]
  ) throws(DataProblem) -> [UInt8] {
    var header = SafetensorsHeader()
    header.metadata = metadata
    var seen: Set<TensorName> = [SafetensorsHeader.metadataName]
    var position = 0
    for tensor in tensors {
      if !seen.insert(tensor.name).inserted { throw .duplicateName("\(tensor.name)") }
      header.tensors.append(
        (
          tensor.name,
          .init(
            dtype: tensor.dtype, shape: tensor.shape,
            offsets: [position, position + tensor.byteCount])
        ))
      position += tensor.byteCount
    }
    var text = try header.encoded()
    text += repeatElement(0x20, count: (64 - (text.count + 8) % 64) % 64)
    if text.count > highestHeaderLength {
      throw .outOfRange(
        what: "header length", value: text.count, lowest: 0, highest: highestHeaderLength)
    }
    var writer = ByteWriter()
    writer.count(text.count)
    writer.append(text)
    return writer.bytes
  }
}
