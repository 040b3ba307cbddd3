// C ← A·B for bf16 operands by OpenBLAS, where it was built with that: found at run time.

import Lacuna

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `cblas_sbgemm`. Distributions often build OpenBLAS without it.
struct BFloat16Product: Sendable {
  private typealias Function =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafeRawPointer, Int32, UnsafeRawPointer,
      Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private let function: Function

  /// Why there is none, for output.
  static let absence = "this OpenBLAS exports no cblas_sbgemm"

  /// nil when the OpenBLAS of this process exports no such function.
  static let found: BFloat16Product? = dlsym(nil, "cblas_sbgemm").map {
    BFloat16Product(function: unsafeBitCast($0, to: Function.self))
  }

  /// Y ← W·X, or Y ← X·Wᵀ for row-major activations. Not checked: shapes.
  func run(
    _ w: UnsafePointer<BFloat16>, _ x: UnsafePointer<BFloat16>, _ y: UnsafeMutablePointer<Float>,
    _ shape: Shape, _ layout: ProductLayout
  ) {
    // The constants of cblas.h: row-major, not transposed, transposed.
    let (rowMajor, plain, transposed): (Int32, Int32, Int32) = (101, 111, 112)
    let (m, k, n) = (Int32(shape.m), Int32(shape.k), Int32(shape.n))
    switch layout {
    case .columns: function(rowMajor, plain, plain, m, n, k, 1, w, k, x, n, 0, y, n)
    case .rows: function(rowMajor, plain, transposed, n, m, k, 1, x, k, w, k, 0, y, m)
    }
  }
}
