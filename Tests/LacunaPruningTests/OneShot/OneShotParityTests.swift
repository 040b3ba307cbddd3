// Masks and weights against plain numpy, brute force and lstsq

import Lacuna
import TestSupport
import Testing

@Suite struct OneShotParityTests {
  @Test(arguments: [
    "wanda_50", "wanda_70", "wanda_2of4", "sparsegpt_50", "sparsegpt_70", "sparsegpt_2of4",
  ])
  func masksAreNumpysAndWeightsWithinRounding(name: String) throws {
    let golden = try GoldenLayer()
    let method: any OneShotMethod =
      name.hasPrefix("wanda") ? Wanda() : SparseGPT(blockColumns: 16)
    let structure: Granularity = name.hasSuffix("2of4") ? .pattern(keep: 2, of: 4) : .element
    let sparsity: Double? = name.hasSuffix("50") ? 0.5 : (name.hasSuffix("70") ? 0.7 : nil)
    for moments in [Calibration.Moments.single, .double] {
      let result = try golden.layer.pruned(
        method, sparsity, structure: structure, moments: moments)
      let mask = try golden.mask(name)
      #expect(result.mask == mask, "\(moments)")
      // 40 columns of updates in float32, errors amplified by H's condition number of some
      // hundreds.
      let weights = try golden.weights(name)
      #expect(largestDifference(result.weights, weights) < 1e-4, "\(moments)")
    }
  }

  @Test(arguments: [Refit.cholesky, .conjugateGradients(iterations: 400, tolerance: 1e-10)])
  func refitIsNumpysLeastSquares(fit: Refit) throws {
    let golden = try GoldenLayer()
    let mask = try golden.mask("refit")
    let exact = try golden.layer.refitted(mask, by: fit, damping: 0)
    let leastSquares = try golden.weights("refit")
    #expect(largestDifference(exact.weights, leastSquares) < 1e-6)
    let damped = try golden.layer.refitted(mask, by: fit)
    let withDamping = try golden.weights("refit_damped")
    #expect(largestDifference(damped.weights, withDamping) < 1e-6)
    #expect(exact.report.error! <= damped.report.error!)
    #expect(damped.report.error! < damped.report.errorOfMask!)
  }

  @Test func theReportedErrorIsThatOfTheSamples() throws {
    let layer = LayerCase(rows: 9, columns: 33, samples: 80, seed: 8)
    for moments in [Calibration.Moments.single, .double] {
      let result = try layer.pruned(SparseGPT(), 0.6, moments: moments)
      let error = layer.error(result.weights)
      #expect(abs(result.report.error! - error) <= 1e-4 * error)
    }
  }

  /// The cost of a support, Σ over the row: min (ŵ − w)·(H + λI)·(ŵ − w)ᵀ with ŵ = 0 outside it.
  /// With R what is removed it is w_R·((H + λI)⁻¹_RR)⁻¹·w_Rᵀ, found here by eliminating the kept
  /// columns.
  private func cost(_ w: [Double], _ h: [[Double]], removed: [Int]) -> Double {
    let kept = w.indices.filter { !removed.contains($0) }
    var s = h
    for k in kept {
      for i in w.indices where i != k {
        let factor = s[i][k] / s[k][k]
        for j in w.indices { s[i][j] -= factor * s[k][j] }
      }
    }
    return removed.reduce(0) { sum, i in
      sum + removed.reduce(0) { $0 + w[i] * s[i][$1] * w[$1] }
    }
  }

  @Test(arguments: 1...8)
  func obsIsGreedyByBruteForce(seed: Int) throws {
    let n = 4 + seed
    let layer = LayerCase(rows: 1, columns: n, samples: 30, seed: UInt64(seed))
    let products = try layer.calibration().products!
    let mean = (0..<n).reduce(0) { $0 + products[$1 * (n + 1)] } / Double(n)
    let h = (0..<n).map { i in
      (0..<n).map { products[i * n + $0] + (i == $0 ? 0.01 * mean : 0) }
    }
    let w = layer.weights.map(Double.init)
    var removed: [Int] = []
    for count in 1..<n {
      let best = w.indices.filter { !removed.contains($0) }
        .min { cost(w, h, removed: removed + [$0]) < cost(w, h, removed: removed + [$1]) }!
      removed.append(best)
      let result = try layer.pruned(OptimalBrainSurgeon(), Double(count) / Double(n))
      #expect(w.indices.filter { !result.mask[0, $0] } == removed.sorted(), "\(count) of \(n)")
      // Its weights are the best there are on that support.
      let change = w.indices.map { w[$0] - Double(result.weights[$0]) }
      let reached = w.indices.reduce(0.0) { sum, i in
        sum + w.indices.reduce(0.0) { $0 + change[i] * h[i][$1] * change[$1] }
      }
      let least = cost(w, h, removed: removed)
      #expect(abs(reached - least) <= 1e-5 * least)
    }
  }

  @Test func obsSharesOutByTheCheapestNextRemoval() throws {
    let (rows, n) = (3, 6)
    let layer = LayerCase(rows: rows, columns: n, samples: 40, seed: 77)
    let products = try layer.calibration().products!
    let mean = (0..<n).reduce(0) { $0 + products[$1 * (n + 1)] } / Double(n)
    let h = (0..<n).map { i in
      (0..<n).map { products[i * n + $0] + (i == $0 ? 0.01 * mean : 0) }
    }
    var removed = [[Int]](repeating: [], count: rows)
    for count in 1...12 {
      var best = (row: 0, column: 0, cost: Double.infinity)
      for row in 0..<rows {
        let w = (0..<n).map { Double(layer.weights[row * n + $0]) }
        let now = cost(w, h, removed: removed[row])
        for j in 0..<n where !removed[row].contains(j) {
          let more = cost(w, h, removed: removed[row] + [j]) - now
          if more < best.cost { best = (row, j, more) }
        }
      }
      removed[best.row].append(best.column)
      let result = try layer.pruned(OptimalBrainSurgeon(), Double(count) / Double(rows * n))
      for row in 0..<rows {
        #expect((0..<n).filter { !result.mask[row, $0] } == removed[row].sorted(), "\(count)")
      }
    }
  }
}
