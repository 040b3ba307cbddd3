// weights → scores per cell → threshold → mask per cell → mask per weight: one-shot pruning

import LacunaFormats

/// What one mask update found out about a tensor.
public struct MaskOutcome: Equatable, Sendable {
  /// The mask, 1 for kept weights.
  public let mask: BitMask
  /// The score of the last kept cell; `nil` where groups decide for themselves.
  public let threshold: Double?
  /// Cells (weights, blocks, rows, …) that are kept.
  public let keptCells: Int
  /// All cells.
  public let cells: Int
}

/// The mask of one tensor at one sparsity, by magnitude.
///
/// - Parameters:
///   - weights: As many as `shape` says, row-major.
///   - shape: Dimensions, outermost first.
///   - sparsity: Fraction of cells to drop, in `0..<1`.
///   - granularity: What is dropped as one piece.
///   - ties: What happens to cells that tie with the threshold.
///   - layout: In which order the dimensions lie. The mask has the shape of the memory: the first
///     dimension by all others, or for TensorFlow's layout all others by the last.
///   - name: What errors call the tensor.
/// - Throws: ``PruningError`` for a sparsity out of range, a weight that is NaN or infinite, a norm that
///   is, a buffer of another length.
/// - Complexity: O(weights)
public func magnitudeMask<Scalar: SparseScalar>(
  _ weights: UnsafeBufferPointer<Scalar>, shape: [Int], sparsity: Double,
  granularity: Granularity = .element, ties: TiePolicy = .exactK,
  layout: WeightLayout = .outputMajor, name: String = "weights"
) throws(PruningError) -> MaskOutcome {
  try checkSparsity("sparsity", sparsity)
  try granularity.check()
  try checkShape(shape, name: name, count: weights.count, of: "weights")
  let shape = WeightShape(shape, layout: layout)
  guard let base = weights.baseAddress, !weights.isEmpty else {
    return MaskOutcome(
      mask: try masking { () throws(FormatError) in
        try BitMask(rows: shape.rows, columns: shape.columns)
      }, threshold: nil, keptCells: 0, cells: 0)
  }
  // Concrete from here on: generic code that is not specialised is a hundred times slower.
  let raw = UnsafeRawPointer(base)
  switch Scalar.dtype {
  case .f32:
    let values = UnsafeBufferPointer(
      start: raw.assumingMemoryBound(to: Float.self), count: weights.count)
    let scores = try TensorScores(
      name: name, values, shape: shape, granularity: granularity)
    return try scores.mask(
      kept: keptCount(of: scores.cells.count, sparsity: sparsity), sparsity: sparsity, ties: ties)
  case .f64:
    let values = UnsafeBufferPointer(
      start: raw.assumingMemoryBound(to: Double.self), count: weights.count)
    let scores = try TensorScores(
      name: name, values, shape: shape, granularity: granularity)
    return try scores.mask(
      kept: keptCount(of: scores.cells.count, sparsity: sparsity), sparsity: sparsity, ties: ties)
  }
}

/// The same of an array.
public func magnitudeMask<Scalar: SparseScalar>(
  _ weights: [Scalar], shape: [Int], sparsity: Double, granularity: Granularity = .element,
  ties: TiePolicy = .exactK, layout: WeightLayout = .outputMajor, name: String = "weights"
) throws(PruningError) -> MaskOutcome {
  try magnitudeMask(
    weights.span, shape: shape, sparsity: sparsity, granularity: granularity, ties: ties,
    layout: layout, name: name)
}

/// The same of a span.
public func magnitudeMask<Scalar: SparseScalar>(
  _ weights: Span<Scalar>, shape: [Int], sparsity: Double, granularity: Granularity = .element,
  ties: TiePolicy = .exactK, layout: WeightLayout = .outputMajor, name: String = "weights"
) throws(PruningError) -> MaskOutcome {
  try weights.withUnsafeBufferPointer { elements throws(PruningError) in
    try magnitudeMask(
      elements, shape: shape, sparsity: sparsity, granularity: granularity, ties: ties,
      layout: layout, name: name)
  }
}

/// Checks dimensions, and that a buffer has as many elements as they ask for.
func checkShape(
  _ shape: [Int], name: String, count: Int, of what: String
) throws(PruningError) {
  var expected = 1
  for (axis, size) in shape.enumerated() {
    if size < 0 {
      throw .invalidParameter(
        name: "dimension \(axis) of \(name)", value: "\(size)", allowed: "0 or more")
    }
    let (product, overflow) = expected.multipliedReportingOverflow(by: size)
    if overflow {
      throw .invalidParameter(
        name: "shape of \(name)", value: "\(shape)", allowed: "small enough to address")
    }
    expected = product
  }
  if count != expected {
    throw .wrongCount(tensor: name, name: what, expected: expected, actual: count)
  }
}

/// Rethrows a format's error as a pruning error.
func masking<R>(_ body: () throws(FormatError) -> R) throws(PruningError) -> R {
  do throws(FormatError) { return try body() } catch { throw .format(error) }
}
