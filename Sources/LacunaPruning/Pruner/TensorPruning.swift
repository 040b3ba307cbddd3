// weights → scores per cell → threshold → mask per cell → mask per weight

import LacunaFormats

/// What one mask update found out about a tensor.
public struct MaskOutcome: Equatable, Sendable {
  /// The mask, 1 for kept weights.
  public let mask: BitMask
  /// The score of the last kept cell.
  public let threshold: Float
  /// Cells (weights or blocks) that are kept.
  public let keptCells: Int
  /// All cells.
  public let cells: Int
}

/// The mask of one tensor at one sparsity: the whole of one-shot magnitude pruning.
///
/// - Parameters:
///   - name: What errors call the tensor.
///   - weights: Row-major, `rows · columns` of them.
///   - rows: Rows of the GEMM view.
///   - columns: Columns of the GEMM view.
///   - sparsity: Fraction of cells to drop, in `0..<1`.
/// - Throws: ``PruningError`` for a sparsity out of range, a weight that is not a number, a buffer of
///   another length.
/// - Complexity: O(rows · columns)
public func magnitudeMask(
  name: String = "weights", _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int,
  sparsity: Double, granularity: Granularity = .element, ties: TiePolicy = .exactK
) throws(PruningError) -> MaskOutcome {
  try checkSparsity("sparsity", sparsity)
  do throws(FormatError) {
    let count = try checkedProduct(rows, columns)
    if weights.count != count {
      throw .wrongCount(name: name, expected: count, actual: weights.count)
    }
  } catch { throw .format(error) }
  guard let base = weights.baseAddress, !weights.isEmpty else {
    return MaskOutcome(
      mask: try masking { () throws(FormatError) in try BitMask(rows: rows, columns: columns) },
      threshold: 0, keptCells: 0, cells: 0)
  }
  switch granularity {
  case .element:
    return try select(
      name: name, base, rows: rows, columns: columns, sparsity: sparsity, ties: ties)
  case .block(let block, let pooling):
    if let index = weights.firstIndex(where: \.isNaN) {
      throw .notANumber(tensor: name, index: index)
    }
    let grid = block.grid(rows: rows, columns: columns)
    let scores = blockScores(base, rows: rows, columns: columns, block: block, pooling: pooling)
    let cells = try scores.withUnsafeBufferPointer { (scores) throws(PruningError) in
      try select(
        name: name, scores.baseAddress!, rows: grid.rows, columns: grid.columns,
        sparsity: sparsity, ties: ties)
    }
    return MaskOutcome(
      mask: try masking { () throws(FormatError) in
        try cells.mask.expanded(by: block, rows: rows, columns: columns)
      }, threshold: cells.threshold, keptCells: cells.keptCells, cells: cells.cells)
  }
}

/// The top cells of a grid of scores.
private func select(
  name: String, _ scores: UnsafePointer<Float>, rows: Int, columns: Int, sparsity: Double,
  ties policy: TiePolicy
) throws(PruningError) -> MaskOutcome {
  let count = rows * columns
  let kept = keptCount(of: count, sparsity: sparsity)
  let threshold: MagnitudeThreshold<Float>
  do throws(NotANumber) {
    threshold = try MagnitudeThreshold(
      keeping: kept, of: [UnsafeBufferPointer(start: scores, count: count)])
  } catch { throw .notANumber(tensor: name, index: error.index) }
  var ties = policy == .keepTies ? threshold.equal : kept - threshold.above
  let total = threshold.above + ties
  let mask = try masking { () throws(FormatError) in
    try BitMask(scores, rows: rows, columns: columns, over: threshold.value, ties: &ties)
  }
  return MaskOutcome(mask: mask, threshold: threshold.value, keptCells: total, cells: count)
}

/// Rethrows a format's error as a pruning error.
func masking<R>(_ body: () throws(FormatError) -> R) throws(PruningError) -> R {
  do throws(FormatError) { return try body() } catch { throw .format(error) }
}
