// Y ← act(W·X + b) by a plan over sparse weights, or over the same weights kept dense.

import LacunaFormats
import LacunaIO
import LacunaOperations

/// How a network's kernels are kept in memory for inference.
public enum WeightStorage: String, Sendable, CaseIterable {
  /// As stored in the file: sparse tensors become plans for sparse products, never dense matrices.
  case sparse
  /// As dense matrices for OpenBLAS: the baseline and the oracle.
  case dense
}

extension StoredTensor {
  /// A plan for the tensor seen as a matrix `[out, in]`.
  ///
  /// - Parameter width: right-hand sides to expect.
  func plan(
    storage: WeightStorage, width: Int, epilogue: Epilogue<Float>, options: PlanOptions,
    name: String
  ) throws(ModelError) -> Plan<Float> {
    let dense = storage == .dense
    do {
      switch self {
      case .dense(let shape, let values):
        let matrix = try DenseMatrix<Float>(
          rows: shape.first ?? 1, columns: shape.dropFirst().reduce(1, *), values: values)
        return try Plan(dense: matrix, width: width, epilogue: epilogue, options: options)
      case .sparse(_, let csr):
        return dense
          ? try Plan(dense: csr.dense(), width: width, epilogue: epilogue, options: options)
          : try Plan(csr, width: width, epilogue: epilogue, options: options)
      case .quantizedSparse(let shape, let quantized):
        return try StoredTensor.sparse(shape: shape, quantized.dequantized()).plan(
          storage: storage, width: width, epilogue: epilogue, options: options, name: name)
      case .codebookSparse(let shape, let matrix):
        return try StoredTensor.sparse(shape: shape, matrix.values()).plan(
          storage: storage, width: width, epilogue: epilogue, options: options, name: name)
      case .blockSparse(_, let bsr):
        return dense
          ? try Plan(dense: bsr.dense(), width: width, epilogue: epilogue, options: options)
          : try Plan(bsr, width: width, epilogue: epilogue, options: options)
      case .quantizedBlockSparse(let shape, let quantized):
        return try StoredTensor.blockSparse(shape: shape, quantized.dequantized()).plan(
          storage: storage, width: width, epilogue: epilogue, options: options, name: name)
      case .bitMask, .bytes:
        throw ModelError.tensorKind(name: name, expected: "numbers", found: "\(kind)")
      }
    } catch let error as ModelError {
      throw error
    } catch let error as OperationError {
      throw .operation(layer: name, error)
    } catch {
      throw .tensorKind(name: name, expected: "a matrix", found: "\(error)")
    }
  }

  /// The values of a tensor that is stored dense.
  func denseValues(name: String) throws(ModelError) -> [Float] {
    guard case .dense(_, let values) = self else {
      throw .tensorKind(name: name, expected: "dense", found: "\(kind)")
    }
    return values
  }
}
