// One product: weights, reference, check, then sparse and dense timed in turn.

import ArgumentParser
import Lacuna

/// A product to measure.
struct ProductCase: Sendable {
  var shape: Shape
  var sparsity: Double
  var block: BlockSize
  var dtype: BenchType
  var layout: ProductLayout

  /// Makes random weights, checks the sparse and the dense product, and times both.
  func measured(_ measure: MeasureOptions, plan: PlanOptions) throws -> ProductResult {
    switch dtype {
    case .f32: try measured(Float.self, measure, plan: plan)
    case .f64: try measured(Double.self, measure, plan: plan)
    case .bf16:
      try measuredNarrow(
        randomWeights(Float.self, measure), BFloat16.self, measure, plan: plan)
    case .f16:
      try measuredNarrow(randomWeights(Float.self, measure), Float16.self, measure, plan: plan)
    case .i8: try measuredBytes(randomWeights(Float.self, measure), measure, plan: plan)
    }
  }

  private func measured<Scalar: BenchScalar>(
    _: Scalar.Type, _ measure: MeasureOptions, plan: PlanOptions
  ) throws -> ProductResult {
    try measured(randomWeights(Scalar.self, measure), measure, plan: plan)
  }

  private func randomWeights<Scalar: BenchScalar>(
    _: Scalar.Type, _ measure: MeasureOptions
  ) throws -> DenseMatrix<Scalar> {
    let mask = try randomMask(
      rows: shape.m, columns: shape.k, block: block, sparsity: sparsity, seed: measure.seed)
    var dense: DenseMatrix<Scalar> = try randomDense(
      rows: shape.m, columns: shape.k, seed: measure.seed &+ 1)
    try mask.apply(to: &dense)
    return dense
  }

  /// A file's matrix may be large, and --n with it.
  func checkSize() throws {
    do throws(ValidationError) { try shape.checkSize("the product") } catch {
      throw Failure(.usage, "\(error.message): choose a smaller --n or --matrix")
    }
  }

  /// Checks and times a product with these weights; the case's shape and block describe them.
  func measured<Scalar: BenchScalar>(
    _ weights: DenseMatrix<Scalar>, _ measure: MeasureOptions, plan options: PlanOptions
  ) throws -> ProductResult {
    let x = try layout.input(shape, Scalar.self, seed: measure.seed &+ 2)
    return try measured(weights, x, measure, plan: options) { options in
      block == .element
        ? try Plan(CSRMatrix(dense: weights), layout: layout, width: shape.n, options: options)
        : try Plan(
          BSRMatrix(dense: weights, block: block), layout: layout, width: shape.n,
          options: options)
    }
  }

  /// The same with a plan of the weights that is made otherwise.
  func measured<Scalar: BenchScalar>(
    _ weights: DenseMatrix<Scalar>, _ x: DenseMatrix<Scalar>, _ measure: MeasureOptions,
    plan options: PlanOptions, _ make: (PlanOptions) throws -> Plan<Scalar>
  ) throws -> ProductResult {
    try checkSize()
    let name = "\(shape.listElement) \(sparsity.listElement) \(block) \(dtype)"
    let plan = try make(options)
    // A plan that times dense leaves OpenBLAS with one thread: Lacuna's pool splits the work instead.
    BLAS.threads = measure.threads
    var y = try layout.output(shape, Scalar.self)
    let reference = try ProductReference(weights, x, shape, layout)
    try plan.run(x, into: &y)
    let check = try reference.check(y, "\(plan.kernelName) \(name)")
    var z = try layout.output(shape, Scalar.self)
    let timings = weights.withUnsafeElements { w in
      x.withUnsafeElements { x in
        y.withUnsafeMutableElements { y in
          z.withUnsafeMutableElements { z in
            let (w, x) = (w.baseAddress!, x.baseAddress!)
            let (y, z) = (y.baseAddress!, z.baseAddress!)
            let (xStride, yStride) = layout == .columns ? (shape.n, shape.n) : (shape.k, shape.m)
            let call = fastestDenseCall { Scalar.dense($0, w, x, z, shape, layout) }
            let timings = Stopwatch(budget: measure.time, cache: measure.cache).time([
              { plan.run(x, stride: xStride, into: y, stride: yStride, width: shape.n) },
              { Scalar.dense(call, w, x, z, shape, layout) },
            ])
            return (sparse: timings[0], dense: timings[1], call: call)
          }
        }
      }
    }
    _ = try reference.check(y, "\(plan.kernelName) \(name), after timing")
    return ProductResult(
      op: shape.n == 1 ? "spmv" : "spmm", shape: shape, sparsity: sparsity,
      nnz: BitMask(nonzerosOf: weights).keptCount, block: block, dtype: dtype,
      threads: measure.threads, layout: layout, cache: measure.cache, kernel: plan.kernelName,
      sparse: timings.sparse, dense: timings.dense, denseInt8: nil, denseCall: timings.call,
      peak: dtype.peakGflops * Double(measure.threads), check: check)
  }

  /// For a few right-hand sides `cblas_?gemm` may be slower than one `cblas_?gemv` each: the faster
  /// of the two is what sparse is compared with.
  private func fastestDenseCall(_ body: @escaping (DenseCall) -> Void) -> DenseCall {
    if shape.n == 1 { return .gemv }
    if shape.n >= 16 { return .gemm }
    let timings = Stopwatch(budget: 0.02, cache: .warm).time([{ body(.gemm) }, { body(.gemv) }])
    return timings[0].minimum <= timings[1].minimum ? .gemm : .gemv
  }
}
