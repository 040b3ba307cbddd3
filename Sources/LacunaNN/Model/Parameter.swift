// One learned tensor: its values, its gradient, and its view as a matrix [rows = out, columns =
// in].

import LacunaFormats

/// A named tensor that training changes, with its gradient.
public final class Parameter {
  /// What a tensor is for; pruning takes kernels.
  public enum Role: String, Codable, Sendable {
    /// What inputs are multiplied with.
    case kernel
    /// Added to each output of a product.
    case bias
    /// The factor of a normalised channel, γ.
    case scale
    /// Added to a normalised channel, β.
    case shift
    /// A row for each symbol, of which inputs pick one: trained, not pruned.
    case table
    /// A running statistic: saved with the model, not trained.
    case statistic
  }

  /// `layer/kind`, unique in a model: `conv1/kernel`.
  public let name: String
  /// What the tensor is for.
  public let role: Role
  /// The tensor's own shape: a convolution kernel is `[outC, kH, kW, inC]`.
  public let shape: [Int]
  /// Output features.
  public let rows: Int
  /// Inputs per output feature.
  public let columns: Int
  /// The values, row-major; a layer reads them where they are. While masks of a pruned network stand still, nobody writes
  /// those that are masked again: ``SequentialModel/setWeights(_:)`` is how all of them are replaced then.
  public let values: AlignedBuffer<Float>
  private let allGradients: AlignedBuffer<Float>
  /// The values that are trained, where a mask stands still and leaves out many; nil for all. The gradient of the others
  /// is 0, and an optimiser leaves them and their moments alone.
  package var kept: KeptValues? {
    didSet { if kept != nil { allGradients.elements.update(repeating: 0) } }
  }

  init(_ name: String, _ role: Role, _ shape: [Int], filledWith value: Float = 0) {
    (self.name, self.role, self.shape) = (name, role, shape)
    rows = shape.first ?? 1
    columns = shape.dropFirst().reduce(1, *)
    values = AlignedBuffer(count: rows * columns)
    allGradients = AlignedBuffer(count: role == .statistic ? 0 : rows * columns)
    if value != 0 { values.elements.update(repeating: value) }
  }

  /// Number of values.
  public var count: Int { values.count }

  /// The gradient of the last backward pass; empty for a statistic.
  ///
  /// - Complexity: O(1), where a mask stands still O(kept values): they are copied to their places.
  public var gradient: AlignedBuffer<Float> {
    if let kept { kept.scatter(kept.gradient.pointer, to: allGradients.pointer) }
    return allGradients
  }

  /// The gradient of the values that are trained.
  var trainedGradient: AlignedBuffer<Float> { kept?.gradient ?? allGradients }

  /// The values that are not zero, as a matrix.
  var sparse: CSRMatrix<Float> {
    // A parameter's memory is rows · columns.
    CSRMatrix(
      dense: try! DenseMatrix(rows: rows, columns: columns, values: Array(values.elements)))
  }
  /// Whether an optimiser changes it: all but running statistics.
  public var isTrainable: Bool { role != .statistic }

  /// Glorot and Bengio's uniform initialisation: ±√(6 / (fanIn + fanOut)).
  func initializeUniform(fanIn: Int, fanOut: Int, from random: inout RandomStream) {
    let limit = (6 / Float(fanIn + fanOut)).squareRoot()
    for i in 0..<count { values.pointer[i] = (random.uniform() * 2 - 1) * limit }
  }
}
