// Float and Double as the dense linear algebra of this module sees them: one set of BLAS and LAPACK
// calls.

import LacunaFormats

/// An element type with the dense routines that the tiled algorithms below are made of. Row-major,
/// unchecked.
package protocol LinearScalar: SparseScalar {
  static func product(
    m: Int, n: Int, k: Int, alpha: Self, a: UnsafePointer<Self>, lda: Int, transposeA: Bool,
    b: UnsafePointer<Self>, ldb: Int, transposeB: Bool, beta: Self,
    c: UnsafeMutablePointer<Self>, ldc: Int)
  /// y[m] ← A[m, n]·x + β·y.
  static func product(
    m: Int, n: Int, a: UnsafePointer<Self>, lda: Int, x: UnsafePointer<Self>, beta: Self,
    y: UnsafeMutablePointer<Self>)
  /// Lower triangle of C ← α·A·Aᵀ + β·C.
  static func square(
    n: Int, k: Int, alpha: Self, a: UnsafePointer<Self>, lda: Int, transposeA: Bool, beta: Self,
    c: UnsafeMutablePointer<Self>, ldc: Int)
  /// B ← L⁻¹·B, B·L⁻¹ or the same with Lᵀ.
  static func solve(
    m: Int, n: Int, lower: UnsafePointer<Self>, ldl: Int, right: Bool, transpose: Bool,
    b: UnsafeMutablePointer<Self>, ldb: Int)
  /// A ← L of A = L·Lᵀ; 0 or the order of the minor that is not positive.
  static func factor(n: Int, a: UnsafeMutablePointer<Self>, lda: Int) -> Int
}

extension Float: LinearScalar {
  package static func product(
    m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int, transposeA: Bool,
    b: UnsafePointer<Float>, ldb: Int, transposeB: Bool, beta: Float,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    BLAS.gemm(
      m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, b: b, ldb: ldb,
      transposeB: transposeB, beta: beta, c: c, ldc: ldc)
  }

  package static func product(
    m: Int, n: Int, a: UnsafePointer<Float>, lda: Int, x: UnsafePointer<Float>, beta: Float,
    y: UnsafeMutablePointer<Float>
  ) {
    BLAS.gemv(m: m, n: n, a: a, lda: lda, x: x, beta: beta, y: y)
  }

  package static func square(
    n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int, transposeA: Bool, beta: Float,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    BLAS.syrk(
      n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, beta: beta, c: c, ldc: ldc)
  }

  package static func solve(
    m: Int, n: Int, lower: UnsafePointer<Float>, ldl: Int, right: Bool, transpose: Bool,
    b: UnsafeMutablePointer<Float>, ldb: Int
  ) {
    BLAS.trsm(
      m: m, n: n, lower: lower, ldl: ldl, right: right, transpose: transpose, b: b, ldb: ldb)
  }

  package static func factor(n: Int, a: UnsafeMutablePointer<Float>, lda: Int) -> Int {
    LAPACK.potrf(n: n, a: a, lda: lda)
  }
}

extension Double: LinearScalar {
  package static func product(
    m: Int, n: Int, k: Int, alpha: Double, a: UnsafePointer<Double>, lda: Int, transposeA: Bool,
    b: UnsafePointer<Double>, ldb: Int, transposeB: Bool, beta: Double,
    c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    BLAS.gemm(
      m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, b: b, ldb: ldb,
      transposeB: transposeB, beta: beta, c: c, ldc: ldc)
  }

  package static func product(
    m: Int, n: Int, a: UnsafePointer<Double>, lda: Int, x: UnsafePointer<Double>, beta: Double,
    y: UnsafeMutablePointer<Double>
  ) {
    BLAS.gemv(m: m, n: n, a: a, lda: lda, x: x, beta: beta, y: y)
  }

  package static func square(
    n: Int, k: Int, alpha: Double, a: UnsafePointer<Double>, lda: Int, transposeA: Bool,
    beta: Double, c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    BLAS.syrk(
      n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, beta: beta, c: c, ldc: ldc)
  }

  package static func solve(
    m: Int, n: Int, lower: UnsafePointer<Double>, ldl: Int, right: Bool, transpose: Bool,
    b: UnsafeMutablePointer<Double>, ldb: Int
  ) {
    BLAS.trsm(
      m: m, n: n, lower: lower, ldl: ldl, right: right, transpose: transpose, b: b, ldb: ldb)
  }

  package static func factor(n: Int, a: UnsafeMutablePointer<Double>, lda: Int) -> Int {
    LAPACK.potrf(n: n, a: a, lda: lda)
  }
}
