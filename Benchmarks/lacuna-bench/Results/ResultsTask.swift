// What a row of the results is about: a network, data in three parts, and how it is trained.

import Lacuna

/// Names of the tasks.
enum ResultsName: String, CaseIterable {
  case speech, resnet, mobilenet, text
}

/// How good a network is.
enum ResultsMeasure: String {
  /// The share of right answers.
  case accuracy
  /// exp of the mean loss: how many symbols a model hesitates between.
  case perplexity

  func callAsFunction(_ evaluation: Evaluation) -> Double {
    switch self {
    case .accuracy: evaluation.accuracy
    case .perplexity: exp(evaluation.loss)
    }
  }

  func text(_ value: Double) -> String {
    switch self {
    case .accuracy: Numeral.percent(value, digits: 2)
    case .perplexity: Numeral.fixed(value, digits: 3)
    }
  }
}

/// A network to train, prune and measure.
struct ResultsTask {
  var architecture: Architecture
  /// Choices are made on the validation part alone.
  var training: any LabelledSamples
  var validation: any LabelledSamples
  var test: any LabelledSamples
  var measure: ResultsMeasure
  var batch: Int
  /// Of the dense phase.
  var rate: Float
  /// With what share of it a phase begins that goes on from the dense weights.
  var furtherRate: Float = 0.5
  var gradientNorm: Float?
  /// Epochs of the dense phase, and of each pruned phase that begins where it ended.
  var denseEpochs: Int
  var prunedEpochs: Int
  /// Kernels that stay dense.
  var rules: [TensorRule]
  var block: BlockSize
  /// How kernels share a sparsity.
  var budget = Budget.uniform
  /// Samples of a run whose time is measured.
  var timedBatch: Int
}

extension ResultsTask {
  init(_ name: ResultsName, data: String?, limit: Int) throws {
    switch name {
    case .speech: self = try .speech(data)
    case .resnet: self = try .images(.resNet20(), excluded: ["stem/*"], data, limit)
    case .mobilenet:
      self = try .images(.mobileNetV2(), excluded: ["stem/*", "*/each/kernel"], data, limit)
    case .text: self = try .text(data, limit)
    }
  }
}
