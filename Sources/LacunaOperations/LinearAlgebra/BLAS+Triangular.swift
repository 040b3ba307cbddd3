// C ← α·A·Aᵀ + β·C on one triangle, and X·op(L) = B, L·X = B in place: the BLAS calls of a
// factorisation.

import CBLAS

extension BLAS {
  /// The lower triangle of C[n, n] ← α · A·Aᵀ + β · C, row-major. Not checked: shapes, strides,
  /// pointers.
  ///
  /// - Parameters:
  ///   - k: length of the sums.
  ///   - transposeA: whether `a` holds A as [k, n], so that the product is of its columns.
  ///   - lda: elements from one stored row of `a` to the next; `ldc` likewise.
  @inline(__always)
  public static func syrk(
    n: Int, k: Int, alpha: Float = 1, a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    beta: Float = 0, c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    cblas_ssyrk(
      CblasRowMajor, CblasLower, transposeA ? CblasTrans : CblasNoTrans, blasint(n), blasint(k),
      alpha, a, blasint(lda), beta, c, blasint(ldc))
  }

  /// The same in double precision.
  @inline(__always)
  public static func syrk(
    n: Int, k: Int, alpha: Double = 1, a: UnsafePointer<Double>, lda: Int,
    transposeA: Bool = false, beta: Double = 0, c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    cblas_dsyrk(
      CblasRowMajor, CblasLower, transposeA ? CblasTrans : CblasNoTrans, blasint(n), blasint(k),
      alpha, a, blasint(lda), beta, c, blasint(ldc))
  }

  /// B[m, n] ← L⁻¹·B, or with `right` B·L⁻¹, for a lower triangle L; with `transpose` Lᵀ in place
  /// of L. Row-major. Not checked: shapes, strides, pointers, zeros on the diagonal.
  @inline(__always)
  public static func trsm(
    m: Int, n: Int, lower l: UnsafePointer<Float>, ldl: Int, right: Bool = false,
    transpose: Bool = false, b: UnsafeMutablePointer<Float>, ldb: Int
  ) {
    cblas_strsm(
      CblasRowMajor, right ? CblasRight : CblasLeft, CblasLower,
      transpose ? CblasTrans : CblasNoTrans, CblasNonUnit, blasint(m), blasint(n), 1, l,
      blasint(ldl), b, blasint(ldb))
  }

  /// The same in double precision.
  @inline(__always)
  public static func trsm(
    m: Int, n: Int, lower l: UnsafePointer<Double>, ldl: Int, right: Bool = false,
    transpose: Bool = false, b: UnsafeMutablePointer<Double>, ldb: Int
  ) {
    cblas_dtrsm(
      CblasRowMajor, right ? CblasRight : CblasLeft, CblasLower,
      transpose ? CblasTrans : CblasNoTrans, CblasNonUnit, blasint(m), blasint(n), 1, l,
      blasint(ldl), b, blasint(ldb))
  }
}
