// How layers share a one-shot sparsity: exact totals, outliers stay, names are checked

import Lacuna
import Testing

@Suite struct LayerSharesTests {
  private let layers = [
    LayerCase(rows: 20, columns: 30, samples: 60, seed: 1),
    LayerCase(rows: 10, columns: 50, samples: 60, seed: 2),
    LayerCase(rows: 40, columns: 16, samples: 60, seed: 3),
  ]

  private func scores(_ layers: [LayerCase]) throws -> [OneShotLayerScores] {
    try layers.enumerated().map { n, layer in
      let calibration = try Calibration(
        name: "layer \(n)",
        CalibrationSamples(layer.inputs, samples: layer.samples, inputs: layer.columns),
        moments: .norms)
      return try layer.weights.withUnsafeBufferPointer {
        try OneShotLayerScores(
          $0, rows: layer.rows, columns: layer.columns, calibration: calibration)
      }
    }
  }

  private func total(_ sparsities: [Double]) -> Double {
    let sizes = layers.map { Double($0.weights.count) }
    return zip(sparsities, sizes).reduce(0) { $0 + $1.0 * $1.1 } / sizes.reduce(0, +)
  }

  @Test(arguments: [0.3, 0.5, 0.8, 0.95])
  func sharesAddUpToTheModels(sparsity: Double) throws {
    let scores = try scores(layers)
    #expect(
      try OneShotBudget.uniform.sparsities(of: scores, sparsity: sparsity) == [
        sparsity, sparsity, sparsity,
      ])
    let outliers = try OneShotBudget.outliers(factor: 2).sparsities(of: scores, sparsity: sparsity)
    #expect(abs(total(outliers) - sparsity) < 1e-9)
    let global = try OneShotBudget.global.sparsities(of: scores, sparsity: sparsity)
    let weights = 20 * 30 + 10 * 50 + 40 * 16
    let kept = Double(keptCount(of: weights, sparsity: sparsity))
    #expect(abs(total(global) - (1 - kept / Double(weights))) < 1e-9)
  }

  @Test func moreOutliersStayDenser() throws {
    var changed = layers
    // A tenth of the first layer's weights become thirty times as large.
    for i in stride(from: 0, to: 600, by: 10) { changed[0].weights[i] *= 30 }
    let sparsities = try OneShotBudget.outliers().sparsities(of: scores(changed), sparsity: 0.7)
    #expect(sparsities[0] == sparsities.min())
    #expect(abs(sparsities.max()! - sparsities.min()! - 0.16) < 1e-9)
    // Layers without a difference share alike.
    let same = try OneShotBudget.outliers(factor: 1e6).sparsities(of: scores(layers), sparsity: 0.7)
    #expect(same == [0.7, 0.7, 0.7])
  }

  @Test func aGlobalThresholdIgnoresTheScaleOfALayer() throws {
    var louder = layers
    louder[1].weights = louder[1].weights.map { $0 * 1024 }
    louder[2].inputs = louder[2].inputs.map { $0 / 256 }
    let a = try OneShotBudget.global.sparsities(of: scores(layers), sparsity: 0.6)
    let b = try OneShotBudget.global.sparsities(of: scores(louder), sparsity: 0.6)
    for (x, y) in zip(a, b) { #expect(abs(x - y) < 0.01) }
  }

  @Test func namesAndNumbersAreChecked() throws {
    let scores = try scores(layers)
    #expect(
      try OneShotBudget.perLayer(["layer 1": 0.2]).sparsities(of: scores, sparsity: 0.5) == [
        0.5, 0.2, 0.5,
      ])
    #expect(throws: OneShotError.self) {
      try OneShotBudget.perLayer(["layer 9": 0.2]).sparsities(of: scores, sparsity: 0.5)
    }
    #expect(throws: OneShotError.self) {
      try OneShotBudget.perLayer(["layer 1": 1]).sparsities(of: scores, sparsity: 0.5)
    }
    #expect(throws: OneShotError.self) {
      try OneShotBudget.outliers(factor: 0).sparsities(of: scores, sparsity: 0.5)
    }
    #expect(throws: OneShotError.self) {
      try OneShotBudget.global.sparsities(of: scores, sparsity: 1)
    }
  }
}
