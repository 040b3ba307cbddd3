// Plans agree with the oracle for every format, layout, instruction set and element type.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct PlanTests {
  static let shapes = [(1, 1), (5, 3), (17, 33), (64, 200), (130, 97)]
  static let blocks = [(1, 1), (2, 1), (1, 2), (4, 1), (1, 4), (2, 2), (4, 4), (8, 2), (3, 5)]

  @Test(arguments: ISA.allCases, ProductLayout.allCases)
  func everyBlockAgreesWithTheOracle(isa: ISA, layout: ProductLayout) throws {
    try require(isa)
    try check(Float.self, isa, layout, seed: 1)
    try check(Double.self, isa, layout, seed: 2)
  }

  private func check<Scalar: SparseScalar>(
    _: Scalar.Type, _ isa: ISA, _ layout: ProductLayout, seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    for (rows, columns) in Self.shapes {
      for (r, c) in Self.blocks {
        let block = try BlockSize(r, c)
        let width = Int.random(in: 1...140, using: &generator)
        let sparsity = Double.random(in: 0..<1, using: &generator)
        let w: [Scalar] = randomWeights(
          rows, columns, sparsity: sparsity, block: block, &generator)
        let x: DenseMatrix<Scalar> =
          layout == .columns
          ? try randomDense(columns, width, stride: width + 3, &generator)
          : try randomDense(width, columns, stride: columns + 1, &generator)
        let bias: [Scalar] = randomWeights(rows, 1, sparsity: 0, &generator)
        let epilogue = Epilogue(bias: bias, activation: .clamp(-0.5, 0.75))
        let oracle = Oracle(
          w, rows: rows, columns: columns, x: x, layout: layout, epilogue: epilogue)
        var options = PlanOptions(deterministic: true, isa: isa)
        let name =
          "\(rows)×\(columns)×\(width) \(block) \(Scalar.dtype) \(isa) \(layout) seed \(seed)"
        for kernel in ["spmm-\(block)", "dense"] {
          options.kernel = kernel
          var y =
            layout == .columns
            ? try DenseMatrix<Scalar>(rows: rows, columns: width, rowStride: width + 1)
            : try DenseMatrix<Scalar>(rows: width, columns: rows, rowStride: rows + 2)
          let plan =
            block == .element
            ? try Plan(
              csr(w, rows, columns), layout: layout, width: width, epilogue: epilogue,
              options: options)
            : try Plan(
              bsr(w, rows, columns, block), layout: layout, width: width, epilogue: epilogue,
              options: options)
          try plan.run(x, into: &y)
          #expect(oracle.firstError(y, layout: layout) == nil, "\(kernel) \(name)")
        }
      }
    }
  }

  @Test(arguments: ProductLayout.allCases)
  func oneShotScalesAndAccumulates(layout: ProductLayout) throws {
    var generator = SeededGenerator(seed: 5)
    let (rows, columns, width) = (37, 50, 29)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.7, &generator)
    let x: DenseMatrix<Float> =
      layout == .columns
      ? try randomDense(columns, width, &generator) : try randomDense(width, columns, &generator)
    let old: DenseMatrix<Float> =
      layout == .columns
      ? try randomDense(rows, width, &generator) : try randomDense(width, rows, &generator)
    for (alpha, beta) in [(1.0, 0.0), (2.5, 1), (-1, 0.5), (0, 2)] {
      let oracle = Oracle(
        w, rows: rows, columns: columns, x: x, layout: layout, alpha: alpha, beta: beta, old: old)
      var y = old
      try multiply(
        csr(w, rows, columns), x, into: &y, alpha: Float(alpha), beta: Float(beta), layout: layout)
      #expect(oracle.firstError(y, layout: layout) == nil, "CSR α \(alpha) β \(beta)")
      y = old
      try multiply(
        bsr(w, rows, columns, BlockSize(4, 2)), x, into: &y, alpha: Float(alpha),
        beta: Float(beta), layout: layout)
      #expect(oracle.firstError(y, layout: layout) == nil, "BSR α \(alpha) β \(beta)")
      y = old
      try multiply(
        dense: DenseMatrix(rows: rows, columns: columns, values: w), x, into: &y,
        alpha: Float(alpha), beta: Float(beta), layout: layout)
      #expect(oracle.firstError(y, layout: layout) == nil, "dense α \(alpha) β \(beta)")
    }
  }

  @Test func resultsDoNotDependOnThreadsOrSlices() throws {
    var generator = SeededGenerator(seed: 6)
    let (rows, columns, width) = (700, 900, 333)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.8, &generator)
    let matrix = try csr(w, rows, columns)
    let x: DenseMatrix<Float> = try randomDense(columns, width, &generator)
    for kernel in ["spmm-1x1", "dense"] {
      var first: DenseMatrix<Float>?
      for threads in [1, 2, 3, 16] {
        let plan = try Plan(
          matrix, width: width,
          options: PlanOptions(threads: threads, deterministic: true, kernel: kernel))
        var y = try DenseMatrix<Float>(rows: rows, columns: width)
        try plan.run(x, into: &y)
        if first == nil { first = y }
        #expect(y == first!, "\(kernel) on \(threads) threads")
        var z = try DenseMatrix<Float>(rows: rows, columns: width)
        x.withUnsafeElements { from in
          z.withUnsafeMutableElements { into in
            for slice in 0..<5 {
              plan.run(
                slice: slice, of: 5, from.baseAddress!, stride: width, into: into.baseAddress!,
                stride: width, width: width)
            }
          }
        }
        #expect(z == first!, "\(kernel) in 5 slices")
      }
    }
  }

  @Test func shapesAndOptionsAreChecked() throws {
    let w = try csr([1, 0, 2, 0, 0, 3] as [Float], 2, 3)
    let plan = try Plan(w, width: 4)
    var y = try DenseMatrix<Float>(rows: 2, columns: 4)
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "X", dimension: "rows", expected: 3, actual: 2)
    ) { try plan.run(DenseMatrix(rows: 2, columns: 4), into: &y) }
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "Y", dimension: "columns", expected: 5, actual: 4)
    ) { try plan.run(DenseMatrix(rows: 3, columns: 5), into: &y) }
    #expect(throws: OperationError.biasCount(expected: 2, actual: 1)) {
      try Plan(w, width: 4, epilogue: Epilogue(bias: [1]))
    }
    #expect(throws: OperationError.invalidClamp(lower: 1, upper: 0)) {
      try Plan(w, width: 4, epilogue: Epilogue(activation: .clamp(1, 0)))
    }
    #expect(
      throws: OperationError.unknownKernel(name: "magic", available: ["csr", "spmm-1x1", "dense"])
    ) { try Plan(w, width: 4, options: PlanOptions(kernel: "magic", isa: .baseline)) }
    #expect(throws: OperationError.self) {
      try Plan(w, width: 4, options: PlanOptions(threads: 0))
    }
  }
}
