// Recurrent matrices keep the diagonals of their gates, whatever else goes.

import LacunaFormats
import LacunaPruning
import TestSupport
import Testing

@Suite struct KeptDiagonalTests {
  private func pruned(
    _ shape: [Int], layout: WeightLayout = .outputMajor, sparsity: Double,
    granularity: Granularity = .element, budget: Budget = .uniform,
    saliency: Saliency = .magnitude, seed: UInt64
  ) throws -> (mask: BitMask, report: TensorReport) {
    let count = shape.reduce(1, *)
    var values = randomWeights(count, seed: seed)
    return try values.withUnsafeMutableBufferPointer { values in
      let tensor = try PrunableTensor(
        name: "r/recurrent_kernel", weights: values, shape: shape, layout: layout)
      let pruner = try Pruner(
        settings: PruningSettings(
          schedule: try OneShot(sparsity), granularity: granularity, budget: budget,
          saliency: saliency, rules: [TensorRule("*/recurrent_kernel", keepsDiagonal: true)]))
      try pruner.step([tensor])
      return (try #require(pruner.masks["r/recurrent_kernel"]), pruner.report.tensors[0])
    }
  }

  @Test(
    "The diagonal of every gate stays, and counts among what is kept",
    arguments: [0.5, 0.9, 0.95], [UInt64(1), 2])
  func elements(sparsity: Double, seed: UInt64) throws {
    for budget in [Budget.uniform, .global] {
      let (mask, report) = try pruned([96, 32], sparsity: sparsity, budget: budget, seed: seed)
      for row in 0..<96 { #expect(mask[row, row % 32], "row \(row), seed \(seed)") }
      #expect(report.kept == keptCount(of: 96 * 32, sparsity: sparsity))
    }
  }

  @Test("Where the sparsity leaves less than the diagonals, they stay and nothing else")
  func tooSparse() throws {
    let (mask, report) = try pruned([96, 32], sparsity: 0.99, seed: 3)
    #expect(report.kept == 96)
    for row in 0..<96 {
      for column in 0..<32 { #expect(mask[row, column] == (row % 32 == column)) }
    }
  }

  @Test("Blocks that a diagonal runs through stay", arguments: [Pooling.average, .max])
  func blocks(pooling: Pooling) throws {
    let (mask, _) = try pruned(
      [64, 32], sparsity: 0.8, granularity: .block(try BlockSize(4, 2), pooling: pooling), seed: 4)
    for row in 0..<64 { #expect(mask[row, row % 32]) }
  }

  @Test("In TensorFlow's layout the outputs are the columns")
  func tensorFlow() throws {
    let (mask, _) = try pruned([16, 48], layout: .tensorFlow, sparsity: 0.9, seed: 5)
    for column in 0..<48 { #expect(mask[column % 16, column]) }
  }

  @Test("A matrix without diagonals is refused with its sizes")
  func refused() {
    #expect(
      throws: PruningError.invalidParameter(
        name: "keepsDiagonal of r/recurrent_kernel", value: "30 outputs of 20 inputs",
        allowed: "matrices whose outputs are a multiple of their inputs")
    ) {
      _ = try pruned([30, 20], sparsity: 0.5, seed: 1)
    }
  }
}
