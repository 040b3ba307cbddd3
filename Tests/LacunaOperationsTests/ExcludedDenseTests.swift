// A plan that excludes dense never multiplies by a zero that is not stored.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct ExcludedDenseTests {
  static let (rows, columns) = (64, 96)
  /// Nothing is stored here, whatever the density: blocks of columns that a 4×4 block covers.
  static let empty = 8..<12

  private static func weights<Scalar: SparseScalar>(
    density: Double, _: Scalar.Type
  ) -> [Scalar] {
    var generator = SeededGenerator(seed: 17)
    var w: [Scalar] = randomWeights(rows, columns, sparsity: 1 - density, &generator)
    for i in 0..<rows { for j in empty { w[i * columns + j] = 0 } }
    return w
  }

  @Test(
    "A NaN behind zeros that are not stored never reaches Y",
    arguments: [0.05, 0.3, 0.5, 0.7, 0.9, 1], [1, 2, 3, 8, 16, 64])
  func neverReachesY(density: Double, width: Int) throws {
    try check(density: density, width: width, Float.self)
    try check(density: density, width: width, Double.self)
  }

  private func check<Scalar: SparseScalar>(density: Double, width: Int, _: Scalar.Type) throws {
    let w = Self.weights(density: density, Scalar.self)
    for layout in ProductLayout.allCases {
      let (xRows, xColumns) =
        layout == .columns ? (Self.columns, width) : (width, Self.columns)
      var x = try DenseMatrix<Scalar>(
        rows: xRows, columns: xColumns,
        values: [Scalar](repeating: 1, count: Self.columns * width))
      for j in Self.empty {
        for c in 0..<width {
          let bad: Scalar = j % 2 == 0 ? .nan : .infinity
          if layout == .columns { x[j, c] = bad } else { x[c, j] = bad }
        }
      }
      for deterministic in [true, false] {
        let options = PlanOptions(deterministic: deterministic, excludesDense: true)
        let plans = [
          try Plan(
            csr(w, Self.rows, Self.columns), layout: layout, width: width, options: options),
          try Plan(
            bsr(w, Self.rows, Self.columns, BlockSize(4, 4)), layout: layout, width: width,
            options: options),
        ]
        for plan in plans {
          var y =
            layout == .columns
            ? try DenseMatrix<Scalar>(rows: Self.rows, columns: width)
            : try DenseMatrix<Scalar>(rows: width, columns: Self.rows)
          try plan.run(x, into: &y)
          let what = "\(plan.kernelName) density \(density) ×\(width) \(layout) \(Scalar.dtype)"
          #expect(y.values.allSatisfy { $0.isFinite }, "\(what)")
          #expect(plan.kernelName != "dense")
          #expect(plan.explanation.candidates.allSatisfy { $0.kernel != "dense" }, "\(what)")
          #expect(plan.explanation.description.contains("dense was excluded"), "\(what)")
        }
      }
    }
  }

  @Test("The exception: a dense product multiplies by zeros")
  func theException() throws {
    let w = Self.weights(density: 1, Float.self)
    let plan = try Plan(
      csr(w, Self.rows, Self.columns), width: 1, options: PlanOptions(kernel: "dense"))
    var x = try DenseMatrix<Float>(
      rows: Self.columns, columns: 1, values: [Float](repeating: 1, count: Self.columns))
    x[Self.empty.lowerBound, 0] = .nan
    var y = try DenseMatrix<Float>(rows: Self.rows, columns: 1)
    try plan.run(x, into: &y)
    #expect(y.values.allSatisfy { $0.isNaN })
    #expect(!plan.explanation.description.contains("excluded"))
  }

  @Test("Dense can then be neither forced nor loaded")
  func cannotBeForced() throws {
    let matrix = try csr(Self.weights(density: 0.5, Float.self), Self.rows, Self.columns)
    let forced = PlanOptions(kernel: "dense", isa: .baseline, excludesDense: true)
    #expect(
      throws: OperationError.unknownKernel(name: "dense", available: ["csr", "spmm-1x1"])
    ) { try Plan(matrix, width: 4, options: forced) }
    let dense = try Plan(matrix, width: 4, options: PlanOptions(kernel: "dense"))
    #expect(throws: OperationError.self) {
      try Plan(
        matrix, width: 4, options: PlanOptions(decision: dense.decision, excludesDense: true))
    }
  }

  @Test("Dense weights store their zeros and stay dense")
  func denseWeights() throws {
    let dense = try DenseMatrix<Float>(
      rows: Self.rows, columns: Self.columns, values: Self.weights(density: 0.5, Float.self))
    let plan = try Plan(dense: dense, width: 4, options: PlanOptions(excludesDense: true))
    #expect(plan.kernelName == "dense")
    #expect(!plan.explanation.description.contains("excluded"))
  }
}
