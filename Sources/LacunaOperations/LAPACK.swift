// Least squares min‖A·x − b‖₂ by LAPACKE.

import CLAPACKE
import LacunaFormats

/// Dense linear algebra beyond products, through LAPACKE.
public enum LAPACK {
  /// The X[n, r] that minimises ‖A·X − B‖ for A[m, n] of full rank with m ≥ n and B[m, r].
  ///
  /// What refits the kept weights of a pruned layer to its dense outputs: one column per output.
  ///
  /// - Throws: ``OperationError/shapeMismatch(operand:dimension:expected:actual:)``; with operand
  ///   "A" and dimension "independent columns" when A is rank deficient.
  /// - Complexity: O(m·n²)
  public static func leastSquares(
    _ a: DenseMatrix<Double>, _ b: DenseMatrix<Double>
  ) throws(OperationError) -> DenseMatrix<Double> {
    let (m, n, r) = (a.rows, a.columns, b.columns)
    if b.rows != m {
      throw .shapeMismatch(operand: "B", dimension: "rows", expected: m, actual: b.rows)
    }
    if m < n || n == 0 || r == 0 {
      throw .outOfRange(name: "columns of A", value: n, minimum: 1, maximum: m)
    }
    var (factor, solution) = (a, b)
    let (lda, ldb) = (a.rowStride, b.rowStride)
    let info = factor.withUnsafeMutableElements { left in
      solution.withUnsafeMutableElements { right in
        LAPACKE_dgels(
          LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "N")), Int32(m), Int32(n), Int32(r),
          left.baseAddress, Int32(lda), right.baseAddress, Int32(ldb))
      }
    }
    if info > 0 {
      throw .shapeMismatch(
        operand: "A", dimension: "independent columns", expected: n, actual: Int(info) - 1)
    }
    do {
      var x = try DenseMatrix<Double>(rows: n, columns: r)
      for i in 0..<n { for j in 0..<r { x[i, j] = solution[i, j] } }
      return x
    } catch { throw .format(error) }
  }
}
