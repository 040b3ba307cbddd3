// Per tensor: sparsity wanted and reached, threshold, blocks, why skipped

import LacunaFormats

/// What pruning did to each tensor of a model.
public struct PruningReport: Equatable, Sendable, Codable {
  /// One entry per tensor, in the model's order.
  public private(set) var tensors: [TensorReport] = []

  init() {}

  /// All weights of all tensors.
  public var weights: Int { tensors.reduce(0) { $0 + $1.weights } }
  /// Weights that are kept, those of tensors that are not pruned included.
  public var kept: Int { tensors.reduce(0) { $0 + $1.kept } }
  /// Dropped weights over all weights, 0 for an empty model. Weights that are zero without having been
  /// dropped do not count: see ``zeros``.
  public var sparsity: Double {
    weights == 0 ? 0 : Double(weights - kept) / Double(weights)
  }
  /// Weights that are exactly zero, dropped or not; `nil` unless they were counted:
  /// ``Pruner/report(countingZerosOf:)`` and ``Pruner/strip(_:)`` do.
  public var zeros: Int? {
    tensors.reduce(0 as Int?) { sum, tensor in
      guard let sum, let zeros = tensor.zeros else { return nil }
      return sum + zeros
    }
  }

  func countingZeros(of tensors: [PrunableTensor]) -> PruningReport {
    var counted = self
    for tensor in tensors {
      if let index = counted.tensors.firstIndex(where: { $0.name == tensor.name }) {
        counted.tensors[index].zeros = tensor.weights.zeros
      }
    }
    return counted
  }

  init(
    _ tensors: [PrunableTensor], _ settings: [String: TensorSettings], masks: [String: BitMask],
    keeping old: PruningReport
  ) {
    let known = Dictionary(old.tensors.map { ($0.name, $0) }) { first, _ in first }
    self.tensors = tensors.map { tensor in
      known[tensor.name]
        ?? TensorReport(
          name: tensor.name, rows: tensor.rows, columns: tensor.columns,
          kept: masks[tensor.name]?.keptCount ?? tensor.weights.count,
          skipped: settings[tensor.name]?.skipped)
    }
  }

  mutating func record(_ name: String, _ outcome: MaskOutcome, step: Int, target: Double) {
    guard let index = tensors.firstIndex(where: { $0.name == name }) else { return }
    tensors[index].target = target
    tensors[index].kept = outcome.mask.keptCount
    tensors[index].threshold = outcome.threshold
    tensors[index].cells = outcome.cells
    tensors[index].keptCells = outcome.keptCells
    tensors[index].lastUpdate = step
  }
}

/// What pruning did to one tensor.
public struct TensorReport: Equatable, Sendable, Codable {
  /// The tensor's name.
  public let name: String
  /// Rows of the GEMM view.
  public let rows: Int
  /// Columns of the GEMM view.
  public let columns: Int
  /// All weights.
  public var weights: Int { rows * columns }
  /// Weights that are kept.
  public internal(set) var kept: Int
  /// Weights that are exactly zero, dropped or not; `nil` unless they were counted.
  public internal(set) var zeros: Int?
  /// The sparsity that the schedule asked for at the last update.
  public internal(set) var target: Double?
  /// The score of the last kept cell at the last update.
  public internal(set) var threshold: Double?
  /// Weights or blocks, whatever is kept or dropped as one.
  public internal(set) var cells: Int?
  /// Those that are kept.
  public internal(set) var keptCells: Int?
  /// The step of the last update.
  public internal(set) var lastUpdate: Int?
  /// Why the tensor is not pruned; `nil` when it is.
  public let skipped: SkipReason?
  /// Dropped weights over all weights, 0 for an empty tensor.
  public var sparsity: Double {
    weights == 0 ? 0 : Double(weights - kept) / Double(weights)
  }

  init(name: String, rows: Int, columns: Int, kept: Int, skipped: SkipReason?) {
    (self.name, self.rows, self.columns, self.kept) = (name, rows, columns, kept)
    self.skipped = skipped
  }
}
