// A safetensors file as a model: its arrays, and the weights that lie in several of them.

import LacunaFormats
import LacunaIO

/// A safetensors file; weights in parts are one tensor each.
struct SafetensorsModel: ModelContent {
  private enum Content {
    case array(Int)
    case parts(SparseParts)
  }

  private let file: ArrayFile
  private let plain: ArrayModel
  private let contents: [Content]
  let tensors: [ModelTensor]

  init(_ file: ArrayFile, _ bytes: ByteSlice) throws(DataProblem) {
    self.file = file
    plain = try ArrayModel(file, bytes)
    var owner: [Int: SparseParts] = [:]
    var taken = Set(plain.tensors.map { ByteName($0.name) })
    for parts in SparseParts.all(of: file.arrays) {
      // A weight that is there in full as well stays one of its own.
      if !taken.insert(ByteName(parts.name)).inserted { continue }
      if parts.arrays.values.contains(where: { owner[$0] != nil }) { continue }
      for place in parts.arrays.values { owner[place] = parts }
    }
    var (contents, tensors): ([Content], [ModelTensor]) = ([], [])
    for (place, tensor) in plain.tensors.enumerated() {
      guard let parts = owner[place] else {
        contents.append(.array(place))
        tensors.append(tensor)
        continue
      }
      // Listed where the first of its arrays is.
      if parts.arrays.values.min() != place { continue }
      contents.append(.parts(parts))
      let text =
        switch parts.form {
        case .torchCSR:
          parts.block == .element ? "csr" : "bsr \(parts.block.rows)×\(parts.block.columns)"
        case .sparseBitmask, .sparse24Bitmask: parts.form.rawValue
        }
      tensors.append(
        ModelTensor(
          name: parts.name, shape: [parts.rows, parts.columns],
          type: TensorType(file.arrays[parts.values].type), encoding: .sparse(text),
          byteCount: parts.arrays.values.reduce(0) { $0 + file.arrays[$1].byteCount },
          canBeSparse: true))
    }
    (self.contents, self.tensors) = (contents, tensors)
  }

  var metadata: [String: String] { file.texts }

  func slice(_ index: Int) -> ByteSlice? {
    if case .array(let place) = contents[index] { plain.slice(place) } else { nil }
  }

  func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    switch contents[index] {
    case .array(let place): try plain.content(place)
    case .parts(let parts): ByteSlice(try parts.content(file.arrays))
    }
  }

  func sparseMatrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float>? {
    guard case .parts(let parts) = contents[index], tensors[index].type.isFloatingPoint else {
      return nil
    }
    return try parts.matrix(file.arrays)
  }

  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage {
    var arrays: [Int: TensorChange] = [:]
    var weights: [(index: Int, parts: SparseParts, change: TensorChange)] = []
    for (index, change) in changes {
      switch contents[index] {
      case .array(let place): arrays[place] = change
      case .parts(let parts): weights.append((index, parts, change))
      }
    }
    if weights.isEmpty { return try plain.rewritten(arrays, output: output) }
    // Arrays change their size: the header is written anew, the other arrays follow in their order.
    var written: [Int: [SparsePartsForm.Part]] = [:]
    var gone: Set<Int> = []
    for (index, parts, change) in weights {
      gone.formUnion(parts.arrays.values)
      let dtype = file.arrays[parts.values].type.safetensorsCode
      let bytes = try change.content()
      written[parts.arrays.values.min()!] =
        change.storage == .dense
        ? [.init(name: parts.name, dtype: dtype, shape: tensors[index].shape, bytes: bytes)]
        : try parts.form.parts(tensors[index], dtype: dtype, bytes, block: parts.block)
    }
    var pieces: [(name: TensorName, dtype: String, shape: [Int], piece: FileImage.Piece)] = []
    for (place, array) in file.arrays.enumerated() {
      for part in written[place] ?? [] {
        pieces.append((TensorName(part.name), part.dtype, part.shape, .bytes(part.bytes)))
      }
      if gone.contains(place) { continue }
      let piece: FileImage.Piece =
        if let change = arrays[place] {
          .made(count: array.byteCount, change.content)
        } else {
          .slice(try plain.content(place))
        }
      pieces.append((array.name, array.type.safetensorsCode, array.shape, piece))
    }
    return ModelImage(try .safetensors(metadata: metadata, pieces))
  }
}

extension FileImage {
  /// A safetensors file: the header, then one tensor after the other.
  static func safetensors(
    metadata: [String: String],
    _ tensors: [(name: TensorName, dtype: String, shape: [Int], piece: Piece)]
  ) throws(DataProblem) -> FileImage {
    var image = FileImage()
    image.append(
      .bytes(
        try Safetensors.header(
          metadata: metadata, tensors: tensors.map { ($0.name, $0.dtype, $0.shape, $0.piece.count) }
        )))
    for tensor in tensors { image.append(tensor.piece) }
    return image
  }
}

extension SparsePartsForm {
  /// The arrays of a weight with two dimensions and elements of whole bytes.
  func parts(
    _ tensor: ModelTensor, dtype: String, _ elements: [UInt8], block: BlockSize = .element
  ) throws(DataProblem) -> [Part] {
    guard let bits = tensor.type.bits, bits >= 8, tensor.shape.count == 2 else {
      throw .unsupported(
        what: "\(tensor.name), \(tensor.shape) of \(tensor.type.rawValue),", found: "in parts")
    }
    if self == .sparse24Bitmask && tensor.shape[1] % 4 != 0 {
      throw .unsupported(
        what: "\(tensor.name) of \(tensor.shape[1]) columns", found: "in groups of four")
    }
    return try parts(
      tensor.name, dtype: dtype, rows: tensor.shape[0], columns: tensor.shape[1], elements,
      size: bits / 8, signs: tensor.type.isFloatingPoint ? 0x80 : 0, block: block)
  }
}

extension StoredType {
  /// The type in a safetensors header.
  var safetensorsCode: String {
    switch self {
    case .opaque(let code): code
    case .number: TensorType(self).safetensorsCode ?? "U8"
    }
  }
}
