// A = L·Lᵀ, A⁻¹ from it, and A·x = b for a symmetric positive definite A, by LAPACKE.
//
// LAPACK stores by columns. A symmetric matrix is its own transpose, so a row-major lower triangle
// is the upper one that LAPACK sees: no copy is made.

import CLAPACKE

extension LAPACK {
  /// The lower triangle of A[n, n] becomes L of A = L·Lᵀ; what is above the diagonal is neither
  /// read nor written.
  ///
  /// Not checked: shape, stride, pointer, NaN.
  ///
  /// - Returns: 0, or the order of the first leading minor that is not positive.
  public static func potrf(n: Int, a: UnsafeMutablePointer<Float>, lda: Int) -> Int {
    Int(LAPACKE_spotrf_work(LAPACK_COL_MAJOR, upper, Int32(n), a, Int32(lda)))
  }

  /// The same in double precision.
  public static func potrf(n: Int, a: UnsafeMutablePointer<Double>, lda: Int) -> Int {
    Int(LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, upper, Int32(n), a, Int32(lda)))
  }

  /// The lower triangle of A⁻¹ from the L that
  /// ``potrf(n:a:lda:)-(_,UnsafeMutablePointer<Float>,_)`` left.
  ///
  /// - Returns: 0, or the number of the first zero on L's diagonal, counted from 1.
  public static func potri(n: Int, a: UnsafeMutablePointer<Float>, lda: Int) -> Int {
    Int(LAPACKE_spotri_work(LAPACK_COL_MAJOR, upper, Int32(n), a, Int32(lda)))
  }

  /// The same in double precision.
  public static func potri(n: Int, a: UnsafeMutablePointer<Double>, lda: Int) -> Int {
    Int(LAPACKE_dpotri_work(LAPACK_COL_MAJOR, upper, Int32(n), a, Int32(lda)))
  }

  /// Each row of B[r, n] becomes the x of A·x = b; the lower triangle of A becomes L.
  ///
  /// - Returns: 0, or the order of the first leading minor that is not positive; B is as it was
  ///   then.
  public static func posv(
    n: Int, rows r: Int, a: UnsafeMutablePointer<Float>, lda: Int, b: UnsafeMutablePointer<Float>,
    ldb: Int
  ) -> Int {
    Int(
      LAPACKE_sposv_work(LAPACK_COL_MAJOR, upper, Int32(n), Int32(r), a, Int32(lda), b, Int32(ldb)))
  }

  /// The same in double precision.
  public static func posv(
    n: Int, rows r: Int, a: UnsafeMutablePointer<Double>, lda: Int,
    b: UnsafeMutablePointer<Double>, ldb: Int
  ) -> Int {
    Int(
      LAPACKE_dposv_work(LAPACK_COL_MAJOR, upper, Int32(n), Int32(r), a, Int32(lda), b, Int32(ldb)))
  }

  private static var upper: CChar { CChar(UInt8(ascii: "U")) }
}
