// The dense baseline for each scalar type: cblas_?gemm, or cblas_?gemv for one right-hand side.

import Lacuna

/// A scalar type that the benchmark knows the dense product of.
protocol BenchScalar: SparseScalar {
  /// Y ← W·X, or Y ← X·Wᵀ for row-major activations, by OpenBLAS.
  static func dense(
    _ w: UnsafePointer<Self>, _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>,
    _ shape: Shape, _ layout: ProductLayout)
}

extension Float: BenchScalar {
  static func dense(
    _ w: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    _ shape: Shape, _ layout: ProductLayout
  ) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    if n == 1 {
      BLAS.gemv(m: m, n: k, a: w, lda: k, x: x, y: y)
    } else if layout == .columns {
      BLAS.gemm(m: m, n: n, k: k, a: w, lda: k, b: x, ldb: n, c: y, ldc: n)
    } else {
      BLAS.gemm(
        m: n, n: m, k: k, a: x, lda: k, b: w, ldb: k, transposeB: true, c: y, ldc: m)
    }
  }
}

extension Double: BenchScalar {
  static func dense(
    _ w: UnsafePointer<Double>, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>,
    _ shape: Shape, _ layout: ProductLayout
  ) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    if n == 1 {
      BLAS.gemv(m: m, n: k, a: w, lda: k, x: x, y: y)
    } else if layout == .columns {
      BLAS.gemm(m: m, n: n, k: k, a: w, lda: k, b: x, ldb: n, c: y, ldc: n)
    } else {
      BLAS.gemm(
        m: n, n: m, k: k, a: x, lda: k, b: w, ldb: k, transposeB: true, c: y, ldc: m)
    }
  }
}
