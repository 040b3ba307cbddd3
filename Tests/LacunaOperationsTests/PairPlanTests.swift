// Plans of bf16 weights that may round X: exact for an X of bf16, within its rounding for any other, and only when asked.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct PairPlanTests {
  /// (out, in): odd inputs, edges of strips and lanes, several column blocks.
  private static let shapes = [(1, 1), (3, 5), (17, 33), (64, 48), (50, 700)]

  private func narrow(_ matrix: DenseMatrix<Float>) -> DenseMatrix<Float> {
    matrix.converted(to: BFloat16.self).converted(to: Float.self)
  }

  private func options(_ kernel: String?, threads: Int = 1) -> PlanOptions {
    PlanOptions(
      threads: threads, deterministic: true, kernel: kernel, isa: .v4BF16,
      allowsBF16Activations: true)
  }

  @Test("Every kernel, at every edge", arguments: ProductLayout.allCases)
  func rounded(layout: ProductLayout) throws {
    try require(.v4BF16)
    var generator = SeededGenerator(seed: 77)
    for (rows, columns) in Self.shapes {
      let weights: [Float] = randomWeights(rows, columns, sparsity: 0.6, &generator)
        .map { BFloat16(nearest: $0 as Float).widened }
      let dense = try DenseMatrix(rows: rows, columns: columns, values: weights)
      let csr = CSRMatrix(dense: dense.converted(to: BFloat16.self))
      let bsr = BSRMatrix(dense: dense.converted(to: BFloat16.self), block: try BlockSize(2, 2))
      let epilogue = Epilogue<Float>(
        bias: randomWeights(rows, 1, sparsity: 0, &generator), activation: .clamp(-1, 2))
      for width in [1, 3, 16, 33, 150] {
        let x: DenseMatrix<Float> =
          layout == .columns
          ? try randomDense(columns, width, &generator)
          : try randomDense(width, columns, &generator)
        let exact = Oracle(
          weights, rows: rows, columns: columns, x: narrow(x), layout: layout, epilogue: epilogue)
        for kernel in ["pairs-1x2", "pairs-2x2", "pairs-4x2", "pairs-dense", "pairs-window"] {
          let plans = try [
            Plan(
              csr, layout: layout, width: width, epilogue: epilogue, options: options(kernel)),
            Plan(
              bsr, layout: layout, width: width, epilogue: epilogue,
              options: options(kernel, threads: 2)),
          ]
          let name = "\(kernel) \(rows)×\(columns)×\(width) \(layout)"
          let results = try plans.map { try $0(x) }
          #expect(exact.firstError(results[0], layout: layout) == nil, "\(name)")
          #expect(exact.firstError(results[1], layout: layout) == nil, "\(name), blocks")
          // The same pairs, whatever stored them; zeros that blocks store take slots of windows from others.
          let isSame = results[0].values == results[1].values
          #expect(isSame || kernel == "pairs-window", "\(name), blocks and threads")
          let whole = try Plan(
            bsr, layout: layout, width: width, epilogue: epilogue, options: options(kernel))
          let isWhole = try whole(x).values == results[1].values
          #expect(isWhole, "\(name), threads")
          #expect(plans[0].kernelName == kernel)
        }
        let full = try Plan(
          dense: dense.converted(to: BFloat16.self), layout: layout, width: width,
          epilogue: epilogue, options: options("pairs-dense"))
        #expect(exact.firstError(try full(x), layout: layout) == nil)
      }
    }
  }

  @Test("Nothing is rounded unless it is allowed, and can be")
  func onlyWhenAllowed() throws {
    let weights = CSRMatrix(
      dense: try DenseMatrix<Float>(rows: 8, columns: 8, values: .init(repeating: 1, count: 64)))
    func names<Weight: NarrowScalar>(
      _ weights: CSRMatrix<Weight>, _ options: PlanOptions
    ) throws -> [String] {
      var options = options
      options.kernel = "none"
      do {
        _ = try Plan(weights, width: 64, options: options)
      } catch OperationError.unknownKernel(_, let available) { return available }
      Issue.record("a kernel called none exists")
      return []
    }
    let narrow = weights.converted(to: BFloat16.self)
    func pairs(_ names: [String]) -> Int { names.filter { $0.hasPrefix("pairs") }.count }
    for isa in ISA.available {
      var options = PlanOptions(isa: isa)
      #expect(try pairs(names(narrow, options)) == 0)
      options.allowsBF16Activations = true
      let expected = isa.includes(.v4BF16) ? 5 : 0
      #expect(try pairs(names(narrow, options)) == expected)
      #expect(try pairs(names(weights.converted(to: Float16.self), options)) == 0)
      options.excludesDense = true
      #expect(try pairs(names(narrow, options)) == (expected == 0 ? 0 : 4))
      options.updatable = true
      #expect(try pairs(names(narrow, options)) == 0)
    }
  }
}
