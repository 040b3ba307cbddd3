// Dense C ← α·op(A)·op(B) + β·C and y ← α·op(A)·x + β·y by OpenBLAS, all row-major.

import CBLAS

/// Dense products through CBLAS, and control of OpenBLAS itself.
///
/// OpenBLAS keeps threads of its own. Lacuna's own parallel operations call it with one thread
/// each, and leave ``threads``, the program's setting for plain dense products, as it was.
public enum BLAS {
  /// C[m, n] ← α · op(A)[m, k] · op(B)[k, n] + β · C. Not checked: shapes, strides, pointers.
  ///
  /// - Parameters:
  ///   - transposeA: whether `a` holds A as [k, m].
  ///   - transposeB: whether `b` holds B as [n, k].
  ///   - lda: elements from one stored row of `a` to the next; `ldb`, `ldc` likewise.
  @inline(__always)
  public static func gemm(
    m: Int, n: Int, k: Int, alpha: Float = 1, a: UnsafePointer<Float>, lda: Int,
    transposeA: Bool = false, b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false,
    beta: Float = 0, c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(lda), b, blasint(ldb), beta, c,
      blasint(ldc))
  }

  /// The same in double precision.
  @inline(__always)
  public static func gemm(
    m: Int, n: Int, k: Int, alpha: Double = 1, a: UnsafePointer<Double>, lda: Int,
    transposeA: Bool = false, b: UnsafePointer<Double>, ldb: Int, transposeB: Bool = false,
    beta: Double = 0, c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    cblas_dgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(lda), b, blasint(ldb), beta, c,
      blasint(ldc))
  }

  /// y ← α · op(A) · x + β · y for A stored as [m, n]. Not checked: shapes, strides, pointers.
  ///
  /// - Parameter transposeA: x has m elements and y has n, instead of n and m.
  @inline(__always)
  public static func gemv(
    m: Int, n: Int, alpha: Float = 1, a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    x: UnsafePointer<Float>, incX: Int = 1, beta: Float = 0, y: UnsafeMutablePointer<Float>,
    incY: Int = 1
  ) {
    cblas_sgemv(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, blasint(m), blasint(n), alpha, a,
      blasint(lda), x, blasint(incX), beta, y, blasint(incY))
  }

  /// The same in double precision.
  @inline(__always)
  public static func gemv(
    m: Int, n: Int, alpha: Double = 1, a: UnsafePointer<Double>, lda: Int,
    transposeA: Bool = false, x: UnsafePointer<Double>, incX: Int = 1, beta: Double = 0,
    y: UnsafeMutablePointer<Double>, incY: Int = 1
  ) {
    cblas_dgemv(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, blasint(m), blasint(n), alpha, a,
      blasint(lda), x, blasint(incX), beta, y, blasint(incY))
  }

  /// Threads that one call of OpenBLAS may use. Applies to the whole process.
  public static var threads: Int {
    get { Int(openblas_get_num_threads()) }
    set { openblas_set_num_threads(Int32(max(1, newValue))) }
  }

  /// The set of kernels that OpenBLAS chose, such as "SkylakeX" or "Haswell".
  public static var coreName: String { String(cString: openblas_get_corename()) }

  /// Version and build options of the library.
  public static var configuration: String { String(cString: openblas_get_config()) }

  /// Whether OpenBLAS chose kernels for AVX-512.
  package static let hasWideCore: Bool = {
    let core = coreName.lowercased()
    return !narrowCores.contains { $0.lowercased() == core }
  }()

  private static let narrowCores = [
    "Haswell", "Zen", "Sandybridge", "Nehalem", "Prescott", "Core2", "Barcelona",
  ]
}
