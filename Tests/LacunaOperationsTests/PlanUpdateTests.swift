// A plan with new values gives, bit for bit, what a new plan of those values gives.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct PlanUpdateTests {
  /// (out, in): edges of strips, lanes, windows and blocks; ragged for every block size below.
  static let shapes = [(1, 1), (3, 5), (17, 33), (64, 48), (50, 700)]
  static let widths = [1, 4, 65]

  @Test(arguments: ISA.available, ProductLayout.allCases)
  func equalsANewPlan(isa: ISA, layout: ProductLayout) throws {
    var kernels: Set<String> = []
    for (rows, columns) in Self.shapes {
      for width in Self.widths {
        try check(Float.self, rows, columns, width, isa, layout, seed: 7, &kernels)
        try check(Double.self, rows, columns, width, isa, layout, seed: 8, &kernels)
      }
    }
    #expect(kernels.isSuperset(of: ["spmm-1x1", "spmm-4x4", "spmm-3x2", "csr", "dense"]))
    if isa != .baseline { #expect(kernels.contains("window")) }
    if isa.includes(.v3) { #expect(kernels.contains("block-vector")) }
  }

  private func check<Scalar: SparseScalar>(
    _: Scalar.Type, _ rows: Int, _ columns: Int, _ width: Int, _ isa: ISA, _ layout: ProductLayout,
    seed: UInt64, _ kernels: inout Set<String>
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let first: [Scalar] = randomWeights(rows, columns, sparsity: 0.7, &generator)
    let csr = try csr(first, rows, columns)
    let dense = try DenseMatrix(rows: rows, columns: columns, values: first)
    let bias: [Scalar] = randomWeights(rows, 1, sparsity: 0, &generator)
    let other: [Scalar] = randomWeights(rows, 1, sparsity: 0, &generator)
    let x =
      layout == .columns
      ? try randomDense(columns, width, stride: width, &generator) as DenseMatrix<Scalar>
      : try randomDense(width, columns, stride: columns, &generator)
    let run = Comparison(
      rows: rows, columns: columns, width: width, isa: isa, layout: layout, x: x, bias: bias,
      other: other,
      name: "\(rows)×\(columns)×\(width) \(Scalar.dtype) \(isa) \(layout) seed \(seed)")
    try run.compare(stored: csr.nnz, &generator, &kernels) { values, epilogue, options in
      try Plan(
        CSRMatrix(pattern: csr.pattern, values: values ?? csr.values), layout: layout,
        width: width, epilogue: epilogue, options: options)
    }
    try run.compare(stored: rows * columns, &generator, &kernels) { values, epilogue, options in
      try Plan(
        dense: try DenseMatrix(rows: rows, columns: columns, values: values ?? first),
        layout: layout, width: width, epilogue: epilogue, options: options)
    }
    for block in [(1, 4), (3, 2), (4, 4), (16, 1)] {
      let bsr = BSRMatrix(dense: dense, block: try BlockSize(block.0, block.1))
      try run.compare(stored: bsr.values.count, &generator, &kernels) { values, epilogue, options in
        try Plan(
          try BSRMatrix(
            rows: rows, columns: columns, block: bsr.block, blockPattern: bsr.blockPattern,
            values: values ?? bsr.values), layout: layout, width: width, epilogue: epilogue,
          options: options)
      }
    }
  }

  @Test func anUpdateThatDoesNotFitChangesNothing() throws {
    let weights = try csr([1, 0, 2, 3] as [Float], 2, 2)
    let x = try DenseMatrix<Float>(rows: 2, columns: 1, values: [1, 1])
    var y = try DenseMatrix<Float>(rows: 2, columns: 1)
    let fixed = try Plan(weights, width: 1)
    #expect(throws: OperationError.notUpdatable) { try fixed.update(values: [1, 2, 3]) }

    let plan = try Plan(weights, width: 1, options: PlanOptions(updatable: true))
    #expect(throws: OperationError.format(.wrongCount(name: "values", expected: 3, actual: 2))) {
      try plan.update(values: [9, 9])
    }
    #expect(throws: OperationError.biasCount(expected: 0, actual: 2)) {
      try plan.update(values: [9, 9, 9], bias: [1, 1])
    }
    try plan.run(x, into: &y)
    #expect(y == (try DenseMatrix(rows: 2, columns: 1, values: [1, 5])))

    let biased = try Plan(
      weights, width: 1, epilogue: Epilogue(bias: [10, 20]), options: PlanOptions(updatable: true))
    #expect(throws: OperationError.biasCount(expected: 2, actual: 1)) {
      try biased.update(values: [9, 9, 9], bias: [1])
    }
    try biased.update(values: [4, 5, 6])
    try biased.run(x, into: &y)
    #expect(y == (try DenseMatrix(rows: 2, columns: 1, values: [14, 31])))
  }
}

/// One product, computed by an updated plan and by a new one.
private struct Comparison<Scalar: SparseScalar> {
  var rows: Int, columns: Int, width: Int
  var isa: ISA, layout: ProductLayout
  var x: DenseMatrix<Scalar>
  var bias: [Scalar], other: [Scalar]
  var name: String

  /// Makes a plan of given values, nil for the first ones.
  typealias Make = ([Scalar]?, Epilogue<Scalar>, PlanOptions) throws -> Plan<Scalar>

  func compare(
    stored: Int, _ generator: inout SeededGenerator, _ kernels: inout Set<String>, _ make: Make
  ) throws {
    let values: [Scalar] = randomWeights(stored, 1, sparsity: 0, &generator)
    // A forced plan's explanation names all that could have been forced.
    let names = try make(nil, .init(), PlanOptions(kernel: "dense", isa: isa))
      .explanation.candidates.map(\.kernel)
    for kernel in names {
      let plan: Plan<Scalar>
      do {
        plan = try make(
          nil, Epilogue(bias: bias, activation: .relu),
          PlanOptions(kernel: kernel, isa: isa, updatable: true))
      } catch OperationError.unsuitableKernel {
        continue
      }
      kernels.insert(kernel)
      try plan.update(values: values, bias: other)
      let fresh = try make(
        values, Epilogue(bias: other, activation: .relu), PlanOptions(kernel: kernel, isa: isa))
      #expect(try product(plan) == product(fresh), "\(kernel) \(name)")
    }
  }

  private func product(_ plan: Plan<Scalar>) throws -> DenseMatrix<Scalar> {
    var y =
      layout == .columns
      ? try DenseMatrix<Scalar>(rows: rows, columns: width)
      : try DenseMatrix<Scalar>(rows: width, columns: rows)
    try plan.run(x, into: &y)
    return y
  }
}
