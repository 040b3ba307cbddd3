// A model on disk: named tensors, dense or sparse, f32, 16-bit or 8-bit, and a few lines of text about them.

import LacunaFormats

/// A tensor in one of the forms that a `.lacuna` file can hold.
///
/// The matrix forms store the tensor as a matrix whose element count is the product of `shape`; a
/// convolution kernel of shape `[outC, kH, kW, inC]` is the matrix `[outC, kH·kW·inC]`.
public enum StoredTensor: Equatable, Sendable {
  /// All values in row-major order.
  case dense(shape: [Int], values: [Float])
  /// The kept values of a pruned tensor.
  case sparse(shape: [Int], CSRMatrix<Float>)
  /// The kept values in 8 bits, one scale for each row.
  case quantizedSparse(shape: [Int], QuantizedCSR)
  /// The kept blocks of a tensor pruned in blocks.
  case blockSparse(shape: [Int], BSRMatrix<Float>)
  /// The kept blocks in 8 bits, one scale for each row.
  case quantizedBlockSparse(shape: [Int], QuantizedBSR)
  /// The kept values, of which there are few different ones.
  case codebookSparse(shape: [Int], CodebookCSR)
  /// The kept values, or blocks, of a pruned tensor in bf16 or f16.
  case narrow(shape: [Int], NarrowMatrix)
  /// Which weights are kept.
  case bitMask(BitMask)
  /// Anything else.
  case bytes([UInt8])

  /// The tensor's shape; of a mask its rows and columns, of bytes their number.
  public var shape: [Int] {
    switch self {
    case .dense(let shape, _), .sparse(let shape, _), .quantizedSparse(let shape, _),
      .blockSparse(let shape, _), .quantizedBlockSparse(let shape, _),
      .codebookSparse(let shape, _), .narrow(let shape, _):
      shape
    case .bitMask(let mask): [mask.rows, mask.columns]
    case .bytes(let bytes): [bytes.count]
    }
  }

  /// Which form this is.
  public var kind: TensorKind {
    switch self {
    case .dense: .dense
    case .sparse: .sparse
    case .quantizedSparse: .quantizedSparse
    case .blockSparse: .blockSparse
    case .quantizedBlockSparse: .quantizedBlockSparse
    case .codebookSparse: .codebookSparse
    case .narrow(_, .bf16): .bf16Sparse
    case .narrow(_, .f16): .f16Sparse
    case .narrow(_, .bf16Blocks): .bf16BlockSparse
    case .narrow(_, .f16Blocks): .f16BlockSparse
    case .bitMask: .bitMask
    case .bytes: .bytes
    }
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

  /// The type of values of 16 bits; nil for others.
  var precision: NarrowMatrix.Precision? {
    switch self {
    case .bf16Sparse, .bf16BlockSparse: .bf16
    case .f16Sparse, .f16BlockSparse: .f16
    case .bytes, .dense, .sparse, .quantizedSparse, .blockSparse, .quantizedBlockSparse, .bitMask,
      .codebookSparse:
      nil
    }
  }

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
  /// - Throws: ``FileError`` when a name is empty, too long or not unique, a shape disagrees with
  ///   its tensor, or a system call fails. The previous file is untouched then.
  public func write(to path: String) throws(FileError) {
    let bytes: [UInt8]
    do throws(DataProblem) { bytes = try encoded() } catch { throw .malformed(path: path, error) }
    try AtomicFile.write(bytes, to: path)
  }
}
