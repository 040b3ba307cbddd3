// plan(x), arrays and spans give what run(_:into:) gives, and say what does not fit.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct PlanCallTests {
  // 1 0 2
  // 0 3 0
  private let weights: CSRMatrix<Float>
  private let epilogue = Epilogue<Float>(bias: [0.5, -100], activation: .relu)

  init() throws {
    weights = CSRMatrix(dense: try DenseMatrix(rows: 2, columns: 3, values: [1, 0, 2, 0, 3, 0]))
  }

  @Test func `a plan called with a matrix gives a matrix`() throws {
    let plan = try Plan(weights, width: 2, epilogue: epilogue)
    let y = try plan(DenseMatrix(rows: 3, columns: 2, values: [1, 2, 10, 20, 100, 200]))
    #expect(y == (try DenseMatrix(rows: 2, columns: 2, values: [201.5, 402.5, 0, 0])))
    let rows = try Plan(weights, layout: .rows, width: 2, epilogue: epilogue)
    let z = try rows(DenseMatrix(rows: 2, columns: 3, values: [1, 10, 100, 2, 20, 200]))
    #expect(z == (try DenseMatrix(rows: 2, columns: 2, values: [201.5, 0, 402.5, 0])))
    #expect(throws: OperationError.self) { try plan(DenseMatrix(rows: 2, columns: 2)) }
  }

  @Test func `a plan called with an array takes as many right-hand sides as it holds`() throws {
    let plan = try Plan(weights, width: 1, epilogue: epilogue)
    #expect(try plan([1, 10, 100]) == [201.5, 0])
    #expect(try plan([1, 2, 10, 20, 100, 200]) == [201.5, 402.5, 0, 0])
    #expect(try plan([]) == [])
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "X", dimension: "elements", expected: 3, actual: 4)
    ) { try plan([1, 2, 3, 4]) }
  }

  @Test(arguments: ProductLayout.allCases)
  func `spans give the bits of matrices`(layout: ProductLayout) throws {
    var generator = SeededGenerator(seed: 9)
    let (rows, columns, width) = (37, 50, 29)
    let w: [Float] = randomWeights(rows, columns, sparsity: 0.7, &generator)
    let plan = try Plan(csr(w, rows, columns), layout: layout, width: width)
    let x: DenseMatrix<Float> =
      layout == .columns
      ? try randomDense(columns, width, &generator) : try randomDense(width, columns, &generator)
    let values = x.values
    var y = [Float](repeating: .nan, count: rows * width)
    var span = y.mutableSpan
    try plan.run(values.span, into: &span, width: width)
    #expect(y == (try plan(x)).values)
  }

  @Test func `spans that do not fit are refused with both numbers, and Y stays`() throws {
    let plan = try Plan(weights, width: 1)
    var y: [Float] = [7, 8, 9]
    #expect(
      throws: OperationError.shapeMismatch(
        operand: "Y", dimension: "elements", expected: 2, actual: 3)
    ) {
      var span = y.mutableSpan
      try plan.run([1, 2, 3].span, into: &span)
    }
    for width in [-1, Int.max] {
      #expect(throws: OperationError.self) {
        var span = y.mutableSpan
        try plan.run([1, 2, 3].span, into: &span, width: width)
      }
    }
    #expect(y == [7, 8, 9])
  }

  @Test func `without inputs Y is the bias`() throws {
    let none = CSRMatrix<Float>(dense: try DenseMatrix(rows: 2, columns: 0))
    let plan = try Plan(none, width: 1, epilogue: Epilogue(bias: [1, 2]))
    var y: [Float] = [7, 8]
    var span = y.mutableSpan
    try plan.run([Float]().span, into: &span)
    #expect(y == [1, 2])
  }

  @Test func `a plan's description is one line with its shape and kernel`() throws {
    let plan = try Plan(weights, width: 1)
    #expect("\(plan)".hasPrefix("2×3 f32") && "\(plan)".contains(plan.kernelName))
    #expect(!"\(plan)".contains("\n"))
  }
}
