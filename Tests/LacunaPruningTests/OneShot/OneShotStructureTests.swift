// Every method in every structure: the mask has it, the count is exact, what is dropped is zero

import Lacuna
import Testing

@Suite struct OneShotStructureTests {
  static let structures: [Granularity] = [
    .element, .pattern(keep: 2, of: 4), .pattern(keep: 1, of: 3), .window(keep: 4, of: 16),
    .block(try! BlockSize(4, 1)), .block(try! BlockSize(1, 8)), .block(try! BlockSize(5, 3)),
    .rows(), .columns(),
  ]

  @Test(arguments: OneShotMethodName.allCases, structures)
  func masksHaveTheirStructure(name: OneShotMethodName, structure: Granularity) throws {
    let layer = LayerCase(rows: 22, columns: 50, samples: 120, seed: 9)
    let isGrouped =
      switch structure {
      case .pattern, .window: true
      default: false
      }
    let result = try layer.pruned(name.method, isGrouped ? nil : 0.6, structure: structure)
    let mask = result.mask
    var cell = (1, 1)
    switch structure {
    case .pattern(let keep, let of), .window(let keep, let of):
      #expect(mask.hasPattern(keep: keep, of: of))
      // Whole groups keep exactly as many.
      #expect(mask.keptCount == 22 * (50 / of * keep + min(50 % of, keep)))
    case .block(let block, _): cell = (block.rows, block.columns)
    case .rows: cell = (1, 50)
    case .columns: cell = (22, 1)
    case .element, .channels: break
    }
    var (kept, cells) = (0, 0)
    for i in stride(from: 0, to: 22, by: cell.0) {
      for j in stride(from: 0, to: 50, by: cell.1) {
        cells += 1
        if mask[i, j] { kept += 1 }
        for a in i..<min(i + cell.0, 22) {
          for b in j..<min(j + cell.1, 50) { #expect(mask[a, b] == mask[i, j]) }
        }
      }
    }
    // Wanda's share is a row's, of the whole layer otherwise.
    let byRow = name == .wanda && cell.1 < 50 && cell.0 < 22
    let rows = (22 + cell.0 - 1) / cell.0
    if !isGrouped {
      #expect(
        kept
          == (byRow
            ? rows * keptCount(of: cells / rows, sparsity: 0.6)
            : keptCount(of: cells, sparsity: 0.6)))
    }
    for i in 0..<22 * 50 where !mask[i / 50, i % 50] { #expect(result.weights[i] == 0) }
    #expect(result.report.kept == mask.keptCount)
    #expect(result.report.error! <= result.report.errorOfMask! * (1 + 1e-6))
  }

  /// Blocks of one column and whole columns by brute force over single removals.
  @Test func obsTakesTheColumnThatCostsLeast() throws {
    let layer = LayerCase(rows: 5, columns: 10, samples: 60, seed: 10)
    let one = try layer.pruned(OptimalBrainSurgeon(), 0.1, structure: .columns())
    let errors = try (0..<10).map { j in
      var mask = try BitMask(rows: 5, columns: 10, filled: true)
      for i in 0..<5 { mask[i, j] = false }
      return try layer.refitted(mask).report.error!
    }
    let gone = (0..<10).first { !one.mask[0, $0] }!
    #expect(errors[gone] <= errors.min()! * 1.01)
  }

  @Test(arguments: OneShotMethodName.allCases.filter { $0 != .magnitude })
  func deadInputsGoFirstAndCostNothing(name: OneShotMethodName) throws {
    var layer = LayerCase(rows: 6, columns: 20, samples: 100, seed: 11)
    for s in 0..<100 { for j in [3, 4, 11, 19] { layer.inputs[s * 20 + j] = 0 } }
    let result = try layer.pruned(name.method, 0.2)
    #expect(result.report.deadInputs == 4)
    for i in 0..<6 {
      for j in 0..<20 { #expect(result.mask[i, j] == ![3, 4, 11, 19].contains(j)) }
    }
    #expect(result.report.error! < 1e-10)
  }

  @Test(arguments: OneShotMethodName.allCases)
  func fewerSamplesThanInputsIsWellDefined(name: OneShotMethodName) throws {
    let layer = LayerCase(rows: 8, columns: 64, samples: 5, seed: 12)
    let result = try layer.pruned(name.method, 0.5, moments: .single)
    #expect(!result.weights.contains { !$0.isFinite })
    #expect(result.report.samples == 5)
    #expect(result.mask.keptCount == 8 * 32)
    // The damping that the rule states was enough, in single precision.
    if name == .sparsegpt {
      #expect(result.report.precision == .single)
      let norms = try layer.calibration().squaredNorms
      let expected = 0.01 * norms.reduce(0, +) / 64
      #expect(abs(result.report.damping! - expected) <= 1e-5 * expected)
    }
  }

  @Test(arguments: OneShotMethodName.allCases.filter { $0 != .magnitude })
  func singularProductsWithoutDampingGetWhatTheyNeed(name: OneShotMethodName) throws {
    // Twice the same inputs: H has rank 8 of 16.
    var layer = LayerCase(rows: 4, columns: 16, samples: 50, seed: 13)
    for s in 0..<50 { for j in 0..<8 { layer.inputs[s * 16 + 8 + j] = layer.inputs[s * 16 + j] } }
    let result = try layer.pruned(name.method, 0.5, refit: .cholesky, damping: 0)
    #expect(!result.weights.contains { !$0.isFinite })
    #expect(result.report.error! <= result.report.errorOfMask!)
  }

  @Test func impossibleRequestsAreRefused() throws {
    let layer = LayerCase(rows: 4, columns: 8, samples: 20, seed: 14)
    #expect(
      throws: OneShotError.unreachableSparsity(
        layer: "layer", sparsity: 0.7, structure: "2:4", allowed: "0.5")
    ) { try layer.pruned(Wanda(), 0.7, structure: .pattern(keep: 2, of: 4)) }
    for sparsity in [1, -0.1, .nan] as [Double] {
      #expect(throws: OneShotError.self) { try layer.pruned(SparseGPT(), sparsity) }
    }
    #expect(throws: OneShotError.self) { try layer.pruned(SparseGPT()) }
    #expect(throws: OneShotError.self) { try layer.pruned(SparseGPT(), 0.5, damping: -1) }
    #expect(throws: OneShotError.self) {
      try layer.pruned(SparseGPT(), 0.5, structure: .channels())
    }
    #expect(throws: OneShotError.self) { try ALPS(steps: 0) }
    #expect(throws: OneShotError.self) { try ALPS(steps: 1, penalty: 0) }
    var bad = layer
    bad.weights[21] = .nan
    #expect(throws: OneShotError.weightNotFinite(layer: "layer", index: 21)) {
      try bad.pruned(Wanda(), 0.5)
    }
    #expect(
      throws: OneShotError.shapeMismatch(
        layer: "layer", what: "mask", expectedRows: 4, expectedColumns: 8, rows: 4, columns: 9)
    ) { try layer.refitted(BitMask(rows: 4, columns: 9)) }
  }
}
