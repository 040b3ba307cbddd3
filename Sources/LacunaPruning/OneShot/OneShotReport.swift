// What one-shot pruning did to a layer, in numbers

/// One layer's report.
public struct OneShotLayerReport: Hashable, Sendable, Codable {
  public let name: String
  /// Outputs and inputs.
  public let rows: Int, columns: Int
  /// Calibration samples. Fewer than there are inputs leave directions open, which only the damping
  /// decides.
  public let samples: Int
  /// Inputs that were zero in every sample.
  public let deadInputs: Int
  public let method: String
  /// "element", "2:4", "4x1", "rows", "columns".
  public let structure: String
  /// The fraction asked for.
  public let target: Double
  /// Weights that are left.
  public let kept: Int
  /// ‖(W − W⊙mask)·X‖² / ‖W·X‖²: the chosen mask on the trained weights. Nil when errors were not
  /// asked for, or no products were collected.
  public let errorOfMask: Double?
  /// ‖(W − Ŵ)·X‖² / ‖W·X‖² of the result.
  public let error: Double?
  /// λ that was added to the diagonal, and the precision of the factor, where one was needed.
  public let damping: Double?
  public let precision: Calibration.Moments?
  public let seconds: Double

  /// All weights.
  public var weights: Int { rows * columns }
  /// Dropped weights over all weights.
  public var sparsity: Double { weights == 0 ? 0 : 1 - Double(kept) / Double(weights) }
}
