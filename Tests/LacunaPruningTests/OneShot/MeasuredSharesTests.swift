// Sparsities at the least sum of measured errors: exact totals, better than equal shares

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct MeasuredSharesTests {
  /// A layer whose inputs have few directions, which loses most of its weights for nothing, and one
  /// whose inputs have all.
  private func layers() -> [LayerCase] {
    var random = SeededGenerator(seed: 5)
    var easy = LayerCase(rows: 16, columns: 40, samples: 200, seed: 1)
    let directions = (0..<4 * 40).map { _ in LayerCase.normal(&random) }
    for s in 0..<easy.samples {
      let hidden = (0..<4).map { _ in LayerCase.normal(&random) }
      for j in 0..<40 {
        easy.inputs[s * 40 + j] = (0..<4).reduce(0) { $0 + hidden[$1] * directions[$1 * 40 + j] }
      }
    }
    return [easy, LayerCase(rows: 24, columns: 32, samples: 200, seed: 2)]
  }

  private func scores(
    _ layers: [LayerCase], _ settings: OneShotSettings?
  ) throws -> [OneShotLayerScores] {
    try layers.map { layer in
      try layer.weights.withUnsafeBufferPointer {
        try OneShotLayerScores(
          $0, rows: layer.rows, columns: layer.columns, calibration: layer.calibration(),
          measuring: settings)
      }
    }
  }

  @Test(arguments: [0.5, 0.7])
  func theSumOfErrorsFallsAndTheTotalIsExact(sparsity: Double) throws {
    let layers = layers()
    let settings = OneShotSettings(method: ALPS(), sparsity: sparsity)
    let shares = try OneShotBudget.leastError.sparsities(
      of: scores(layers, settings), sparsity: sparsity)
    let counts = layers.map { Double($0.weights.count) }
    let kept = zip(shares, counts).reduce(0) { $0 + (1 - $1.0) * $1.1 }
    #expect(abs(kept - (1 - sparsity) * counts.reduce(0, +)) < 1e-6)
    // What costs nothing goes first.
    #expect(shares[0] > sparsity && shares[1] < sparsity)
    func error(_ shares: [Double]) throws -> Double {
      try zip(layers, shares).reduce(0) { try $0 + $1.0.pruned(ALPS(), $1.1).report.error! }
    }
    #expect(try error(shares) < 0.8 * error([sparsity, sparsity]))
  }

  @Test func equalLayersShareEqually() throws {
    let layer = LayerCase(rows: 16, columns: 24, samples: 100, seed: 4)
    let settings = OneShotSettings(method: Wanda(), sparsity: 0.6)
    let shares = try OneShotBudget.leastError.sparsities(
      of: scores([layer, layer], settings), sparsity: 0.6)
    // Within two steps of the densities that were tried.
    #expect(abs(log2((1 - shares[0]) / (1 - shares[1]))) <= 1)
    #expect(abs(shares[0] + shares[1] - 1.2) < 1e-9)
  }

  @Test func errorsThatWereNotMeasuredAreRefused() throws {
    let layers = layers()
    #expect(throws: OneShotError.self) {
      try OneShotBudget.leastError.sparsities(of: scores(layers, nil), sparsity: 0.5)
    }
    #expect(throws: OneShotError.self) {
      try layers[0].weights.withUnsafeBufferPointer {
        try OneShotLayerScores(
          $0, rows: 16, columns: 40, calibration: layers[0].calibration(.norms),
          measuring: OneShotSettings(method: Wanda(), sparsity: 0.5))
      }
    }
  }
}
