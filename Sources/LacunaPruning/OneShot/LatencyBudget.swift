// min Σ error over one choice for each layer, subject to Σ time ≤ T: a dynamic programme over
// layers

import LacunaFormats
import LacunaOperations

/// One way to prune a layer, measured.
public struct LayerChoice: Hashable, Sendable, Codable {
  /// The fraction that goes.
  public var sparsity: Double
  /// What goes as one piece.
  public var structure: Granularity
  /// Seconds of one product.
  public var seconds: Double
  /// What the layer's outputs lose, ‖(W − Ŵ)·X‖² / ‖W·X‖²: relative, so that layers of any scale
  /// add up.
  public var error: Double

  /// Joins the four. ``LatencyBudget/best(of:)`` checks time and error.
  public init(sparsity: Double, structure: Granularity, seconds: Double, error: Double) {
    (self.sparsity, self.structure, self.seconds, self.error) = (
      sparsity, structure, seconds, error
    )
  }
}

/// "At most T seconds on this machine, at the least loss" (Frantar and Alistarh, "SPDY: Accurate
/// Pruning with Speedup Guarantees", 2022).
///
/// Errors of layers are taken to add up, as times do. Time is counted in ``steps`` equal steps,
/// each choice rounded up: the times of what is chosen never add up to more than the budget, and at
/// most one step for each layer is wasted.
public struct LatencyBudget: Hashable, Sendable {
  /// Seconds for all layers together.
  public let seconds: Double
  /// How finely time is counted.
  public let steps: Int

  /// What tools try for each layer, besides leaving it dense.
  public static let usualCandidates: [(sparsity: Double?, structure: Granularity)] =
    [0.5, 0.6, 0.7, 0.8, 0.9, 0.95].map { ($0, .element) }
    + [0.5, 0.7, 0.9].map { ($0, .block(BlockSize(unchecked: 8, 1))) }

  /// A budget of more than 0 seconds, counted in 1...2²⁴ steps.
  ///
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)``
  public init(seconds: Double, steps: Int = 20_000) throws(OneShotError) {
    if !(seconds > 0 && seconds.isFinite) {
      throw .invalidParameter(
        name: "latency budget", value: "\(seconds) s", allowed: "more than 0 and finite")
    }
    if steps < 1 || steps > 1 << 24 {
      throw .invalidParameter(
        name: "steps of the latency budget", value: "\(steps)", allowed: "in 1...\(1 << 24)")
    }
    (self.seconds, self.steps) = (seconds, steps)
  }

  /// The place of the best choice among those of each layer.
  ///
  /// - Parameter layers: The choices of each layer, at least one; times and errors not negative.
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)``, with the least time that the
  ///   layers can take, when no choice fits.
  /// - Complexity: O(steps · choices) in time, O(steps · layers) in memory
  public func best(of layers: [[LayerChoice]]) throws(OneShotError) -> [Int] {
    for (n, choices) in layers.enumerated() {
      if choices.isEmpty || choices.count > Int(UInt16.max) {
        throw .invalidParameter(
          name: "choices of layer \(n)", value: "\(choices.count)",
          allowed: "in 1...\(UInt16.max)")
      }
      for choice in choices
      where !(choice.seconds >= 0 && choice.error >= 0 && choice.seconds.isFinite) {
        throw .invalidParameter(
          name: "time and error of a choice of layer \(n)",
          value: "\(choice.seconds), \(choice.error)", allowed: "0 or more")
      }
    }
    // least[t]: the least error of the layers so far in t steps.
    var least = [Double](repeating: 0, count: steps + 1)
    var chosen: [[UInt16]] = []
    for choices in layers {
      var next = [Double](repeating: .infinity, count: steps + 1)
      var from = [UInt16](repeating: 0, count: steps + 1)
      for (n, choice) in choices.enumerated() {
        let cost = stepsTaken(choice)
        if cost > steps { continue }
        for t in cost...steps where least[t - cost] + choice.error < next[t] {
          (next[t], from[t]) = (least[t - cost] + choice.error, UInt16(n))
        }
      }
      least = next
      chosen.append(from)
    }
    if !layers.isEmpty && least[steps] == .infinity {
      let fastest = layers.reduce(0) { $0 + $1.map(\.seconds).min()! }
      throw .invalidParameter(
        name: "latency budget", value: "\(seconds) s",
        allowed: "more than the \(fastest) s that the fastest choices take")
    }
    var (t, result) = (steps, [Int](repeating: 0, count: layers.count))
    for n in layers.indices.reversed() {
      result[n] = Int(chosen[n][t])
      t -= stepsTaken(layers[n][result[n]])
    }
    return result
  }

  private func stepsTaken(_ choice: LayerChoice) -> Int {
    let share = choice.seconds / seconds
    return share > 1 ? steps + 1 : Int((share * Double(steps)).rounded(.up))
  }
}

/// What pruning a layer in several ways costs and saves: each way is tried on the layer, and the
/// product with what is left is timed.
///
/// - Parameters:
///   - settings: The method, refit and damping; sparsity and structure are the candidates'.
///   - candidates: Sparsities and structures; a sparsity of nil is what the structure implies. The
///     layer as it is comes
///     first among the choices, with no error.
///   - width: Right-hand sides of the product that is timed, on one thread.
/// - Returns: The choices and, for each, the mask and weights; nil for the layer as it is.
/// - Throws: ``OneShotError``
public func layerChoices(
  _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, calibration: Calibration,
  settings: OneShotSettings, candidates: [(sparsity: Double?, structure: Granularity)], width: Int
) throws(OneShotError) -> [(choice: LayerChoice, result: OneShotResult?)] {
  if width < 1 {
    throw .invalidParameter(name: "width", value: "\(width)", allowed: "at least 1")
  }
  if calibration.moments == .norms {
    throw .calibrationTooPoor(
      layer: calibration.name, method: "a latency budget", needed: "products",
      collected: "norms")
  }
  let dense = try productSeconds(Array(weights), rows, columns, width, isDense: true)
  var result: [(choice: LayerChoice, result: OneShotResult?)] = [
    (LayerChoice(sparsity: 0, structure: .element, seconds: dense, error: 0), nil)
  ]
  for candidate in candidates {
    var own = settings
    (own.sparsity, own.structure) = candidate
    let pruned = try oneShot(
      weights, rows: rows, columns: columns, calibration: calibration, settings: own)
    let seconds = try productSeconds(pruned.weights, rows, columns, width, isDense: false)
    result.append(
      (
        LayerChoice(
          sparsity: pruned.report.target, structure: candidate.structure, seconds: seconds,
          error: pruned.report.error ?? 0), pruned
      ))
  }
  return result
}

/// The least of some runs of W·X on one thread.
package func productSeconds(
  _ weights: [Float], _ rows: Int, _ columns: Int, _ width: Int, isDense: Bool
) throws(OneShotError) -> Double {
  do {
    let matrix = try DenseMatrix(rows: rows, columns: columns, values: weights)
    let plan =
      isDense
      ? try Plan(dense: matrix, width: width)
      : try Plan(CSRMatrix(dense: matrix), width: width)
    let x = try DenseMatrix(
      rows: columns, columns: width, values: [Float](repeating: 1, count: columns * width))
    var y = try DenseMatrix<Float>(rows: rows, columns: width)
    let clock = ContinuousClock()
    var (least, spent, runs) = (Double.infinity, 0.0, 0)
    // At least 20 ms and 5 runs: the least of them is what the machine can do undisturbed.
    while runs < 5 || spent < 0.02 {
      let start = clock.now
      try plan.run(x, into: &y)
      let seconds = (clock.now - start) / .seconds(1)
      (least, spent, runs) = (min(least, seconds), spent + seconds, runs + 1)
    }
    return least
  } catch {
    throw .invalidParameter(
      name: "product of \(rows)×\(columns) by \(width)", value: "\(error)", allowed: "possible")
  }
}
