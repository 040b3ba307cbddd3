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
    if let values = try reader.stored(records[index]).denseValues {
      return ByteSlice(values.withUnsafeBytes { [UInt8]($0) })
    }
    guard let matrix = try sparseMatrix(index) else { throw .absent(what: "a matrix") }
    try checkExpansion(
      records[index].name, stored: records[index].byteCount,
      unfolded: tensors[index].elementCount * 4)
    return ByteSlice(matrix.dense().values.withUnsafeBytes { [UInt8]($0) })
  }

  func sparseMatrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float>? {
    let weights = try reader.stored(records[index]).weights
    return weights.flatMap { $0.isDense ? nil : $0.matrix(of: Float.self).csr }
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
      guard let old = try reader.stored(record).weights else {
        throw .absent(what: "weights called \(record.name)")
      }
      let tensor = try old.holding(values, change.storage)
      try file.append(NamedTensor(name: record.name, tensor: .weights(tensor)))
    }
    return ModelImage(FileImage(file.parts()))
  }
}

extension SparseTensor {
  /// Other values in the same form.
  fileprivate func holding(
    _ values: [Float], _ wanted: TensorStorage
  ) throws(DataProblem) -> SparseTensor {
    do {
      let dense = try SparseTensor(shape: shape, values: values)
      if wanted == .dense || isDense && wanted != .sparse { return dense }
      return try likewise(dense.matrix(of: Float.self).csr).shaped(shape)
    } catch let error as FormatError {
      throw .matrix(error)
    } catch {
      throw .unsupported(what: "8-bit values", found: "of \(error)")
    }
  }

  /// A matrix in the type and format of this one.
  private func likewise(_ sparse: CSRMatrix<Float>) throws -> SparseTensor {
    func floats() -> SparseTensor {
      block == .element ? SparseTensor(sparse) : SparseTensor(BSRMatrix(sparse, block: block))
    }
    return switch storage {
    case .f32, .f64: floats()
    case .bf16: floats().converted(to: BFloat16.self)
    case .f16: floats().converted(to: Float16.self)
    case .i8(.csr): SparseTensor(try QuantizedCSR(quantizing: sparse))
    case .i8(.bsr): SparseTensor(try QuantizedBSR(quantizing: BSRMatrix(sparse, block: block)))
    // Fewer weights have no more values than before; others may have too many.
    case .codebook: CodebookCSR(exactly: sparse).map { SparseTensor($0) } ?? floats()
    }
  }
}
