// A run of a plan allocates nothing itself: a dense run as much as OpenBLAS does, called directly.

import AllocationCount
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite(
  .enabled(
    if: lcn_allocation_count() >= 0, "allocations are not counted beside a sanitizer's malloc")
)
struct DenseAllocationTests {
  /// Fewer rows than a dense product is cut at: one call of OpenBLAS for each run.
  static let (rows, columns) = (96, 160)

  /// Allocations of this thread during `body`.
  private static func allocations(_ body: () -> Void) -> Int64 {
    let before = lcn_allocation_count()
    body()
    return lcn_allocation_count() - before
  }

  @Test(
    "A dense run allocates what OpenBLAS does", arguments: ISA.available, ProductLayout.allCases)
  func run(isa: ISA, layout: ProductLayout) throws {
    for width in [1, 3, 50] {
      try check(isa, layout, width, Float.self)
      try check(isa, layout, width, Double.self)
    }
  }

  private func check<Scalar: SparseScalar>(
    _ isa: ISA, _ layout: ProductLayout, _ width: Int, _: Scalar.Type
  ) throws {
    var generator = SeededGenerator(seed: 3)
    let w: [Scalar] = randomWeights(Self.rows, Self.columns, sparsity: 0.9, &generator)
    let plan = try Plan(
      try csr(w, Self.rows, Self.columns), layout: layout, width: width,
      options: PlanOptions(deterministic: true, kernel: "dense", isa: isa))
    let found = runs(plan, w, width)
    #expect(found.plan == found.direct, "\(layout) ×\(width) \(Scalar.dtype) \(isa)")
  }

  /// Allocations of a few runs, and of the same products by OpenBLAS.
  private func runs<Scalar: SparseScalar>(
    _ plan: Plan<Scalar>, _ w: [Scalar], _ width: Int
  ) -> (plan: Int64, direct: Int64) {
    let x = UnsafeMutablePointer<Scalar>.allocate(capacity: Self.columns * width)
    let y = UnsafeMutablePointer<Scalar>.allocate(capacity: Self.rows * width)
    x.initialize(repeating: 1, count: Self.columns * width)
    defer {
      x.deallocate()
      y.deallocate()
    }
    let byColumns = plan.layout == .columns
    let (xStride, yStride) = byColumns ? (width, width) : (Self.columns, Self.rows)
    func whole() { plan.run(x, stride: xStride, into: y, stride: yStride, width: width) }
    // The first runs load symbols and, for dense, OpenBLAS's own buffers.
    for _ in 0..<3 { whole() }
    let own = Self.allocations {
      for slices in 1...3 {
        whole()
        for slice in 0..<slices {
          plan.run(
            slice: slice, of: slices, x, stride: xStride, into: y, stride: yStride, width: width)
        }
      }
    }
    return w.withUnsafeBufferPointer { w in
      func direct() {
        BLAS.onOneThread {
          multiply(w.baseAddress!, x, y, byColumns: byColumns, width: width)
        }
      }
      direct()
      return (own, Self.allocations { for _ in 0..<6 { direct() } })
    }
  }

  /// The call of OpenBLAS that one dense run makes.
  private func multiply<Scalar: SparseScalar>(
    _ w: UnsafePointer<Scalar>, _ x: UnsafePointer<Scalar>, _ y: UnsafeMutablePointer<Scalar>,
    byColumns: Bool, width: Int
  ) {
    let (m, k) = (Self.rows, Self.columns)
    func call<T>(
      _ gemv: (UnsafePointer<T>, UnsafePointer<T>, UnsafeMutablePointer<T>) -> Void,
      _ gemm: (UnsafePointer<T>, UnsafePointer<T>, UnsafeMutablePointer<T>) -> Void
    ) {
      let (w, x) = (UnsafeRawPointer(w), UnsafeRawPointer(x))
      (width == 1 ? gemv : gemm)(
        w.assumingMemoryBound(to: T.self), x.assumingMemoryBound(to: T.self),
        UnsafeMutableRawPointer(y).assumingMemoryBound(to: T.self))
    }
    switch Scalar.dtype {
    case .f32:
      call { (w: UnsafePointer<Float>, x, y) in
        BLAS.gemv(m: m, n: k, a: w, lda: k, x: x, y: y)
      } _: { w, x, y in
        byColumns
          ? BLAS.gemm(m: m, n: width, k: k, a: w, lda: k, b: x, ldb: width, c: y, ldc: width)
          : BLAS.gemm(
            m: width, n: m, k: k, a: x, lda: k, b: w, ldb: k, transposeB: true, c: y, ldc: m)
      }
    case .f64:
      call { (w: UnsafePointer<Double>, x, y) in
        BLAS.gemv(m: m, n: k, a: w, lda: k, x: x, y: y)
      } _: { w, x, y in
        byColumns
          ? BLAS.gemm(m: m, n: width, k: k, a: w, lda: k, b: x, ldb: width, c: y, ldc: width)
          : BLAS.gemm(
            m: width, n: m, k: k, a: x, lda: k, b: w, ldb: k, transposeB: true, c: y, ldc: m)
      }
    }
  }
}
