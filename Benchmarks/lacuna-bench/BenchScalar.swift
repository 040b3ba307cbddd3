// The dense baseline for each scalar type: cblas_?gemm, or cblas_?gemv for each right-hand side.

import Lacuna

/// How the dense product is computed.
enum DenseCall: String, Sendable {
  /// One `cblas_?gemm`.
  case gemm
  /// One `cblas_?gemv` per right-hand side.
  case gemv
}

/// A scalar type that the benchmark knows the dense product of.
protocol BenchScalar: SparseScalar {
  /// Y ← W·X, or Y ← X·Wᵀ for row-major activations, by OpenBLAS.
  static func dense(
    _ call: DenseCall, _ w: UnsafePointer<Self>, _ x: UnsafePointer<Self>,
    _ y: UnsafeMutablePointer<Self>, _ shape: Shape, _ layout: ProductLayout)
}

extension Float: BenchScalar {
  static func dense(
    _ call: DenseCall, _ w: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>, _ shape: Shape, _ layout: ProductLayout
  ) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    switch (call, layout) {
    case (.gemm, .columns):
      BLAS.gemm(m: m, n: n, k: k, a: w, lda: k, b: x, ldb: n, c: y, ldc: n)
    case (.gemm, .rows):
      BLAS.gemm(
        m: n, n: m, k: k, a: x, lda: k, b: w, ldb: k, transposeB: true, c: y, ldc: m)
    case (.gemv, .columns):
      for j in 0..<n {
        BLAS.gemv(m: m, n: k, a: w, lda: k, x: x + j, incX: n, y: y + j, incY: n)
      }
    case (.gemv, .rows):
      for j in 0..<n { BLAS.gemv(m: m, n: k, a: w, lda: k, x: x + j * k, y: y + j * m) }
    }
  }
}

extension Double: BenchScalar {
  static func dense(
    _ call: DenseCall, _ w: UnsafePointer<Double>, _ x: UnsafePointer<Double>,
    _ y: UnsafeMutablePointer<Double>, _ shape: Shape, _ layout: ProductLayout
  ) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    switch (call, layout) {
    case (.gemm, .columns):
      BLAS.gemm(m: m, n: n, k: k, a: w, lda: k, b: x, ldb: n, c: y, ldc: n)
    case (.gemm, .rows):
      BLAS.gemm(
        m: n, n: m, k: k, a: x, lda: k, b: w, ldb: k, transposeB: true, c: y, ldc: m)
    case (.gemv, .columns):
      for j in 0..<n {
        BLAS.gemv(m: m, n: k, a: w, lda: k, x: x + j, incX: n, y: y + j, incY: n)
      }
    case (.gemv, .rows):
      for j in 0..<n { BLAS.gemv(m: m, n: k, a: w, lda: k, x: x + j * k, y: y + j * m) }
    }
  }
}
