// The dynamic programme finds what trying everything finds, and never more time than was given

import Lacuna
import TestSupport
import Testing

@Suite struct LatencyBudgetTests {
  private func choices(_ layers: Int, seed: UInt64) -> [[LayerChoice]] {
    var random = SeededGenerator(seed: seed)
    return (0..<layers).map { _ in
      (0..<4).map { n in
        LayerChoice(
          sparsity: Double(n) / 4, structure: .element,
          seconds: Double(Int.random(in: 1...40, using: &random)),
          error: n == 0 ? 0 : Double.random(in: 0..<1, using: &random))
      }
    }
  }

  @Test(arguments: 1...12)
  func theBestOfAllCombinations(seed: Int) throws {
    let layers = choices(4, seed: UInt64(seed))
    // Whole seconds in steps of a second: no rounding.
    let budget = try LatencyBudget(seconds: 70, steps: 70)
    let best = try budget.best(of: layers)
    func total(_ picks: [Int]) -> (seconds: Double, error: Double) {
      zip(layers, picks).reduce((0, 0)) { ($0.0 + $1.0[$1.1].seconds, $0.1 + $1.0[$1.1].error) }
    }
    var least = Double.infinity
    for code in 0..<256 {
      let found = total((0..<4).map { code >> (2 * $0) & 3 })
      if found.seconds <= 70 { least = min(least, found.error) }
    }
    #expect(total(best).seconds <= 70)
    #expect(abs(total(best).error - least) < 1e-12)
  }

  @Test(arguments: [7, 100, 20_000])
  func timeIsNeverExceededByRounding(steps: Int) throws {
    var layers = choices(3, seed: 5)
    for n in layers.indices {
      for k in layers[n].indices { layers[n][k].seconds /= 300.7 }
      layers[n].append(LayerChoice(sparsity: 0.99, structure: .element, seconds: 0, error: 9))
    }
    let picks = try LatencyBudget(seconds: 0.1, steps: steps).best(of: layers)
    #expect(zip(layers, picks).reduce(0) { $0 + $1.0[$1.1].seconds } <= 0.1)
  }

  @Test func impossibleBudgetsNameTheLeastTime() throws {
    let one = [[LayerChoice(sparsity: 0, structure: .element, seconds: 2, error: 0)]]
    #expect(
      throws: OneShotError.invalidParameter(
        name: "latency budget", value: "1.5 s",
        allowed: "more than the 2.0 s that the fastest choices take")
    ) { try LatencyBudget(seconds: 1.5).best(of: one) }
    #expect(throws: OneShotError.self) { try LatencyBudget(seconds: 0) }
    #expect(throws: OneShotError.self) { try LatencyBudget(seconds: 1, steps: 0) }
    #expect(throws: OneShotError.self) { try LatencyBudget(seconds: 1).best(of: [[]]) }
    #expect(try LatencyBudget(seconds: 1).best(of: []) == [])
  }

  @Test func choicesOfALayerAreMeasuredOnIt() throws {
    let layer = LayerCase(rows: 64, columns: 48, samples: 200, seed: 6)
    let calibration = try layer.calibration()
    let choices = try layer.weights.withUnsafeBufferPointer {
      try layerChoices(
        $0, rows: 64, columns: 48, calibration: calibration,
        settings: OneShotSettings(method: SparseGPT()),
        candidates: [(0.5, .element), (0.9, .element), (nil, .pattern(keep: 2, of: 4))], width: 4)
    }
    #expect(choices.map(\.choice.sparsity) == [0, 0.5, 0.9, 0.5])
    #expect(choices[0].result == nil && choices[0].choice.error == 0)
    #expect(choices[1].choice.error < choices[2].choice.error)
    #expect(choices.allSatisfy { $0.choice.seconds > 0 })
    for choice in choices.dropFirst() {
      let error = layer.error(choice.result!.weights)
      #expect(abs(choice.choice.error - error) <= 1e-5 * error)
    }
  }
}
