// f32 matrices of a container → matrices on few values.

import LacunaFormats

extension LacunaFile {
  /// Puts f32 tensors of two or more dimensions on few values: see ``CodebookSearch``.
  ///
  /// - Parameters:
  ///   - error: What that may cost, over all tensors that take part.
  ///   - most: Values besides zero, by the tensor's name; nil for a tensor that stays as it is.
  /// - Throws: ``CodebookSearch/Failure``
  public mutating func useCodebooks(
    error: Double, most: (String) -> Int?
  ) throws(CodebookSearch.Failure) {
    var chosen: [(place: Int, matrix: CSRMatrix<Float>, most: Int)] = []
    for (place, named) in tensors.enumerated() {
      guard let most = most(named.name), let matrix = named.tensor.floatMatrix else { continue }
      chosen.append((place, matrix, most))
    }
    let found = try CodebookSearch.found(
      chosen.map(\.matrix), most: chosen.map(\.most), error: error)
    for (entry, matrix) in zip(chosen, found.matrices) {
      let shape = tensors[entry.place].tensor.shape
      // A matrix on few values is as large as the one that it was made from.
      tensors[entry.place].tensor = .weights(try! SparseTensor(matrix).shaped(shape))
    }
  }
}

extension StoredTensor {
  /// The nonzeros of an f32 tensor as the matrix [first dimension, all others]; nil for all else.
  fileprivate var floatMatrix: CSRMatrix<Float>? {
    guard let weights, case .f32(let matrix) = weights.storage else { return nil }
    switch matrix {
    case .csr(let matrix): return matrix
    case .dense(let matrix):
      return shape.count >= 2 && weights.stored > 0 ? CSRMatrix(dense: matrix) : nil
    case .bsr: return nil
    }
  }
}
