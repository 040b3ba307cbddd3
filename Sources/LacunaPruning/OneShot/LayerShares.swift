// How sparse each layer of a model should be, from the scores |w|·‖x‖ of all of them

import LacunaFormats
import LacunaOperations

/// How the layers of a model share a one-shot sparsity.
public enum OneShotBudget: Hashable, Sendable {
  /// Each layer loses the same fraction.
  case uniform
  /// Layers by name; those not named lose the model's fraction.
  case perLayer([String: Double])
  /// One threshold over all layers on |w|·‖x‖ / ‖s‖, s being all scores of the weight's layer: a
  /// weight counts as much as it adds to its own layer's output. Every layer keeps at least one
  /// weight.
  case global
  /// Layers with more outliers stay denser (Yin et al., "Outlier Weighed Layerwise Sparsity", OWL,
  /// 2024).
  ///
  /// An outlier's score is more than `factor` times the mean score of its layer. Densities go in a
  /// straight line from the layer with the fewest outliers to the one with the most, `2 · spread`
  /// above; their mean over all weights is what was asked for.
  case outliers(factor: Double = 5, spread: Double = 0.08)
  /// The least sum of the layers' errors, which are measured: each layer is pruned to about ten
  /// sparsities on the inputs that the dense network gives.
  case leastError

  /// Whether ``OneShotLayerScores`` have to be measured for it.
  public var measures: Bool { self == .leastError }
}

/// What sharing out needs to know of one layer.
public struct OneShotLayerScores {
  /// What errors call the layer, and ``OneShotBudget/perLayer(_:)`` too.
  public let name: String
  /// |w_ij|·‖x_j‖, row-major.
  let scores: AlignedBuffer<Float>
  /// The scores' root sum of squares.
  let norm: Double
  /// What the layer loses at some densities; nil unless they were measured.
  let errors: MeasuredErrors?

  /// Scores one layer's weights, and measures its errors where a budget needs them.
  ///
  /// - Parameter settings: How the layer is going to be pruned, to measure its errors for
  ///   ``OneShotBudget/leastError``; nil for other budgets.
  /// - Throws: ``OneShotError`` when the shapes disagree, a weight is not finite, or the
  ///   calibration is empty.
  /// - Complexity: O(rows · columns), and that of ten prunings when errors are measured
  public init(
    _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, calibration: Calibration,
    measuring settings: OneShotSettings? = nil
  ) throws(OneShotError) {
    let layer = try OneShotLayer(
      checking: weights, rows, columns, calibration,
      OneShotSettings(method: Wanda(), sparsity: 0), needs: .norms, method: "sharing out")
    name = layer.name
    scores = layer.activationScores()
    norm = scores.elements.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    errors = try settings.map { (settings) throws(OneShotError) in
      try MeasuredErrors(weights, rows, columns, calibration, settings)
    }
  }

  var count: Int { scores.count }

  /// The fraction of scores more than `factor` times their mean.
  func outlierFraction(factor: Double) -> Double {
    let mean = scores.elements.reduce(0) { $0 + Double($1) } / Double(count)
    let limit = Float(mean * factor)
    return Double(scores.elements.count { $0 > limit }) / Double(count)
  }
}

extension OneShotBudget {
  /// The sparsity of each layer, such that `sparsity` of all weights go.
  ///
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)`` for numbers outside their
  ///   ranges or names that no layer has.
  public func sparsities(
    of layers: [OneShotLayerScores], sparsity: Double
  ) throws(OneShotError) -> [Double] {
    if !(sparsity >= 0 && sparsity < 1) {
      throw .invalidParameter(name: "sparsity", value: "\(sparsity)", allowed: "in 0..<1")
    }
    switch self {
    case .uniform: return layers.map { _ in sparsity }
    case .perLayer(let own):
      for (name, value) in own.sorted(by: { $0.key < $1.key }) {
        if !layers.contains(where: { $0.name == name }) {
          throw .invalidParameter(
            name: "layer with a sparsity of its own", value: name,
            allowed: "one of \(layers.map(\.name).joined(separator: ", "))")
        }
        if !(value >= 0 && value < 1) {
          throw .invalidParameter(
            name: "sparsity of \(name)", value: "\(value)", allowed: "in 0..<1")
        }
      }
      return layers.map { own[$0.name] ?? sparsity }
    case .global: return try Self.underOneThreshold(layers, sparsity)
    case .leastError: return try Self.atLeastError(layers, sparsity)
    case .outliers(let factor, let spread):
      if !(factor > 0 && factor.isFinite) || !(spread >= 0 && spread <= 1) {
        throw .invalidParameter(
          name: "outlier factor and spread", value: "\(factor), \(spread)",
          allowed: "more than 0, and in 0...1")
      }
      return Self.byOutliers(layers, sparsity, factor, spread)
    }
  }

  private static func underOneThreshold(
    _ layers: [OneShotLayerScores], _ sparsity: Double
  ) throws(OneShotError) -> [Double] {
    let relative = layers.map { layer in
      let own = layer.scores.copy()
      let scale = layer.norm > 0 ? Float(1 / layer.norm) : 0
      for i in 0..<own.count { own.pointer[i] *= scale }
      return own
    }
    let count = layers.reduce(0) { $0 + $1.count }
    if count == 0 { return [] }
    let place = try choosing { () throws(PruningError) in
      try topCells(
        relative.map { UnsafeBufferPointer($0.elements) },
        kept: keptCount(of: count, sparsity: sparsity), ties: .exactK
      ) { layers[$0].name }
    }
    var ties = place.ties
    return relative.map { scores in
      var kept = 0
      for score in scores.elements {
        if score > place.threshold {
          kept += 1
        } else if score == place.threshold && ties > 0 {
          (kept, ties) = (kept + 1, ties - 1)
        }
      }
      return 1 - Double(max(kept, 1)) / Double(scores.count)
    }
  }

  private static func byOutliers(
    _ layers: [OneShotLayerScores], _ sparsity: Double, _ factor: Double, _ spread: Double
  ) -> [Double] {
    let fractions = layers.map { $0.outlierFraction(factor: factor) }
    guard let least = fractions.min(), let most = fractions.max(), most > least else {
      return layers.map { _ in sparsity }
    }
    let offsets = fractions.map { 2 * spread * ($0 - least) / (most - least) }
    let sizes = layers.map { Double($0.count) }
    let wanted = (1 - sparsity) * sizes.reduce(0, +)
    // The base density at which all densities, cut to 0...1, keep what was asked for: it rises with
    // the base.
    var (low, high) = (-1.0, 1.0)
    for _ in 0..<60 {
      let base = (low + high) / 2
      let kept = zip(offsets, sizes).reduce(0) { $0 + min(max($1.0 + base, 0), 1) * $1.1 }
      if kept < wanted { low = base } else { high = base }
    }
    return offsets.map { min(1 - min(max($0 + high, 0), 1), 1.0.nextDown) }
  }
}
