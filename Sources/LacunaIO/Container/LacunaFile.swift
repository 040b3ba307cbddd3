// A model on disk: named tensors, dense or sparse, f32, 16-bit or 8-bit, and a few lines of text about them.

import LacunaFormats

/// What a `.lacuna` file holds under a name.
public enum StoredTensor: Equatable, Sendable {
  /// Weights, dense or pruned.
  case weights(SparseTensor)
  /// Which weights are kept.
  case bitMask(BitMask)
  /// Anything else.
  case bytes([UInt8])

  /// All elements of a tensor, in row-major order.
  ///
  /// - Throws: `FormatError` when the count is not the shape's.
  public static func dense(shape: [Int], values: [Float]) throws(FormatError) -> StoredTensor {
    .weights(try SparseTensor(shape: shape, values: values))
  }

  /// The tensor's shape; of a mask its rows and columns, of bytes their number.
  public var shape: [Int] {
    switch self {
    case .weights(let tensor): tensor.shape
    case .bitMask(let mask): [mask.rows, mask.columns]
    case .bytes(let bytes): [bytes.count]
    }
  }

  /// Weights of any type; nil for masks and bytes.
  public var weights: SparseTensor? {
    if case .weights(let tensor) = self { tensor } else { nil }
  }

  /// All elements of weights that are stored dense in single precision; nil for all else.
  public var denseValues: [Float]? {
    if case .weights(let tensor) = self, case .f32(.dense(let matrix)) = tensor.storage {
      matrix.values
    } else {
      nil
    }
  }

  /// Which form this is; nil for weights that no file holds: in f64, and dense ones of 16 bits.
  public var kind: TensorKind? {
    switch self {
    case .bitMask: .bitMask
    case .bytes: .bytes
    case .weights(let tensor):
      switch tensor.storage {
      case .f32(.dense): .dense
      case .f32(.csr): .sparse
      case .f32(.bsr): .blockSparse
      case .bf16(.csr): .bf16Sparse
      case .bf16(.bsr): .bf16BlockSparse
      case .f16(.csr): .f16Sparse
      case .f16(.bsr): .f16BlockSparse
      case .i8(.csr): .quantizedSparse
      case .i8(.bsr): .quantizedBlockSparse
      case .codebook: .codebookSparse
      case .f64, .bf16(.dense), .f16(.dense): nil
      }
    }
  }

  /// The name of the form, for messages: `blockSparse`, `f64`.
  public var kindName: String {
    kind.map { "\($0)" } ?? weights.map { $0.type.rawValue } ?? "bytes"
  }
}

/// The forms of ``StoredTensor``; the raw value is what a file holds.
public enum TensorKind: UInt8, Sendable, CaseIterable {
  /// Bytes of any meaning.
  case bytes = 0
  /// All values, f32.
  case dense = 1
  /// CSR, f32.
  case sparse = 2
  /// CSR in 8 bits, a scale for each row.
  case quantizedSparse = 3
  /// BSR, f32.
  case blockSparse = 4
  /// BSR in 8 bits, a scale for each row.
  case quantizedBlockSparse = 5
  /// A bit for each weight.
  case bitMask = 6
  /// CSR on few values. Since version 2 of the layout.
  case codebookSparse = 7
  /// CSR, bf16. Since version 3 of the layout, as all that follow.
  case bf16Sparse = 8
  /// CSR, half precision.
  case f16Sparse = 9
  /// BSR, bf16.
  case bf16BlockSparse = 10
  /// BSR, half precision.
  case f16BlockSparse = 11

  /// Whether a stored entry is a block.
  public var isBlocked: Bool {
    switch self {
    case .blockSparse, .quantizedBlockSparse, .bf16BlockSparse, .f16BlockSparse: true
    case .bytes, .dense, .sparse, .quantizedSparse, .bitMask, .codebookSparse, .bf16Sparse,
      .f16Sparse:
      false
    }
  }
}

/// A tensor and its name.
public struct NamedTensor: Equatable, Sendable {
  /// Not empty, at most 65535 bytes of UTF-8, and unique in its file.
  public var name: String
  /// The tensor, in one of the forms that a file can hold.
  public var tensor: StoredTensor

  /// Joins name and tensor; ``LacunaFile/write(to:)`` checks both.
  public init(name: String, tensor: StoredTensor) { (self.name, self.tensor) = (name, tensor) }
}

/// The content of a `.lacuna` file in memory.
///
/// ``LacunaReader`` gives single tensors without reading the others. The layout is described in
/// `ContainerLayout.swift` and in the article *The .lacuna container*.
public struct LacunaFile: Equatable, Sendable {
  /// Short texts by key, for example the model's architecture as JSON.
  public var metadata: [String: String]
  /// The tensors in the order of the file.
  public var tensors: [NamedTensor]

  /// A file of these texts and tensors; ``write(to:)`` checks them.
  public init(metadata: [String: String] = [:], tensors: [NamedTensor] = []) {
    (self.metadata, self.tensors) = (metadata, tensors)
  }

  /// Reads the file at `path` and checks every byte of it.
  ///
  /// - Throws: ``FileError`` when it cannot be read or is not valid.
  public init(contentsOf path: String) throws(FileError) {
    try self.init(LacunaReader(contentsOf: path))
  }

  /// Reads a file that is in memory; errors call it `name`.
  public init(bytes: [UInt8], name: String = "<memory>") throws(FileError) {
    try self.init(LacunaReader(bytes: bytes, name: name))
  }

  /// Decodes every tensor of `reader`.
  public init(_ reader: LacunaReader) throws(FileError) {
    metadata = reader.metadata
    tensors = []
    for record in reader.records {
      tensors.append(NamedTensor(name: record.name, tensor: try reader.tensor(record)))
    }
  }

  /// The first tensor of that name.
  public subscript(name: String) -> StoredTensor? {
    tensors.first { $0.name.utf8.elementsEqual(name.utf8) }?.tensor
  }

  /// Writes the file to `path` in one step: see ``AtomicFile``.
  ///
  /// - Throws: ``FileError`` when a name is empty, too long or not unique, no file holds
  ///   weights of their type and format, or a system call fails. The previous file is untouched then.
  public func write(to path: String) throws(FileError) {
    let bytes: [UInt8]
    do throws(DataProblem) { bytes = try encoded() } catch { throw .malformed(path: path, error) }
    try AtomicFile.write(bytes, to: path)
  }
}
