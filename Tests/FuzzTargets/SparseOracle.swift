// What holds for every matrix that a reader lets in: its invariants, and its product.

import Lacuna

/// Offsets rise from 0 to the number of entries, the columns of a row strictly, below the width.
func checkPattern(_ pattern: CSRPattern) throws {
  let offsets = pattern.rowOffsets
  try hold(offsets.count == pattern.rows + 1, "\(offsets.count) offsets, \(pattern.rows) rows")
  try hold(offsets.first == 0 && offsets.last == pattern.nnz, "offsets do not span the entries")
  for row in 0..<pattern.rows {
    try hold(offsets[row] <= offsets[row + 1], "the offsets fall after row \(row)")
    var next = 0
    for p in offsets[row]..<offsets[row + 1] {
      let column = pattern.columnIndices[p]
      try hold(column >= next && column < pattern.columns, "column \(column) in row \(row)")
      next = column + 1
    }
  }
}

func checkMatrix<Scalar: SparseScalar>(_ matrix: CSRMatrix<Scalar>) throws {
  try checkPattern(matrix.pattern)
  try hold(matrix.values.count == matrix.pattern.nnz, "\(matrix.values.count) values")
  // Products of more than a few thousand elements would take the search's time.
  if matrix.rows > 64 || matrix.columns > 64 { return }
  try hold(
    isSame(CSRMatrix(dense: matrix.dense(), pattern: matrix.pattern), matrix),
    "dense and back is another matrix")
  try checkProduct(matrix)
}

/// Values compared by their bits, so that a NaN is itself.
func isSame<Scalar: SparseScalar>(_ a: CSRMatrix<Scalar>, _ b: CSRMatrix<Scalar>) -> Bool {
  a.pattern == b.pattern
    && zip(a.values, b.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
}

private func isSame<Scalar: SparseScalar>(_ a: CSRMatrix<Scalar>?, _ b: CSRMatrix<Scalar>) -> Bool {
  a.map { isSame($0, b) } ?? false
}

/// Y = W · X for X of small integers, within the bound of a sum of that many terms.
private func checkProduct<Scalar: SparseScalar>(_ matrix: CSRMatrix<Scalar>) throws {
  if matrix.rows == 0 || matrix.columns == 0 { return }
  let width = 3
  let x = try DenseMatrix<Scalar>(
    rows: matrix.columns, columns: width,
    values: (0..<matrix.columns * width).map { Scalar($0 % 7 - 3) })
  let options = PlanOptions(threads: 1, deterministic: true)
  let plan = try certainly("a plan") {
    try Plan(matrix, layout: .columns, width: width, epilogue: Epilogue(), options: options)
  }
  var y = try DenseMatrix<Scalar>(rows: matrix.rows, columns: width)
  try certainly("a run") { try plan.run(x, into: &y) }
  for row in 0..<matrix.rows {
    for column in 0..<width {
      var (sum, size, terms) = (0.0, 0.0, 0)
      for p in matrix.pattern.rowOffsets[row]..<matrix.pattern.rowOffsets[row + 1] {
        let term =
          Double(matrix.values[p]) * Double(x[matrix.pattern.columnIndices[p], column])
        (sum, size, terms) = (sum + term, size + abs(term), terms + 1)
      }
      // Beyond the type's range the sum may become infinite at another step.
      if !(size < Double(Scalar.greatestFiniteMagnitude) / 4) { continue }
      let found = Double(y[row, column])
      let bound =
        Double(terms + 2) * Double(Scalar.ulpOfOne) * size + Double(Scalar.leastNormalMagnitude)
      try hold(
        abs(found - sum) <= bound, "Y[\(row), \(column)] is \(found), the sum is \(sum) ± \(bound)")
    }
  }
}
