// The three products of a layer at a fixed mask against dense double precision.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct SparseGradientsTests {
  /// (out, in, right-hand sides)
  static let shapes = [
    (1, 1, 1), (5, 3, 0), (17, 33, 4), (16, 130, 63), (33, 64, 64), (40, 700, 65), (9, 20, 129),
  ]

  @Test(arguments: ISA.allCases, ProductLayout.allCases)
  func agreeWithTheOracle(isa: ISA, layout: ProductLayout) throws {
    try require(isa)
    try check(Float.self, isa, layout, seed: 21)
    try check(Double.self, isa, layout, seed: 22)
  }

  private func check<Scalar: SparseScalar>(
    _: Scalar.Type, _ isa: ISA, _ layout: ProductLayout, seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    for (rows, columns, width) in Self.shapes {
      for density in [0, 0.1, 0.5, 1.0] {
        let name =
          "\(rows)×\(columns)×\(width) density \(density) \(Scalar.dtype) \(isa) \(layout) seed \(seed)"
        var w: [Scalar] = randomWeights(rows, columns, sparsity: 1 - density, &generator)
        // An empty row and a full one.
        for j in 0..<columns {
          w[j] = 0
          if rows > 2 { w[2 * columns + j] = generator.nonzero() }
        }
        let matrix = try csr(w, rows, columns)
        func operand(_ features: Int) throws -> DenseMatrix<Scalar> {
          layout == .columns
            ? try randomDense(features, width, stride: width + 3, &generator)
            : try randomDense(width, features, stride: features + 1, &generator)
        }
        let (x, g) = (try operand(columns), try operand(rows))
        let bias: [Scalar] = randomWeights(rows, 1, sparsity: 0, &generator)
        let layer = try SparseGradients<Scalar>(
          matrix.pattern, layout: layout, width: width, options: PlanOptions(isa: isa))
        try layer.update(values: matrix.values, bias: bias)

        var y = try operand(rows)
        try layer.product(x, into: &y)
        let product = Oracle(
          w, rows: rows, columns: columns, x: x, layout: layout, epilogue: Epilogue(bias: bias))
        #expect(product.firstError(y, layout: layout) == nil, "product \(name)")

        var dx = try operand(columns)
        try layer.inputGradient(g, into: &dx)
        var transposed = [Scalar](repeating: 0, count: rows * columns)
        for i in 0..<rows { for j in 0..<columns { transposed[j * rows + i] = w[i * columns + j] } }
        let backward = Oracle(transposed, rows: columns, columns: rows, x: g, layout: layout)
        #expect(backward.firstError(dx, layout: layout) == nil, "input gradient \(name)")

        var dw = [Scalar](repeating: .nan, count: matrix.nnz)
        try layer.weightGradient(x: x, outputGradient: g, into: &dw)
        var p = 0
        for i in 0..<rows {
          for j in 0..<columns where w[i * columns + j] != 0 {
            var (sum, size) = (0.0, 0.0)
            for n in 0..<width {
              let term =
                layout == .columns
                ? Double(g[i, n]) * Double(x[j, n]) : Double(g[n, i]) * Double(x[n, j])
              sum += term
              size += abs(term)
            }
            let roundings = Double(width + 2) * Double(Scalar.ulpOfOne)
            #expect(
              abs(Double(dw[p]) - sum) <= roundings * size, "weight gradient [\(i), \(j)] \(name)")
            p += 1
          }
        }
      }
    }
  }

  @Test func shapesAreChecked() throws {
    let matrix = try csr([1, 0, 2, 0, 0, 3] as [Float], 2, 3)
    let layer = try SparseGradients<Float>(matrix.pattern, layout: .rows, width: 4)
    #expect(
      throws: OperationError.format(.wrongCount(name: "values", expected: 3, actual: 2))
    ) { try layer.update(values: [1, 2]) }
    var dw = [Float](repeating: 0, count: 3)
    let (x, g) = (
      try DenseMatrix<Float>(rows: 4, columns: 3), try DenseMatrix<Float>(rows: 5, columns: 2)
    )
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "dY", dimension: "rows", expected: 4, actual: 5)
    ) { try layer.weightGradient(x: x, outputGradient: g, into: &dw) }
  }
}
