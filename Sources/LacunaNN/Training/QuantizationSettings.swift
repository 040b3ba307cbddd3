// Which roundings of products in few bits a training run sees.

/// Training for products of few bits: each step computes with weights, and on request activations, that are rounded
/// as ``CompressedModel/Form/quantized`` and ``NetworkArithmetic/i8`` round them, and so learns to live with it.
///
/// The optimiser moves weights in full precision, by gradients that pass roundings as if they were not there
/// (Bengio 2013; Jacob 2018). The last step leaves every kernel on its grid: `CompressedModel(_:form:)` in as many bits
/// then stores exactly these weights.
public struct QuantizationSettings: Hashable, Codable, Sendable {
  /// Bits of a weight, 2...8, symmetric: the scale of an output channel is that of its largest weight in each step.
  public var weightBits: Int
  /// Whether what convolutions and dense layers read is rounded to bytes, too. Such a run learns the ranges
  /// (``Trainer/activationRanges``) that ``CompressedModel/calibrated(on:by:threads:)`` would measure.
  public var roundsActivations: Bool
  /// What a range keeps of itself from step to step, 0 or more and below 1; the rest is that of the mini-batch.
  public var rangeMomentum: Float
  /// The share of the steps, the last ones, in which ranges stand still; 0 or more and below 1.
  public var frozenShare: Double

  /// By default weights alone, in 8 bits.
  public init(
    weightBits: Int = 8, roundsActivations: Bool = false, rangeMomentum: Float = 0.99,
    frozenShare: Double = 0.25
  ) {
    (self.weightBits, self.roundsActivations) = (weightBits, roundsActivations)
    (self.rangeMomentum, self.frozenShare) = (rangeMomentum, frozenShare)
  }

  /// Bits that a weight may have.
  public static let allowedBits = 2...8

  func validate() throws(ModelError) {
    try TrainingSettings.check(weightBits, "bits of a weight", in: Self.allowedBits)
    for (name, value) in [
      ("momentum of ranges", Double(rangeMomentum)), ("share of frozen ranges", frozenShare),
    ] where !(value >= 0 && value < 1) {
      throw .invalidSetting(name: name, reason: "is \(value), must be in 0..<1")
    }
  }

  /// The last of `steps` steps that moves ranges; the first always does.
  func lastRangeStep(of steps: Int) -> Int { max(1, steps - Int(Double(steps) * frozenShare)) }
}
