// Choices can be forced, saved, loaded and explained; zeros stay silent.

import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct PlanChoiceTests {
  private func weights(_ sparsity: Double, seed: UInt64 = 3) throws -> CSRMatrix<Float> {
    var generator = SeededGenerator(seed: seed)
    return try csr(randomWeights(96, 160, sparsity: sparsity, &generator), 96, 160)
  }

  @Test func aDecisionIsSavedAndLoaded() throws {
    let matrix = try weights(0.9)
    let plan = try Plan(matrix, width: 64)
    #expect(plan.decision.kernel == plan.kernelName)
    let loaded = try Plan(matrix, width: 64, options: PlanOptions(decision: plan.decision))
    #expect(loaded.kernelName == plan.kernelName)
    #expect(loaded.explanation.reason == "a loaded decision")
    #expect(loaded.decision == plan.decision)
    // Other weights, another width: refused.
    #expect(throws: OperationError.self) {
      try Plan(matrix, width: 65, options: PlanOptions(decision: plan.decision))
    }
    #expect(throws: OperationError.self) {
      try Plan(weights(0.5), width: 64, options: PlanOptions(decision: plan.decision))
    }
  }

  @Test func deterministicPlansDoNotTime() throws {
    let options = PlanOptions(deterministic: true)
    for width in [1, 3, 16, 64] {
      let plan = try Plan(weights(0.9), width: width, options: options)
      let again = try Plan(weights(0.9), width: width, options: options)
      #expect(plan.kernelName == again.kernelName)
      #expect(plan.explanation.candidates.allSatisfy { $0.measuredSeconds == nil })
    }
  }

  @Test func nearlyDenseWeightsRunDense() throws {
    // On the baseline: OpenBLAS may be set to narrower kernels than ours elsewhere, and then loses.
    let options = PlanOptions(deterministic: true, isa: .baseline)
    let plan = try Plan(weights(0.01), width: 128, options: options)
    #expect(plan.kernelName == "dense")
    let sparse = try Plan(weights(0.95), width: 128, options: options)
    #expect(sparse.kernelName == "spmm-1x1")
  }

  @Test func theExplanationNamesEveryCandidate() throws {
    let plan = try Plan(weights(0.7), width: 64)
    let text = plan.explanation.description
    for candidate in plan.explanation.candidates { #expect(text.contains(candidate.kernel)) }
    #expect(text.contains("chosen: \(plan.kernelName)"))
    #expect(plan.explanation.candidates.contains { $0.kernel == "dense" })
    #expect(plan.explanation.candidates.filter { $0.measuredSeconds != nil }.count <= 3)
    #expect(plan.explanation.candidates.allSatisfy { $0.bytes > 0 && $0.flops > 0 })
  }

  @Test(arguments: ISA.allCases)
  func unstoredWeightsSilenceNaNAndInfinity(isa: ISA) throws {
    try require(isa)
    // Column 1 is not stored in row 0: its NaN must not reach it. Row 1 stores it.
    let w = try csr([2, 0, 0, 3, 1, 0] as [Float], 2, 3)
    var x = try DenseMatrix<Float>(rows: 3, columns: 20)
    for n in 0..<20 { (x[0, n], x[1, n], x[2, n]) = (1, .nan, .infinity) }
    let plan = try Plan(
      w, width: 20, options: PlanOptions(deterministic: true, kernel: "spmm-1x1", isa: isa))
    var y = try DenseMatrix<Float>(rows: 2, columns: 20)
    try plan.run(x, into: &y)
    for n in 0..<20 {
      #expect(y[0, n] == 2)
      #expect(y[1, n].isNaN)
    }
  }
}
