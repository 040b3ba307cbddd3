// A named W[out, in] in memory that a training program owns

/// A tensor of any training program, as a matrix in the program's own memory.
///
/// A kernel of higher rank is seen through its GEMM view: the first dimension is the rows, all others
/// together are the columns, so `[outC, kH, kW, inC]` is `outC × kH·kW·inC`. In TensorFlow's layout it
/// is all dimensions but the last by the last: `[kH, kW, inC, outC]` is `kH·kW·inC × outC`.
public struct PrunableTensor {
  /// The name that rules, masks, reports and saved states use.
  public let name: String
  /// The weights, `rows · columns` of them without padding.
  public let weights: WeightBuffer
  /// ∂loss/∂w in the weights' order, for saliencies and mask dynamics that need them.
  public let gradients: UnsafeBufferPointer<Float>?
  let weightShape: WeightShape

  /// The dimensions as the program has them.
  public var shape: [Int] { weightShape.dimensions }
  /// In which order the dimensions lie in memory.
  public var layout: WeightLayout { weightShape.layout }
  /// Rows of the matrix.
  public var rows: Int { weightShape.rows }
  /// Columns of the matrix.
  public var columns: Int { weightShape.columns }

  /// A tensor of any rank; rank 0 is 1×1 and rank 1 is one row.
  ///
  /// - Parameters:
  ///   - name: Unique among the tensors of a model.
  ///   - weights: The buffer, which must outlive every call that gets this value.
  ///   - shape: Dimensions, outermost first.
  ///   - gradients: As many as there are weights, or `nil`.
  ///   - layout: In which order the dimensions lie in memory.
  /// - Throws: ``PruningError`` when a dimension is negative or a count disagrees with the shape.
  public init(
    name: String, weights: UnsafeMutableBufferPointer<Float>, shape: [Int],
    gradients: UnsafeBufferPointer<Float>? = nil, layout: WeightLayout = .outputMajor
  ) throws(PruningError) {
    try self.init(
      name: name, buffer: .f32(weights), shape: shape, gradients: gradients, layout: layout)
  }

  /// A tensor of f64 weights, which are ranked, pooled and thresholded as f64; they compete by plain
  /// magnitude only.
  ///
  /// - Throws: ``PruningError`` when a dimension is negative or a count disagrees with the shape.
  public init(
    name: String, weights: UnsafeMutableBufferPointer<Double>, shape: [Int],
    layout: WeightLayout = .outputMajor
  ) throws(PruningError) {
    try self.init(
      name: name, buffer: .f64(weights), shape: shape, gradients: nil, layout: layout)
  }

  private init(
    name: String, buffer weights: WeightBuffer, shape: [Int],
    gradients: UnsafeBufferPointer<Float>?, layout: WeightLayout
  ) throws(PruningError) {
    try checkShape(shape, name: name, count: weights.count, of: "weights")
    if let gradients, gradients.count != weights.count {
      throw .wrongCount(
        tensor: name, name: "gradients", expected: weights.count, actual: gradients.count)
    }
    (self.name, self.weights, self.gradients) = (name, weights, gradients)
    weightShape = WeightShape(shape, layout: layout)
  }

  /// A matrix `[out, in]`.
  ///
  /// - Throws: ``PruningError`` when a dimension is negative or a count disagrees with the shape.
  public init(
    name: String, weights: UnsafeMutableBufferPointer<Float>, rows: Int, columns: Int,
    gradients: UnsafeBufferPointer<Float>? = nil
  ) throws(PruningError) {
    try self.init(name: name, weights: weights, shape: [rows, columns], gradients: gradients)
  }
}
