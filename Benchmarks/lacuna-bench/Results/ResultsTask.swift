// What a row of the results is about: a network, data in three parts, and how it is trained.

import ArgumentParser
import Lacuna

/// Names of the tasks.
enum ResultsName: String, CaseIterable {
  case speech, resnet, mobilenet, text, g2p

  init(argument: String) throws(ValidationError) {
    if let name = ResultsName(rawValue: argument) {
      self = name
    } else {
      let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("\(argument.printable()) is no task: \(names)")
    }
  }
}

/// What a pruned phase begins with.
enum ResultsStart: String, CaseIterable {
  /// The dense network.
  case dense
  /// The network of the sparsity before it: the training of all phases adds up.
  case previous
}

/// How masks reach a phase's sparsity.
enum ResultsSchedule: String, CaseIterable {
  /// Along a cubic ramp.
  case ramp
  /// By eighths of the phase, sparse and dense in turn, the last two of them sparse (``PiecewiseSparsity``).
  case acdc
}

/// How good a network is.
enum ResultsMeasure {
  /// The share of right answers.
  case accuracy
  /// exp of the mean loss: how many symbols a model hesitates between.
  case perplexity
  /// Insertions, deletions and replacements over the phonemes of the right answers.
  case phonemeErrors(SpokenWords)

  var name: String {
    switch self {
    case .accuracy: "accuracy"
    case .perplexity: "perplexity"
    case .phonemeErrors: "phoneme error rate"
    }
  }

  func text(_ value: Double) -> String {
    switch self {
    case .accuracy, .phonemeErrors: Numeral.percent(value, digits: 2)
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
  /// The share of an answer that goes to all classes alike.
  var labelSmoothing: Float?
  /// Share of a pruned phase's steps until its last sparsity is reached.
  var ramp = 0.66
  /// Epochs of the dense phase, and of each phase behind it.
  var denseEpochs: Int
  var prunedEpochs: Int
  /// Epochs of the phases to 90 % zeros and beyond, where networks lose most; nil: as of the others.
  var lateEpochs: Int?
  /// Kernels that stay dense.
  var rules: [TensorRule]
  var block: BlockSize
  /// Shares of zeros of the phases, in elements and in blocks.
  var sparsities = [0.5, 0.75, 0.8, 0.875, 0.9, 0.95]
  var blockSparsities = [0.5, 0.8, 0.9]
  /// How kernels share a sparsity.
  var budget = Budget.global
  var start = ResultsStart.previous
  var schedule = ResultsSchedule.ramp
  /// Samples of a run whose time is measured.
  var timedBatch: Int
}

extension ResultsTask {
  /// Epochs of the phase that reaches a share of zeros.
  func epochs(to sparsity: Double) -> Int {
    sparsity >= 0.9 ? lateEpochs ?? prunedEpochs : prunedEpochs
  }

  /// Of the longest phase.
  var mostPrunedEpochs: Int { max(prunedEpochs, lateEpochs ?? 0) }
}

/// A number of 64 bits for a name, the same on every run (FNV-1a).
func stableHash(_ name: String) -> UInt64 {
  name.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
}

extension ResultsTask {
  init(_ name: ResultsName, data: String?, limit: Int) throws {
    switch name {
    case .speech: self = try .speech(data)
    case .resnet: self = try .images(.resNet20(), excluded: ["stem/*"], data, limit)
    case .mobilenet:
      self = try .images(.mobileNetV2(), excluded: ["stem/*", "*/each/kernel"], data, limit)
      lateEpochs = 10
    case .text: self = try .text(data, limit)
    case .g2p: self = try .pronunciation(data, limit)
    }
  }
}
