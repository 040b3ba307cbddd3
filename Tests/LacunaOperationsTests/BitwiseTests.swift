// Results are bitwise the same for 1, 2, 3 and 16 threads and for any slices, in every format.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct BitwiseTests {
  @Test("by threads and slices", arguments: PlanFormat.everywhere)
  func threadsAndSlices(isa: ISA, format: PlanFormat) throws {
    try require(isa)
    for layout in ProductLayout.allCases {
      if format.exists(on: isa, .f32) { try check(isa, format, layout, seed: 61, Float.self) }
      if format.exists(on: isa, .f64) { try check(isa, format, layout, seed: 62, Double.self) }
    }
  }

  private func check<Scalar: SparseScalar>(
    _ isa: ISA, _ format: PlanFormat, _ layout: ProductLayout, seed: UInt64, _: Scalar.Type
  ) throws {
    // Enough work that a call is shared by threads, and sizes that nothing divides evenly.
    let (rows, columns, width) = (1003, format == .windowFilled ? 1040 : 1037, 11)
    var generator = SeededGenerator(seed: seed)
    let w: [Scalar] = try format.weights(rows, columns, &generator)
    let x: DenseMatrix<Scalar> =
      layout == .columns
      ? try randomDense(columns, width, &generator) : try randomDense(width, columns, &generator)
    let epilogue = Epilogue<Scalar>(
      bias: randomWeights(rows, 1, sparsity: 0, &generator), activation: .clamp(-6, 5))
    let (yRows, yColumns) = layout == .columns ? (rows, width) : (width, rows)
    let name = "\(format.rawValue) \(Scalar.dtype) \(isa) \(layout) seed \(seed)"
    var one: DenseMatrix<Scalar>?
    for threads in [1, 2, 3, 16] {
      let plan = try format.plan(
        w, rows, columns, layout: layout, width: width, epilogue: epilogue, threads: threads,
        isa: isa)
      #expect(plan.packedBytes / 6 * width > 4_000_000, "too little work for threads: \(name)")
      var y = try DenseMatrix<Scalar>(rows: yRows, columns: yColumns)
      try plan.run(x, into: &y)
      if one == nil { one = y }
      #expect(y == one!, "\(threads) threads, \(name)")
      for slices in threads == 3 ? [1, 2, 3, 16, 64] : [] {
        var z = try DenseMatrix<Scalar>(rows: yRows, columns: yColumns)
        x.withUnsafeElements { from in
          z.withUnsafeMutableElements { into in
            for slice in (0..<slices).reversed() {
              plan.run(
                slice: slice, of: slices, from.baseAddress!, stride: x.columns,
                into: into.baseAddress!, stride: yColumns, width: width)
            }
          }
        }
        #expect(z == one!, "\(slices) slices, \(name)")
      }
    }
  }

  @Test("gradients of kept weights, by threads", arguments: ISA.allCases, ProductLayout.allCases)
  func sampledProducts(isa: ISA, layout: ProductLayout) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 63)
    let (rows, columns, width) = (301, 500, 100)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.8, &generator)
    let matrix = try csr(w, rows, columns)
    func operand(_ features: Int) throws -> DenseMatrix<Float> {
      layout == .columns
        ? try randomDense(features, width, &generator)
        : try randomDense(width, features, &generator)
    }
    let (x, g) = (try operand(columns), try operand(rows))
    var one: [Float]?
    for threads in [1, 2, 3, 16] {
      let layer = try SparseGradients<Float>(
        matrix.pattern, layout: layout, width: width,
        options: PlanOptions(threads: threads, isa: isa))
      var dw = [Float](repeating: 0, count: matrix.nnz)
      try layer.weightGradient(x: x, outputGradient: g, into: &dw)
      if one == nil { one = dw }
      #expect(dw == one!, "\(threads) threads \(isa) \(layout)")
    }
  }
}
