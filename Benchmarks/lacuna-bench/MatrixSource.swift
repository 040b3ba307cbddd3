// A real matrix from a file instead of random weights.

import Lacuna

extension ProductOptions {
  /// Measures products with the matrix of a file, for each number of right-hand sides.
  func measureMatrix(_ path: String, widths: [Int]) throws {
    var printer = RowPrinter(
      json: measure.json, header: ProductResult.tableHeader, widths: ProductResult.tableWidths)
    for dtype in dtypes.elements {
      for width in widths {
        let results =
          switch dtype {
          case .f32: try measured(Float.self, path, width: width)
          case .f64: try measured(Double.self, path, width: width)
          case .bf16, .f16, .i8: try measured(Float.self, path, width: width, dtype: dtype)
          }
        for result in results { printer.show(result.row, result.tableCells) }
      }
    }
  }

  private func measured<Scalar: BenchScalar>(
    _: Scalar.Type, _ path: String, width: Int, dtype: BenchType = BenchType(Scalar.dtype)
  ) throws -> [ProductResult] {
    var loaded = try MatrixFile.read(contentsOf: path, as: Scalar.self)
    var fileBlock = BlockSize.element
    switch loaded {
    case .matrix(let matrix): fileBlock = matrix.block
    case .pattern(let pattern): loaded = .matrix(.csr(try randomValues(pattern)))
    }
    let weights: DenseMatrix<Scalar>
    do throws(DataProblem) { weights = try loaded.dense() } catch {
      throw FileError.malformed(path: path, error)
    }
    if weights.rows == 0 || weights.columns == 0 {
      throw Failure(.badData, "\(path): the matrix is \(weights.rows)×\(weights.columns)")
    }
    return try (blocks?.elements ?? [fileBlock]).map { block in
      let product = ProductCase(
        shape: Shape(m: weights.rows, k: weights.columns, n: width),
        sparsity: BitMask(nonzerosOf: weights).sparsity, block: block, dtype: dtype,
        layout: layout.layout)
      if let weights = weights as? DenseMatrix<Float> {
        switch dtype {
        case .bf16:
          return try product.measuredNarrow(weights, BFloat16.self, measure, plan: plan)
        case .f16: return try product.measuredNarrow(weights, Float16.self, measure, plan: plan)
        case .i8: return try product.measuredBytes(weights, measure, plan: plan)
        case .f32, .f64: break
        }
      }
      return try product.measured(weights, measure, plan: plan)
    }
  }

  /// Random numbers at the entries of a pattern: `.smtx` files hold positions only.
  private func randomValues<Scalar: SparseScalar>(
    _ pattern: CSRPattern
  ) throws -> CSRMatrix<Scalar> {
    var generator = SplitMix64(seed: measure.seed)
    let values = (0..<pattern.nnz).map { _ in generator.nonzero() as Scalar }
    return try CSRMatrix(pattern: pattern, values: values)
  }
}
