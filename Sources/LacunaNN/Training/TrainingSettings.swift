// Everything that decides a training run besides the model and the data.

/// Settings of a training run. Two runs with equal settings, model and data give equal bits.
public struct TrainingSettings: Hashable, Codable, Sendable {
  /// How often every sample is seen, in ``allowedEpochs``.
  public var epochs: Int
  /// Samples per step; the last step of an epoch takes what is left.
  public var batchSize: Int
  /// How weights follow their gradients.
  public var optimiser: OptimiserSettings
  /// The size of the steps.
  public var learningRate: LearningRate
  /// Order of the samples and dropout.
  public var seed: UInt64
  /// The greatest norm that all gradients together may have: longer ones are scaled down to it, which recurrent
  /// networks need. Nil for no bound.
  public var gradientNorm: Float?
  /// The share ε of each answer that goes to all classes alike in training, which keeps a network from learning its
  /// samples by heart: `(1 − ε)·onehot + ε / classes` (Szegedy et al., 2016, section 7). In `0..<1`; nil for none.
  /// Losses that a trainer reports are those of such answers.
  public var labelSmoothing: Float?
  /// The roundings of products in few bits that the run sees; nil to train in single precision alone.
  public var quantization: QuantizationSettings?

  /// By default Adam on mini-batches of 128, its rate falling from 0.001 along half a cosine.
  /// Trainers check the values.
  public init(
    epochs: Int, batchSize: Int = 128, optimiser: OptimiserSettings = .adam,
    learningRate: LearningRate = .cosine(initial: 1e-3, finalFraction: 0.02), seed: UInt64 = 1,
    gradientNorm: Float? = nil, labelSmoothing: Float? = nil,
    quantization: QuantizationSettings? = nil
  ) {
    (self.epochs, self.batchSize, self.optimiser) = (epochs, batchSize, optimiser)
    (self.learningRate, self.seed, self.gradientNorm) = (learningRate, seed, gradientNorm)
    (self.labelSmoothing, self.quantization) = (labelSmoothing, quantization)
  }

  /// Epochs that a run may have.
  public static let allowedEpochs = 1...1 << 20
  /// Samples that a step may take.
  public static let batchSizes = 1...1 << 16

  /// Steps of an epoch over `samples` samples. A batch size below 1, which no trainer takes, counts as 1.
  public func stepsPerEpoch(samples: Int) -> Int {
    let (whole, rest) = samples.quotientAndRemainder(dividingBy: max(batchSize, 1))
    return whole + (rest > 0 ? 1 : 0)
  }

  /// Steps of the whole run over `samples` samples; `Int.max` where that is not enough.
  public func totalSteps(samples: Int) -> Int {
    let (steps, overflow) = epochs.multipliedReportingOverflow(by: stepsPerEpoch(samples: samples))
    return overflow ? .max : steps
  }

  func validate() throws(ModelError) {
    try Self.check(epochs, "epochs", in: Self.allowedEpochs)
    try Self.check(batchSize, "batch size", in: Self.batchSizes)
    let rate = learningRate.initial
    if !(rate > 0 && rate.isFinite) {
      throw .invalidSetting(name: "learning rate", reason: "is \(rate), must be positive")
    }
    if let norm = gradientNorm, !(norm > 0 && norm.isFinite) {
      throw .invalidSetting(name: "gradient norm", reason: "is \(norm), must be positive")
    }
    if let smoothing = labelSmoothing, !(0..<1).contains(smoothing) {
      throw .invalidSetting(
        name: "label smoothing", reason: "is \(smoothing), must be in 0..<1")
    }
    try quantization?.validate()
  }

  static func check(_ value: Int, _ name: String, in range: ClosedRange<Int>) throws(ModelError) {
    if !range.contains(value) {
      throw .invalidSetting(name: name, reason: "is \(value), must be in \(range)")
    }
  }
}
