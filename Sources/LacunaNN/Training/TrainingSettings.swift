// Everything that decides a training run besides the model and the data.

/// Settings of a training run. Two runs with equal settings, model and data give equal bits.
public struct TrainingSettings: Hashable, Codable, Sendable {
  public var epochs: Int
  /// Samples per step; the last step of an epoch takes what is left.
  public var batchSize: Int
  public var optimiser: OptimiserSettings
  public var learningRate: LearningRate
  /// Order of the samples and dropout.
  public var seed: UInt64

  public init(
    epochs: Int, batchSize: Int = 128, optimiser: OptimiserSettings = .adam,
    learningRate: LearningRate = .cosine(initial: 1e-3, finalFraction: 0.02), seed: UInt64 = 1
  ) {
    (self.epochs, self.batchSize, self.optimiser) = (epochs, batchSize, optimiser)
    (self.learningRate, self.seed) = (learningRate, seed)
  }

  /// Steps of an epoch over `samples` samples.
  public func stepsPerEpoch(samples: Int) -> Int { (samples + batchSize - 1) / batchSize }
  /// Steps of the whole run over `samples` samples.
  public func totalSteps(samples: Int) -> Int { epochs * stepsPerEpoch(samples: samples) }

  func validate() throws(ModelError) {
    func check(_ ok: Bool, _ name: String, _ reason: String) throws(ModelError) {
      if !ok { throw .invalidSetting(name: name, reason: reason) }
    }
    try check(epochs >= 1 && epochs <= 1 << 20, "epochs", "is \(epochs), must be at least 1")
    try check(
      batchSize >= 1 && batchSize <= 1 << 16, "batch size",
      "is \(batchSize), must be in 1...65536")
    let rate = learningRate.initial
    try check(rate > 0 && rate.isFinite, "learning rate", "is \(rate), must be positive")
  }
}
