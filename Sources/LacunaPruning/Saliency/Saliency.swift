// score(w): what a weight is worth keeping for

/// By what the weights of a tensor compete.
///
/// Everything but plain magnitude needs a call of ``Pruner/observe(_:)`` after each backward pass.
public struct Saliency: Sendable {
  /// How one observation scores a weight.
  public enum Measure: Sendable {
    /// |w|.
    case magnitude
    /// |w · ∂loss/∂w|, the first-order change of the loss when the weight goes (Molchanov et al. 2016).
    case gradientTimesWeight
    /// −Σ w · ∂loss/∂w over all observations: weights that move away from zero are kept (Sanh et al.,
    /// "Movement Pruning", 2020).
    case movement
    /// The caller's own: one score per weight, larger is kept. `name` is for error messages.
    case custom(name: String, @Sendable (Observation) -> [Float])
  }

  /// What a caller's measure sees of a tensor. The pointers are valid during the call only.
  public struct Observation {
    /// The tensor's name.
    public let name: String
    /// Dimensions, outermost first.
    public let shape: [Int]
    /// The weights as they are, row-major.
    public let weights: UnsafeBufferPointer<Float>
    /// ∂loss/∂w in the same order; nil where the caller gave none.
    public let gradients: UnsafeBufferPointer<Float>?
  }

  /// How one observation scores a weight.
  public var measure: Measure
  /// Exponential moving average over observations: `average ← decay · average + (1 − decay) · score`.
  /// `nil` takes the latest score, and for movement the plain sum.
  public var decay: Double?
  /// Divide each tensor's scores by their mean magnitude, so that tensors whose weights are on different
  /// scales can compete under one global threshold.
  public var isScaledPerTensor: Bool

  /// Scores by a measure, averaged over observations where `decay` is given.
  ///
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` for a decay outside `0..<1`.
  public init(
    _ measure: Measure = .magnitude, decay: Double? = nil, isScaledPerTensor: Bool = false
  ) throws(PruningError) {
    if let decay, !(decay >= 0 && decay < 1) {
      throw .invalidParameter(name: "decay", value: "\(decay)", allowed: "in 0..<1")
    }
    (self.measure, self.decay, self.isScaledPerTensor) = (measure, decay, isScaledPerTensor)
  }

  private init() { (measure, decay, isScaledPerTensor) = (.magnitude, nil, false) }

  /// |w| of the moment.
  public static let magnitude = Saliency()

  /// Whether the live weights are the scores, so that nothing has to be observed or stored.
  var isLiveMagnitude: Bool {
    if case .magnitude = measure { return decay == nil && !isScaledPerTensor }
    return false
  }

  /// Whether scores are made when an update needs them, from the weights of that moment.
  package var isComputedAtUpdate: Bool {
    !needsObservation && decay == nil
  }

  /// Whether there is no score before the first observation.
  var needsObservation: Bool {
    switch measure {
    case .magnitude, .custom: false
    case .gradientTimesWeight, .movement: true
    }
  }

  var name: String {
    switch measure {
    case .magnitude: "magnitude"
    case .gradientTimesWeight: "gradient × weight"
    case .movement: "movement"
    case .custom(let name, _): name
    }
  }

  /// One observation's scores.
  ///
  /// - Throws: ``PruningError`` when gradients are needed and missing, the weights are f64, or a caller's
  ///   measure returns another number of scores than there are weights.
  func scores(of tensor: PrunableTensor) throws(PruningError) -> [Float] {
    guard case .f32(let mutable) = tensor.weights else {
      throw .needsFloat(tensor: tensor.name, saliency: name)
    }
    let weights = UnsafeBufferPointer(mutable)
    switch measure {
    case .magnitude: return weights.map(\.magnitude)
    case .gradientTimesWeight, .movement:
      guard let gradients = tensor.gradients else {
        throw .missingGradients(tensor: tensor.name, saliency: name)
      }
      if case .movement = measure {
        return weights.indices.map { -weights[$0] * gradients[$0] }
      }
      return weights.indices.map { (weights[$0] * gradients[$0]).magnitude }
    case .custom(let name, let function):
      let scores = function(
        Observation(
          name: tensor.name, shape: tensor.shape, weights: weights, gradients: tensor.gradients))
      if scores.count != weights.count {
        throw .wrongCount(
          tensor: tensor.name, name: "\(name) scores", expected: weights.count,
          actual: scores.count)
      }
      return scores
    }
  }

  /// `average` with one more observation.
  func accumulated(_ average: [Float]?, _ tensor: PrunableTensor) throws(PruningError) -> [Float] {
    var scores = try scores(of: tensor)
    guard let average else { return scores }
    switch (decay, measure) {
    case (let decay?, _):
      let (old, new) = (Float(decay), Float(1 - decay))
      for i in scores.indices { scores[i] = old * average[i] + new * scores[i] }
    case (nil, .movement): for i in scores.indices { scores[i] += average[i] }
    case (nil, _): break
    }
    return scores
  }
}

/// Makes scores of several tensors comparable and not negative, as the selection by magnitude wants them.
func normalise(_ scores: inout [[Float]], perTensor: Bool) {
  if perTensor {
    for n in scores.indices where !scores[n].isEmpty {
      let sum = scores[n].reduce(0) { $0 + Double($1.magnitude) }
      let mean = Float(sum / Double(scores[n].count))
      if mean > 0 && mean.isFinite { for i in scores[n].indices { scores[n][i] /= mean } }
    }
  }
  // Signed scores move up together until the least of all tensors is 0.
  var least: Float = 0
  for tensor in scores { for score in tensor where score < least { least = score } }
  if least < 0 {
    for n in scores.indices { for i in scores[n].indices { scores[n][i] -= least } }
  }
}
