// Exact greedy OBS: remove what costs least, let everything else of the row make up for it, and
// again
//
// With M the inverse of H + λI on the inputs that are left, removing input c of a row costs w_c² /
// M_cc; the rest moves by −w_c / M_cc · M_c,: and M loses c: M ← M − M_:,c·M_c,: / M_cc. A block of
// several inputs goes one after the other, which is the same as all at once; its cost is
// w_B·(M_BB)⁻¹·w_Bᵀ.
//
// Rows that go together (R of a block R×C, all of them for whole columns) share M. Each runs down
// to nothing once; its costs in that order say how far each row should have gone (Frantar and
// Alistarh, "Optimal Brain Compression", 2022). The weights are then the exact fit on the mask,
// which is what the updates add up to.

import LacunaFormats
import LacunaOperations

/// Exact greedy OBS on single weights, N:M, blocks and whole columns: the reference for small
/// layers.
///
/// Whole rows go by what they cost; nothing can make up for an output.
///
/// - Complexity: O(rows / R · columns³) for blocks R×C, O(columns³) for whole columns.
public struct OptimalBrainSurgeon: OneShotMethod {
  /// "obs".
  public var name: String { "obs" }
  /// All products of the inputs.
  public var needs: Calibration.Moments? { .single }
  /// Whether a row may lose more than another.
  public var comparison: Comparison

  /// By default all weights of the layer compete.
  public init(comparison: Comparison = .layer) { self.comparison = comparison }

  /// The mask of the greedy order, and the weights fitted on it exactly.
  public func prune(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution {
    if case .rows = layer.structure {
      let mask = try layer.rowMask(costs: layer.calibration.energies(of: layer.weights, layer.rows))
      return OneShotSolution(mask: mask, weights: layer.masked(mask))
    }
    let factor = try layer.calibration.factor(damping: layer.damping)
    let inverse = AlignedBuffer<Double>(uninitialized: factor.matrix.count)
    inverse.pointer.update(from: factor.matrix.pointer, count: inverse.count)
    let n = layer.columns
    BLAS.onOneThread { _ = LAPACK.potri(n: n, a: inverse.pointer, lda: n) }
    TiledAlgebra.mirror(n: n, inverse.pointer)
    let mask = try chosen(of: removals(layer, inverse), layer)
    return try MaskFit(layer, mask: mask).weights(.cholesky, startingFrom: layer.masked(mask))
  }

  /// The order in which each group of rows loses its cells.
  private func removals(
    _ layer: OneShotLayer, _ inverse: AlignedBuffer<Double>
  ) -> [[RowSurgery.Removal]] {
    let cell = layer.structure.cell(rows: layer.rows, columns: layer.columns)
    let grid = cell.grid(rows: layer.rows, columns: layer.columns)
    var orders = [[RowSurgery.Removal]](repeating: [], count: grid.rows)
    let dead = layer.calibration.squaredNorms.map { $0 == 0 }
    orders.withUnsafeMutableBufferPointer { orders in
      let orders = orders
      TiledAlgebra.inParallel(tasks: grid.rows) { task in
        let first = task * cell.rows
        orders[task] = RowSurgery(
          layer, rows: first..<min(first + cell.rows, layer.rows), cell: cell.columns,
          inverse: inverse.copy(), dead: dead
        ).run()
      }
    }
    return orders
  }

  /// The mask when every group of rows has gone as far as its costs deserve.
  private func chosen(
    of orders: [[RowSurgery.Removal]], _ layer: OneShotLayer
  ) throws(OneShotError) -> BitMask {
    let cell = layer.structure.cell(rows: layer.rows, columns: layer.columns)
    let grid = cell.grid(rows: layer.rows, columns: layer.columns)
    var removed = orders.map(\.count)
    if layer.structure.group == nil {
      if comparison == .row && grid.columns > 1 {
        let each = grid.columns - keptCount(of: grid.columns, sparsity: layer.sparsity)
        removed = orders.map { _ in each }
      } else {
        let cells = grid.rows * grid.columns
        removed = Self.shares(orders, of: cells - keptCount(of: cells, sparsity: layer.sparsity))
      }
    }
    var mask = try choosing { () throws(PruningError) in
      try masking { () throws(FormatError) in
        try BitMask(rows: layer.rows, columns: layer.columns, filled: true)
      }
    }
    for (row, order) in orders.enumerated() {
      for removal in order.prefix(removed[row]) {
        for i in row * cell.rows..<min((row + 1) * cell.rows, layer.rows) {
          let first = removal.cell * cell.columns
          for j in first..<min(first + cell.columns, layer.columns) { mask[i, j] = false }
        }
      }
    }
    return mask
  }

  /// How many removals each group makes when always the cheapest next one of all is made.
  ///
  /// A cheap removal behind a dear one comes as soon as that one is paid for, so a removal ranks by
  /// the dearest up to it.
  private static func shares(_ orders: [[RowSurgery.Removal]], of total: Int) -> [Int] {
    var ranked: [(cost: Double, row: Int)] = []
    for (row, order) in orders.enumerated() {
      var dearest = -Double.infinity
      for removal in order {
        dearest = max(dearest, removal.cost)
        ranked.append((dearest, row))
      }
    }
    // Equal costs go to the lower row; within a row any order counts the same.
    ranked.sort { $0.cost < $1.cost || $0.cost == $1.cost && $0.row < $1.row }
    var shares = [Int](repeating: 0, count: orders.count)
    for removal in ranked.prefix(total) { shares[removal.row] += 1 }
    return shares
  }
}
