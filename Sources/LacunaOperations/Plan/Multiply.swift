// Y ← α·W·X + β·Y, or Y ← α·X·Wᵀ + β·Y: one call, nothing kept.

import LacunaFormats

/// Y ← activation(α·W·X + bias + β·Y) for CSR weights.
///
/// Packs the weights for this one call: make a ``Plan`` when they are used again. With β = 0, Y is not
/// read.
///
/// - Parameters:
///   - x: [columns, n] in the layout `.columns`, [n, columns] in the layout `.rows`.
///   - y: [rows, n] or [n, rows].
///   - threads: most threads to use; the result does not depend on it.
/// - Throws: ``OperationError`` when shapes disagree.
/// - Complexity: O(nnz · n)
public func multiply<Scalar: SparseScalar>(
  _ weights: CSRMatrix<Scalar>, _ x: DenseMatrix<Scalar>, into y: inout DenseMatrix<Scalar>,
  alpha: Scalar = 1, beta: Scalar = 0, layout: ProductLayout = .columns,
  epilogue: Epilogue<Scalar> = .init(), threads: Int = 1
) throws(OperationError) {
  try multiplyOnce(.csr(weights), x, &y, alpha, beta, layout, epilogue, threads)
}

/// The same for BSR weights.
public func multiply<Scalar: SparseScalar>(
  _ weights: BSRMatrix<Scalar>, _ x: DenseMatrix<Scalar>, into y: inout DenseMatrix<Scalar>,
  alpha: Scalar = 1, beta: Scalar = 0, layout: ProductLayout = .columns,
  epilogue: Epilogue<Scalar> = .init(), threads: Int = 1
) throws(OperationError) {
  try multiplyOnce(.bsr(weights), x, &y, alpha, beta, layout, epilogue, threads)
}

/// The same for dense weights.
public func multiply<Scalar: SparseScalar>(
  dense weights: DenseMatrix<Scalar>, _ x: DenseMatrix<Scalar>,
  into y: inout DenseMatrix<Scalar>, alpha: Scalar = 1, beta: Scalar = 0,
  layout: ProductLayout = .columns, epilogue: Epilogue<Scalar> = .init(), threads: Int = 1
) throws(OperationError) {
  try multiplyOnce(.dense(weights), x, &y, alpha, beta, layout, epilogue, threads)
}

private func multiplyOnce<Scalar: SparseScalar>(
  _ weights: StoredMatrix<Scalar>, _ x: DenseMatrix<Scalar>, _ y: inout DenseMatrix<Scalar>,
  _ alpha: Scalar, _ beta: Scalar, _ layout: ProductLayout, _ epilogue: Epilogue<Scalar>,
  _ threads: Int
) throws(OperationError) {
  let plan = try Plan(
    source: alpha == 1 ? weights : weights.scaled(by: alpha), layout: layout,
    width: layout == .columns ? x.columns : x.rows,
    epilogue: epilogue, options: PlanOptions(threads: threads, deterministic: true))
  try plan.run(x, into: &y, beta: Double(beta))
}
