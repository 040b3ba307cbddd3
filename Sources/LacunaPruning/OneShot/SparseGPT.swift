// Columns from left to right: choose, remove, and let the columns to the right make up for it
//
//       settled   block of 128     later     err = w_ij / U_jj    for each removed w_ij
//     ┌─────────┬──────────────┬─────────┐   w_ij' −= err · U_jj'  for j' > j in the block
//     │    ·    │ · · j → → →  │  E · U  │   W_later −= E · U      once, after the block
//     └─────────┴──────────────┴─────────┘
//
// With (H + λI)⁻¹ = Uᵀ·U, row j of U is, up to a factor, the row of the inverse that belongs to the
// inputs from j on: what OBS would update with if everything before j were fixed. One factor thus
// serves all rows of the layer, where OBS needs an inverse for each. The product after each block
// is nearly all of the arithmetic, rows·columns² in all.

import LacunaFormats
import LacunaOperations

/// One pass over the columns with updates (Frantar and Alistarh, "SparseGPT: Massive Language
/// Models Can Be Accurately Pruned in One-Shot", 2023).
///
/// In each block of columns the weights with the least w²/U_jj² go, as many as leave the layer's
/// share; N:M groups are chosen when the pass comes to them, blocks R×C at the start of the block
/// of columns. Whole columns are chosen before the pass, by Σw²/[(H + λI)⁻¹]_jj; whole rows by what
/// they cost, without updates.
public struct SparseGPT: OneShotMethod {
  /// "sparsegpt".
  public var name: String { "sparsegpt" }
  /// All products of the inputs.
  public var needs: Calibration.Moments? { .single }
  /// Columns whose mask is chosen together.
  public var blockColumns: Int

  /// The method with masks chosen for so many columns at a time.
  ///
  /// - Parameter blockColumns: At least 1; 128 in the paper. Rounded up to whole groups or blocks.
  public init(blockColumns: Int = 128) { self.blockColumns = max(1, blockColumns) }

  /// The mask and the weights of one pass over the columns; whole rows go by what they cost.
  public func prune(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution {
    if case .rows = layer.structure {
      let mask = try layer.rowMask(costs: layer.calibration.energies(of: layer.weights, layer.rows))
      return OneShotSolution(mask: mask, weights: layer.masked(mask))
    }
    let factor = try layer.calibration.inverseFactor(damping: layer.damping)
    let sweep = ColumnSweep(layer, inverseFactor: factor.matrix)
    try sweep.run(blockColumns: blockColumns)
    return OneShotSolution(
      mask: sweep.mask, weights: sweep.result, damping: factor.damping,
      precision: factor.precision)
  }
}

/// The pass over one layer.
private final class ColumnSweep {
  let layer: OneShotLayer
  /// Becomes the result.
  let weights: AlignedBuffer<Float>
  private(set) var mask: BitMask
  private let u: UnsafeMutablePointer<Float>
  private let factor: AlignedBuffer<Float>
  /// 1 where a weight stays.
  private let keep: AlignedBuffer<UInt8>
  private let isDead: [Bool]
  private let rows: Int, columns: Int
  /// What is left of the cells, so that rounding in each block does not add up.
  private var keptCells = 0

  init(_ layer: OneShotLayer, inverseFactor: AlignedBuffer<Float>) {
    (self.layer, factor, u) = (layer, inverseFactor, inverseFactor.pointer)
    (rows, columns) = (layer.rows, layer.columns)
    weights = layer.weights.copy()
    keep = AlignedBuffer(count: layer.count)
    isDead = layer.calibration.squaredNorms.map { $0 == 0 }
    mask = BitMask(unchecked: rows, columns, words: [])
  }

  func run(blockColumns: Int) throws(OneShotError) {
    let unit =
      layer.structure.group?.of ?? layer.structure.cell(rows: rows, columns: columns).columns
    let width = (blockColumns + unit - 1) / unit * unit
    if case .columns = layer.structure { try chooseColumns() }
    let errors = AlignedBuffer<Float>(uninitialized: rows * min(width, columns))
    let block = AlignedBuffer<Float>(uninitialized: width * width)
    for first in stride(from: 0, to: columns, by: width) {
      let count = min(width, columns - first)
      switch layer.structure {
      case .element, .block: try chooseBlock(first, count)
      case .pattern, .window, .columns, .rows, .channels: break
      }
      for j in 0..<count {
        for k in j..<count { block.pointer[j * count + k] = u[(first + j) * columns + first + k] }
      }
      settle(first, count, block.pointer, errors: errors.pointer)
      let rest = columns - first - count
      TiledAlgebra.product(
        m: rows, n: rest, k: count, alpha: -1, a: errors.pointer, lda: count,
        b: u + first * columns + first + count, ldb: columns, beta: 1,
        c: weights.pointer + first + count, ldc: columns)
    }
    mask = try RowStrips.mask(rows: rows, columns: columns, bytes: keep.pointer)
  }

  /// What is left of the weights.
  var result: [Float] {
    mask.words.withUnsafeBufferPointer { words in
      RowStrips.array(rows: rows, columns: columns) { strip, target in
        RowStrips.select(
          strip, words.baseAddress!, wordsPerRow: mask.wordsPerRow, columns: columns,
          weights.pointer, into: target)
      }
    }
  }

  /// |w_ij| / U_jj, 0 for a dead input.
  private func score(_ i: Int, _ j: Int) -> Float {
    isDead[j] ? 0 : weights.pointer[i * columns + j].magnitude * (1 / u[j * columns + j])
  }

  private func chooseBlock(_ first: Int, _ count: Int) throws(OneShotError) {
    let scores = AlignedBuffer<Float>(uninitialized: rows * count)
    let scale = scales(first, count)
    scale.withUnsafeBufferPointer { scale in
      RowStrips.forEach(rows: rows) { strip in
        for i in strip {
          let (w, own) = (weights.pointer + i * columns + first, scores.pointer + i * count)
          for j in 0..<count { own[j] = w[j].magnitude * scale[j] }
        }
      }
    }
    let cell = layer.structure.cell(rows: rows, columns: columns)
    let grid = cell.grid(rows: rows, columns: columns)
    let all = keptCount(of: grid.rows * grid.columns, sparsity: layer.sparsity)
    let passed = grid.rows * cell.grid(rows: rows, columns: first + count).columns
    // The share of all columns so far, never more than this block has.
    let share = Double(all) * Double(passed) / Double(grid.rows * grid.columns)
    let kept = Int(share.rounded(.toNearestOrEven)) - keptCells
    if kept <= 0 { return }
    let chosen = try chosenMask(
      scores, rows: rows, columns: count, structure: layer.structure, sparsity: layer.sparsity,
      kept: kept, comparison: .layer, name: layer.name)
    keptCells += kept
    chosen.words.withUnsafeBufferPointer { words in
      RowStrips.forEach(rows: rows) { strip in
        for i in strip {
          let (own, row) = (keep.pointer + i * columns + first, i * chosen.wordsPerRow)
          for j in 0..<count {
            own[j] = UInt8(truncatingIfNeeded: words[row + j >> 6] >> UInt64(j & 63)) & 1
          }
        }
      }
    }
  }

  /// 1 / U_jj, 0 for a dead input.
  private func scales(_ first: Int, _ count: Int) -> [Float] {
    (first..<first + count).map { isDead[$0] ? 0 : 1 / u[$0 * columns + $0] }
  }

  /// Σ_i w_ij² / [(H + λI)⁻¹]_jj decides; the diagonal of UᵀU is the sums of squares of U's
  /// columns.
  private func chooseColumns() throws(OneShotError) {
    var diagonal = [Double](repeating: 0, count: columns)
    for k in 0..<columns {
      for j in k..<columns {
        diagonal[j] += Double(u[k * columns + j]) * Double(u[k * columns + j])
      }
    }
    let scores = AlignedBuffer<Float>(uninitialized: layer.count)
    for i in 0..<rows {
      for j in 0..<columns {
        scores.pointer[i * columns + j] =
          isDead[j]
          ? 0 : weights.pointer[i * columns + j].magnitude / Float(diagonal[j].squareRoot())
      }
    }
    let chosen = try chosenMask(
      scores, rows: rows, columns: columns, structure: layer.structure, sparsity: layer.sparsity,
      comparison: .layer, name: layer.name)
    chosen.forEachKept { keep.pointer[$0] = 1 }
  }

  /// Removes what goes of a block of columns and updates the block; rows are independent of each
  /// other.
  private func settle(
    _ first: Int, _ count: Int, _ block: UnsafePointer<Float>, errors: UnsafeMutablePointer<Float>
  ) {
    let strip = 32
    let group = layer.structure.group
    TiledAlgebra.inParallel(tasks: (rows + strip - 1) / strip) { task in
      for i in task * strip..<min((task + 1) * strip, rows) {
        let w = weights.pointer + i * columns + first
        let kept = keep.pointer + i * columns + first
        let error = errors + i * count
        for j in 0..<count {
          if let group, j % group.of == 0 {
            chooseGroup(i, first + j, min(group.of, count - j), keep: group.keep, kept + j)
          }
          if kept[j] == 1 {
            error[j] = 0
            continue
          }
          let row = block + j * count
          let e = w[j] / row[j]
          error[j] = e
          for k in j..<count { w[k] -= e * row[k] }
        }
      }
    }
  }

  /// The `most` largest of a group; ties keep the lower index.
  private func chooseGroup(
    _ i: Int, _ j: Int, _ length: Int, keep most: Int, _ kept: UnsafeMutablePointer<UInt8>
  ) {
    for a in 0..<length {
      let own = score(i, j + a)
      var better = 0
      for b in 0..<length {
        let other = score(i, j + b)
        if other > own || other == own && b < a { better += 1 }
      }
      kept[a] = better < most ? 1 : 0
    }
  }
}
