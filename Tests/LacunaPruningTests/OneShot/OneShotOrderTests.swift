// The published order of the methods in layer error, on correlated inputs

import Lacuna
import Testing

@Suite struct OneShotOrderTests {
  struct Target: Sendable, CustomStringConvertible {
    var sparsity: Double?
    var structure: Granularity = .element
    var description: String { sparsity.map { "\($0)" } ?? "2:4" }
  }
  static let targets = [
    Target(sparsity: 0.5), Target(sparsity: 0.7), Target(sparsity: 0.8),
    Target(structure: .pattern(keep: 2, of: 4)),
  ]

  @Test(arguments: targets, [UInt64(1), 2, 3])
  func magnitudeWandaSparseGPTALPS(target: Target, seed: UInt64) throws {
    let layer = LayerCase(rows: 64, columns: 96, samples: 512, seed: seed)
    func error(_ method: any OneShotMethod, refit: Refit? = nil) throws -> Double {
      try layer.pruned(method, target.sparsity, structure: target.structure, refit: refit)
        .report.error!
    }
    let magnitude = try error(Magnitude())
    let wanda = try error(Wanda())
    let sparseGPT = try error(SparseGPT())
    let alps = try error(ALPS())
    let refitted = try error(Wanda(), refit: .automatic)
    #expect(magnitude > wanda)
    #expect(wanda >= sparseGPT)
    #expect(sparseGPT >= alps)
    // A fit on Wanda's own mask closes at least half of the gap.
    #expect(wanda - refitted >= (wanda - alps) / 2)
  }

  @Test func exactOBSIsNotWorseThanSparseGPT() throws {
    let layer = LayerCase(rows: 16, columns: 32, samples: 200, seed: 4)
    for sparsity in [0.3, 0.5, 0.7] {
      let obs = try layer.pruned(OptimalBrainSurgeon(), sparsity).report.error!
      let sparseGPT = try layer.pruned(SparseGPT(), sparsity).report.error!
      #expect(obs <= sparseGPT)
    }
  }
}
