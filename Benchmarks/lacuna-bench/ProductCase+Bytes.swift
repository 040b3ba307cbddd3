// One product of 8-bit weights and bytes: checked against integers, timed beside dense f32 and dense 8-bit.

import Lacuna

/// What bytes of X stand for.
private let range = ActivationRange.fixed(scale: 1 / 64, zeroPoint: 128)

extension ProductCase {
  /// As for floats, with the weights quantised and random bytes for X. Dense is `cblas_sgemm` or
  /// `cblas_sgemv` on the numbers that they stand for, and this library's dense 8-bit product.
  func measuredBytes(
    _ weights: DenseMatrix<Float>, _ measure: MeasureOptions, plan options: PlanOptions
  ) throws -> ProductResult {
    try checkSize()
    var generator = SplitMix64(seed: measure.seed &+ 2)
    let x = (0..<shape.k * shape.n).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
    func plan(_ options: PlanOptions) throws -> QuantizedPlan<UInt8, Float> {
      block == .element
        ? try QuantizedPlan(
          QuantizedCSR(quantizing: CSRMatrix(dense: weights)), activations: range, layout: layout,
          width: shape.n, options: options)
        : try QuantizedPlan(
          QuantizedBSR(quantizing: BSRMatrix(dense: weights, block: block)), activations: range,
          layout: layout, width: shape.n, options: options)
    }
    let sparse = try plan(options)
    let dense = try plan(PlanOptions(threads: measure.threads, kernel: "dense"))
    // A plan that times dense leaves OpenBLAS with one thread: Lacuna's pool splits the work instead.
    BLAS.threads = measure.threads
    let expected = try integerProduct(weights, x)
    var y = [Float](repeating: 0, count: shape.m * shape.n)
    try sparse.run(x, into: &y, width: shape.n)
    try requireEqual(y, expected, sparse.kernelName)
    try dense.run(x, into: &y, width: shape.n)
    try requireEqual(y, expected, "dense 8-bit")
    var z = try layout.output(shape, Float.self)
    let numbers = try DenseMatrix<Float>(
      rows: layout == .columns ? shape.k : shape.n, columns: layout == .columns ? shape.n : shape.k,
      values: x.map { Float(Int($0) - 128) / 64 })
    let (xStride, yStride) = layout == .columns ? (shape.n, shape.n) : (shape.k, shape.m)
    let call: DenseCall = shape.n == 1 ? .gemv : .gemm
    let timings = weights.withUnsafeElements { w in
      x.withUnsafeBufferPointer { x in
        numbers.withUnsafeElements { numbers in
          y.withUnsafeMutableBufferPointer { y in
            z.withUnsafeMutableElements { z in
              let (w, x, numbers) = (w.baseAddress!, x.baseAddress!, numbers.baseAddress!)
              let (y, z) = (y.baseAddress!, z.baseAddress!)
              return Stopwatch(budget: measure.time, cache: measure.cache).time([
                { sparse.run(x, stride: xStride, into: y, stride: yStride, width: shape.n) },
                { Float.dense(call, w, numbers, z, shape, layout) },
                { dense.run(x, stride: xStride, into: y, stride: yStride, width: shape.n) },
              ])
            }
          }
        }
      }
    }
    try requireEqual(y, expected, "\(sparse.kernelName), after timing")
    return ProductResult(
      op: shape.n == 1 ? "spmv" : "spmm", shape: shape, sparsity: sparsity,
      nnz: BitMask(nonzerosOf: weights).keptCount, block: block, dtype: .i8,
      threads: measure.threads, layout: layout, cache: measure.cache, kernel: sparse.kernelName,
      sparse: timings[0], dense: timings[1], denseInt8: timings[2], denseCall: call,
      peak: dtype.peakGflops * Double(measure.threads), check: ErrorCheck(maxError: 0, bound: 0))
  }

  /// The product by integers: in double precision, where every sum is exact.
  private func integerProduct(
    _ weights: DenseMatrix<Float>, _ x: [UInt8]
  ) throws -> DenseMatrix<Float> {
    let quantized = try QuantizedCSR(quantizing: CSRMatrix(dense: weights))
    var integers = try DenseMatrix<Double>(rows: shape.m, columns: shape.k)
    let pattern = quantized.pattern
    for row in 0..<shape.m {
      for p in pattern.rowOffsets[row]..<pattern.rowOffsets[row + 1] {
        integers[row, pattern.columnIndices[p]] = Double(quantized.values[p])
      }
    }
    let bytes = x.map { Double(Int($0) - 128) }
    var sums = try layout.output(shape, Double.self)
    sums.withUnsafeMutableElements { sums in
      integers.withUnsafeElements { w in
        bytes.withUnsafeBufferPointer { x in
          Double.dense(
            shape.n == 1 ? .gemv : .gemm, w.baseAddress!, x.baseAddress!, sums.baseAddress!, shape,
            layout)
        }
      }
    }
    var y = try layout.output(shape, Float.self)
    for i in 0..<y.rows {
      for j in 0..<y.columns {
        let scale = quantized.scales[layout == .columns ? i : j] * (1 / 64)
        y[i, j] = Float(sums[i, j]) * scale + 0
      }
    }
    return y
  }

  private func requireEqual(
    _ y: [Float], _ expected: DenseMatrix<Float>, _ what: String
  ) throws {
    for (place, value) in y.enumerated() {
      let (i, j) = place.quotientAndRemainder(dividingBy: expected.columns)
      if value == expected[i, j] { continue }
      throw Failure(
        .software,
        "\(what) \(shape.listElement) \(sparsity.listElement) \(block) i8: wrong result, "
          + "[\(i), \(j)] is \(value), by integers \(expected[i, j])")
    }
  }
}
