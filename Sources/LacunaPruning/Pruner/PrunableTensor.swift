// A named W[out, in] in memory that a training program owns

/// A tensor of any training program, as a row-major matrix `[out, in]` in the program's own memory.
///
/// A kernel of higher rank is seen through its GEMM view: the first dimension is the rows, all others
/// together are the columns, so `[outC, kH, kW, inC]` is `outC × kH·kW·inC`.
public struct PrunableTensor {
  /// The name that rules, masks, reports and saved states use.
  public let name: String
  /// The weights, `rows · columns` of them without padding.
  public let weights: UnsafeMutableBufferPointer<Float>
  /// The dimensions as the program has them.
  public let shape: [Int]
  /// Rows of the GEMM view: outputs.
  public let rows: Int
  /// Columns of the GEMM view: inputs.
  public let columns: Int
  /// ∂loss/∂w in the weights' order, for saliencies and mask dynamics that need them.
  public let gradients: UnsafeBufferPointer<Float>?

  /// A tensor of any rank; rank 0 is 1×1 and rank 1 is one row.
  ///
  /// - Parameters:
  ///   - name: Unique among the tensors of a model.
  ///   - weights: The buffer, which must outlive every call that gets this value.
  ///   - shape: Dimensions, outermost first.
  ///   - gradients: As many as there are weights, or `nil`.
  /// - Throws: ``PruningError`` when a dimension is negative or a count disagrees with the shape.
  public init(
    name: String, weights: UnsafeMutableBufferPointer<Float>, shape: [Int],
    gradients: UnsafeBufferPointer<Float>? = nil
  ) throws(PruningError) {
    var count = 1
    for (axis, size) in shape.enumerated() {
      if size < 0 {
        throw .invalidParameter(
          name: "dimension \(axis) of \(name)", value: "\(size)", allowed: "0 or more")
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow {
        throw .invalidParameter(
          name: "shape of \(name)", value: "\(shape)", allowed: "small enough to address")
      }
      count = product
    }
    if weights.count != count {
      throw .wrongCount(tensor: name, name: "weights", expected: count, actual: weights.count)
    }
    if let gradients, gradients.count != count {
      throw .wrongCount(tensor: name, name: "gradients", expected: count, actual: gradients.count)
    }
    (self.name, self.weights, self.shape, self.gradients) = (name, weights, shape, gradients)
    rows = shape.count < 2 ? 1 : shape[0]
    columns = shape.isEmpty ? 1 : shape.count == 1 ? shape[0] : shape[1...].reduce(1, *)
  }

  /// A matrix.
  ///
  /// - Throws: ``PruningError`` when a dimension is negative or a count disagrees with the shape.
  public init(
    name: String, weights: UnsafeMutableBufferPointer<Float>, rows: Int, columns: Int,
    gradients: UnsafeBufferPointer<Float>? = nil
  ) throws(PruningError) {
    try self.init(name: name, weights: weights, shape: [rows, columns], gradients: gradients)
  }
}
