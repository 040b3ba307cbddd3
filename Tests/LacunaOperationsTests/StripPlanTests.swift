// Plans of strips at every edge of their kernels, against the oracle.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct StripPlanTests {
  @Test(arguments: ISA.allCases, KernelTable.stripHeights)
  func everyEdgeAgreesWithTheOracle(isa: ISA, height: Int) throws {
    try require(isa)
    try sweep(isa, height, Float.self)
    try sweep(isa, height, Double.self)
  }

  /// What a matrix looks like, row by row.
  enum Filling: CaseIterable { case random, empty, full, oneDenseRow, emptyRows }

  private func sweep<Scalar: SparseScalar>(
    _ isa: ISA, _ height: Int, _: Scalar.Type
  ) throws {
    let kernel = try #require(
      KernelTable.of(isa).kernel(.spmm, variant: "\(height)x1", dtype: Scalar.dtype))
    #expect(kernel.isa.map(isa.includes) == true)
    let lanes = kernel.vectorBytes / Scalar.dtype.size
    let tile = lanes * max(kernel.mostVectors, 1)
    let widths = [0, 1, lanes - 1, lanes, lanes + 1, 3 * lanes, tile - 1, tile, tile + 1, 97]
    var seed: UInt64 = 1
    for layout in ProductLayout.allCases {
      for width in Set(widths).sorted() {
        for (rows, columns) in [(height, 1), (3 * height + 1, 131), (8 * height, 67)] {
          let filling = Filling.allCases[Int(seed) % Filling.allCases.count]
          seed += 1
          try check(
            isa, height, rows, columns, width, layout, filling, seed: seed, Scalar.self)
        }
      }
      for filling in Filling.allCases {
        try check(
          isa, height, 4 * height + height / 2, 211, 2 * lanes + 1, layout, filling,
          seed: seed, Scalar.self)
      }
    }
  }

  /// One product: operands at odd addresses with prime strides in memory of exactly their size, and
  /// guard values around every row of Y.
  private func check<Scalar: SparseScalar>(
    _ isa: ISA, _ height: Int, _ rows: Int, _ columns: Int, _ width: Int,
    _ layout: ProductLayout, _ filling: Filling, seed: UInt64, _: Scalar.Type
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let block = try BlockSize(height, 1)
    var w = [Scalar](repeating: 0, count: rows * columns)
    switch filling {
    case .random:
      w = randomWeights(rows, columns, sparsity: 0.8, block: block, &generator)
    case .empty: break
    case .full: w = randomWeights(rows, columns, sparsity: 0, &generator)
    case .oneDenseRow:
      for j in 0..<columns { w[rows / 2 * columns + j] = Scalar(j % 7) - 3 }
    case .emptyRows:
      w = randomWeights(rows, columns, sparsity: 0.5, block: block, &generator)
      for i in 0..<rows where i / height % 3 != 1 {
        for j in 0..<columns { w[i * columns + j] = 0 }
      }
    }
    let bias: [Scalar] = randomWeights(rows, 1, sparsity: 0, &generator)
    let epilogue = Epilogue(bias: bias, activation: seed % 2 == 0 ? .none : .relu)
    let options = PlanOptions(deterministic: true, kernel: "spmm-\(block)", isa: isa)
    let plan =
      height == 1
      ? try Plan(
        csr(w, rows, columns), layout: layout, width: width, epilogue: epilogue, options: options)
      : try Plan(
        bsr(w, rows, columns, block), layout: layout, width: width, epilogue: epilogue,
        options: options)
    let (xRows, xColumns) = layout == .columns ? (columns, width) : (width, columns)
    let (yRows, yColumns) = layout == .columns ? (rows, width) : (width, rows)
    let x: DenseMatrix<Scalar> = try randomDense(xRows, xColumns, &generator)
    // Strides beyond the width by a few elements, operands one element off any alignment.
    let (xStride, yStride) = (xColumns + 3, yColumns + 5)
    let xCount = 1 + max(0, (xRows - 1) * xStride + xColumns)
    let from = UnsafeMutablePointer<Scalar>.allocate(capacity: xCount)
    let yCount = 1 + yRows * yStride
    let into = UnsafeMutablePointer<Scalar>.allocate(capacity: yCount)
    defer {
      from.deallocate()
      into.deallocate()
    }
    // Padding of X is NaN: reading it would show. A guard of Y that changes would show as well.
    from.initialize(repeating: .nan, count: xCount)
    let guardValue: Scalar = 12345
    into.initialize(repeating: guardValue, count: yCount)
    for i in 0..<xRows { for j in 0..<xColumns { from[1 + i * xStride + j] = x[i, j] } }
    plan.run(from + 1, stride: xStride, into: into + 1, stride: yStride, width: width)
    let name =
      "\(height)x1 \(Scalar.dtype) \(isa) \(rows)×\(columns)×\(width) \(layout) \(filling) "
      + "seed \(seed)"
    var y = try DenseMatrix<Scalar>(rows: yRows, columns: yColumns)
    #expect(into[0] == guardValue, "wrote before Y: \(name)")
    for i in 0..<yRows {
      for j in 0..<yColumns { y[i, j] = into[1 + i * yStride + j] }
      for j in yColumns..<yStride {
        #expect(into[1 + i * yStride + j] == guardValue, "wrote behind row \(i): \(name)")
      }
    }
    let oracle = Oracle(
      w, rows: rows, columns: columns, x: x, layout: layout, epilogue: epilogue)
    #expect(oracle.firstError(y, layout: layout) == nil, "\(name)")
  }

  @Test(arguments: ISA.allCases)
  func moreThan65536Columns(isa: ISA) throws {
    try require(isa)
    var generator = SeededGenerator(seed: 9)
    let (rows, columns, width) = (5, 70_001, 3)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.999, &generator)
    let x: DenseMatrix<Float> = try randomDense(columns, width, &generator)
    let oracle = Oracle(w, rows: rows, columns: columns, x: x, layout: .columns)
    for block in [BlockSize.element, try BlockSize(4, 2)] {
      let options = PlanOptions(deterministic: true, kernel: "spmm-\(block)", isa: isa)
      let plan =
        block == .element
        ? try Plan(csr(w, rows, columns), width: width, options: options)
        : try Plan(bsr(w, rows, columns, block), width: width, options: options)
      var y = try DenseMatrix<Float>(rows: rows, columns: width)
      try plan.run(x, into: &y)
      #expect(oracle.firstError(y, layout: .columns) == nil, "\(block) \(isa)")
    }
  }

  @Test(arguments: ISA.allCases)
  func alignedOperandsInPlace(isa: ISA) throws {
    try require(isa)
    // Whole aligned panels: X is read and sums are kept where they are. Several column blocks.
    var generator = SeededGenerator(seed: 10)
    for (rows, columns, width) in [(24, 640, 112), (40, 300, 256), (200, 500, 64)] {
      let w: [Float] = randomWeights(rows, columns, sparsity: 0.9, &generator)
      let x: DenseMatrix<Float> = try randomDense(columns, width, &generator)
      let oracle = Oracle(w, rows: rows, columns: columns, x: x, layout: .columns)
      let plan = try Plan(
        csr(w, rows, columns), width: width,
        options: PlanOptions(deterministic: true, kernel: "spmm-1x1", isa: isa))
      var y = try DenseMatrix<Float>(rows: rows, columns: width)
      try plan.run(x, into: &y)
      #expect(
        oracle.firstError(y, layout: .columns) == nil, "\(rows)×\(columns)×\(width) \(isa)")
    }
  }
}
