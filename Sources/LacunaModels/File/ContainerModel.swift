// A .lacuna file as a model: its weights; masks, texts and the state of a training are carried.

import LacunaFormats
import LacunaIO

/// A `.lacuna` file. Of a checkpoint the weights alone are tensors, under the names that they have in its network.
struct ContainerModel: ModelContent {
  private let reader: LacunaReader
  /// The records that are tensors; the others are carried.
  private let records: [TensorRecord]
  let tensors: [ModelTensor]

  init(_ bytes: ByteSlice, path: String) throws(DataProblem) {
    reader = try LacunaReader(opening: bytes, path: path)
    let weights = reader.metadata["kind"] == "lacuna checkpoint" ? "weights/" : ""
    records = reader.records.filter {
      $0.kind != .bytes && $0.kind != .bitMask && $0.name.hasPrefix(weights)
    }
    tensors = records.map { record in
      let block = "\(record.block.rows)×\(record.block.columns)"
      let encoding: TensorEncoding =
        switch record.kind {
        case .dense, .bytes, .bitMask: .dense
        case .sparse: .sparse("csr")
        case .quantizedSparse: .sparse("csr, 8-bit")
        case .blockSparse: .sparse("bsr \(block)")
        case .quantizedBlockSparse: .sparse("bsr \(block), 8-bit")
        case .codebookSparse: .sparse("csr, \(record.codebookCount ?? 0) values")
        case .bf16Sparse: .sparse("csr, bf16")
        case .f16Sparse: .sparse("csr, f16")
        case .bf16BlockSparse: .sparse("bsr \(block), bf16")
        case .f16BlockSparse: .sparse("bsr \(block), f16")
        }
      return ModelTensor(
        name: String(record.name.dropFirst(weights.count)), shape: record.shape, type: .f32,
        role: record.shape.count >= 2 ? .weight : .unknown, encoding: encoding,
        byteCount: record.byteCount, canBeSparse: record.shape.count >= 2)
    }
  }

  var metadata: [String: String] { reader.metadata }

  func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    if case .dense(_, let values) = try reader.stored(records[index]) {
      return ByteSlice(values.withUnsafeBytes { [UInt8]($0) })
    }
    guard let matrix = try sparseMatrix(index) else { throw .absent(what: "a matrix") }
    try checkExpansion(
      records[index].name, stored: records[index].byteCount,
      unfolded: tensors[index].elementCount * 4)
    return ByteSlice(matrix.dense().values.withUnsafeBytes { [UInt8]($0) })
  }

  func sparseMatrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float>? {
    switch try reader.stored(records[index]) {
    case .dense, .bytes, .bitMask: nil
    case .sparse(_, let matrix): matrix
    case .quantizedSparse(_, let matrix): matrix.dequantized()
    case .blockSparse(_, let matrix): CSRMatrix(matrix)
    case .quantizedBlockSparse(_, let matrix): CSRMatrix(matrix.dequantized())
    case .codebookSparse(_, let matrix): matrix.values()
    case .narrow(_, let matrix): matrix.csr
    }
  }

  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage {
    var replaced: [String: TensorChange] = [:]
    for (index, change) in changes { replaced[records[index].name] = change }
    var file = ContainerBuilder(metadata: reader.metadata)
    for record in reader.records {
      guard let change = replaced[record.name] else {
        try file.append(record, of: reader)
        continue
      }
      let values: [Float] = TensorNumbers.elements(ByteSlice(try change.content()))
      let tensor = try reader.stored(record).holding(values, change.storage)
      try file.append(NamedTensor(name: record.name, tensor: tensor))
    }
    return ModelImage(FileImage(file.parts()))
  }
}

extension StoredTensor {
  /// Other values in the same form.
  fileprivate func holding(
    _ values: [Float], _ storage: TensorStorage
  ) throws(DataProblem) -> StoredTensor {
    let rows = max(shape.first ?? 1, 1)
    let form = storage == .dense ? .dense : storage == .sparse && kind == .dense ? .sparse : kind
    if form == .dense { return .dense(shape: shape, values: values) }
    let sparse: CSRMatrix<Float>
    do throws(FormatError) {
      sparse = CSRMatrix(
        dense: try DenseMatrix(rows: rows, columns: values.count / rows, values: values))
    } catch { throw .matrix(error) }
    do throws(QuantizationError) {
      switch self {
      case .quantizedSparse:
        return .quantizedSparse(shape: shape, try QuantizedCSR(quantizing: sparse))
      case .blockSparse(_, let old):
        return .blockSparse(shape: shape, BSRMatrix(sparse, block: old.block))
      case .quantizedBlockSparse(_, let old):
        return .quantizedBlockSparse(
          shape: shape, try QuantizedBSR(quantizing: BSRMatrix(sparse, block: old.block)))
      case .codebookSparse:
        // Fewer weights have no more values than before; others may have too many.
        return CodebookCSR(exactly: sparse).map { .codebookSparse(shape: shape, $0) }
          ?? .sparse(shape: shape, sparse)
      case .narrow(_, let old): return .narrow(shape: shape, old.replaced(by: sparse))
      case .dense, .sparse, .bitMask, .bytes: return .sparse(shape: shape, sparse)
      }
    } catch { throw .unsupported(what: "8-bit values", found: "of \(error)") }
  }
}
