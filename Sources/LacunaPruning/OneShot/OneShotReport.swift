// What one-shot pruning did to a layer, in numbers

/// One layer's report.
public struct OneShotLayerReport: Hashable, Sendable, Codable {
  /// What the calibration calls the layer.
  public let name: String
  /// Outputs and inputs.
  public let rows: Int, columns: Int
  /// Calibration samples. Fewer than there are inputs leave directions open, which only the damping
  /// decides.
  public let samples: Int
  /// Inputs that were zero in every sample.
  public let deadInputs: Int
  /// The method's name, such as "sparsegpt".
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
  /// λ that was added to the diagonal of H; nil where no factor was needed.
  public let damping: Double?
  /// The precision of the factor of H; nil where none was needed.
  public let precision: Calibration.Moments?
  /// Wall-clock time of the pruning, the report's own errors included.
  public let seconds: Double

  /// All weights.
  public var weights: Int { rows * columns }
  /// Dropped weights over all weights.
  public var sparsity: Double { weights == 0 ? 0 : 1 - Double(kept) / Double(weights) }
}
