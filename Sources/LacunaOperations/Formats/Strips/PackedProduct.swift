// Y ← bound(W·X + bias) with packed strips: for each panel of X and block of rows, pack and multiply.

import CSIMD
import LacunaFormats

/// Ways of the first-level data cache: 8 on older cores, 12 on those with 48 KB.
private var cacheWays: Int { CPUInfo.current.level1Bytes > 32 << 10 ? 12 : 8 }

/// A product whose weights are packed in strips.
///
/// Right-hand sides are cut into panels of T registers. For each panel and row block the column blocks
/// follow each other: their rows of X are packed into a buffer that fits the first-level cache, then
/// every strip of the region adds to its sums. Sums wait in a scratch panel between column blocks; the
/// last block bounds them and writes Y. A sum adds its terms in the order of the columns whatever the
/// cuts are, so the result does not depend on them, nor on the number of slices.
package final class PackedProduct: ProductBody {
  let weights: PackedWeights
  private let types: ProductTypes
  /// Rows of X, and how many of them one row of a panel holds: two bf16, or one number.
  private let inputs: Int, group: Int
  /// Of X, the sums and Y.
  private let dtype: DType
  let layout: ProductLayout
  let epilogue: EpilogueValues
  let mostVectors: Int
  let vectorBytes: Int
  private let kernels: [Kernel]
  private let pack: Kernel
  private let unpack: Kernel

  package let name: String

  init(
    _ weights: PackedWeights, _ types: ProductTypes, inputs: Int, name: String,
    layout: ProductLayout, epilogue: EpilogueValues, table: KernelTable, vectors: Int
  ) {
    (self.weights, self.types, self.name) = (weights, types, name)
    let group = types == .pairs ? 2 : 1
    (self.inputs, self.group) = (inputs, group)
    dtype = types.float
    (self.layout, self.epilogue) = (layout, epilogue)
    kernels = weights.heights.map { table.kernel(.spmm, variant: "\($0)x\(group)", types: types)! }
    pack =
      group == 2
      ? table.kernel(
        .packPairs, variant: layout == .columns ? "columns" : "rows", types: types)!
      : table.kernel(layout == .columns ? .packRows : .packTransposed, dtype: types.float)!
    unpack = table.kernel(.packTransposed, dtype: types.float)!
    mostVectors = min(vectors, kernels.map(\.mostVectors).min() ?? vectors)
    vectorBytes = kernels.first?.vectorBytes ?? 64
  }

  package var packedBytes: Int { weights.byteCount }
  package var readsTaps: Bool { layout == .columns && group == 1 }

  package func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots? {
    if group > 1 { return nil }
    let shape = PackingShape(
      rowCuts: weights.rowCuts, columnBlock: weights.columnBlock, heights: weights.heights)
    let numbered = numbers.packed(shape)
    return ValueSlots(
      memory: weights.values, types.weights, packed: numbered.values, count: numbered.storedWeights)
  }

  /// Uses of each register of X up to which reading X in place beats packing it (measured).
  static let mostUsesInPlace = 16

  private var panelBytes: Int { mostVectors * vectorBytes }
  private var panelOffset: Int { weights.tallestRowBlock * panelBytes }

  package var workspaceBytes: Int {
    panelOffset + min(weights.columnBlock, max(weights.columns, 1)) * panelBytes
  }

  /// Columns of Y per register.
  private var lanes: Int { vectorBytes / dtype.size }

  private func panels(width: Int) -> Int {
    let vectors = (width + lanes - 1) / lanes
    return (vectors + mostVectors - 1) / mostVectors
  }

  package func usefulSlices(width: Int) -> Int { panels(width: width) * weights.rowBlocks }

  package func run(
    _ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let vectors = (call.width + lanes - 1) / lanes
    let panels = panels(width: call.width)
    let tasks = panels * weights.rowBlocks
    for task in (tasks * slice / slices)..<(tasks * (slice + 1) / slices) {
      let (panel, rowBlock) = (task / weights.rowBlocks, task % weights.rowBlocks)
      let (first, end) = (vectors * panel / panels, vectors * (panel + 1) / panels)
      multiply(
        call, rowBlock: rowBlock, firstColumn: first * lanes, vectors: end - first,
        following: panel + 1 < panels ? call.x + end * lanes * dtype.size : call.following,
        workspace: workspace)
    }
    if call.streams { lcn_finish_streams() }
  }

  /// One panel times one row block.
  private func multiply(
    _ call: ProductCall, rowBlock: Int, firstColumn: Int, vectors: Int,
    following: UnsafeRawPointer?, workspace: UnsafeMutableRawPointer
  ) {
    let size = dtype.size
    let stride = vectors * vectorBytes
    let firstRow = weights.rowCuts[rowBlock]
    let rows = weights.rowCuts[rowBlock + 1] - firstRow
    let columns = min(vectors * lanes, call.width - firstColumn)
    let panel = workspace + panelOffset
    let target = call.y + (firstRow * call.yStride + firstColumn) * size
    let yStride = call.yStride * size
    let writesScratch = layout == .rows
    let isAligned =
      !writesScratch && columns == vectors * lanes && yStride % vectorBytes == 0
      && Int(bitPattern: target) % vectorBytes == 0
    let streams = call.streams && isAligned && epilogue.function == nil
    // Whole, aligned rows of Y can hold the sums between column blocks, unless they collide in
    // the second-level cache.
    let sumsInY = isAligned && !streams && staysInLevel2(rows: rows, stride: yStride)
    let asksForX = call.isFar && layout == .columns && group == 1 && call.taps == nil
    // Of several column blocks the first one has brought Y.
    let yIsFar =
      !writesScratch && !streams && (!sumsInY || weights.columnBlocks == 1)
      && weights.asksForY(rows: rows, width: call.width, size: size, isFar: call.isFar)
    let sums = sumsInY ? target : workspace
    let sumStride = sumsInY ? yStride : stride
    if call.beta != 0 {
      startSums(
        call, firstRow: firstRow, rows: rows, firstColumn: firstColumn, columns: columns,
        sums: sums, stride: sumStride, padded: vectors * lanes)
    }
    for block in 0..<weights.columnBlocks {
      let start = block * weights.columnBlock
      let depth = min(weights.columnBlock, weights.columns - start)
      var x = UnsafeRawPointer(panel)
      var xStride = stride
      if readsInPlace(call, columns: columns, vectors: vectors, depth: depth, rows: rows) {
        x = call.x + (start * call.xStride + firstColumn) * size
        xStride = call.xStride * size
      } else {
        packPanel(
          call, firstColumn: firstColumn, columns: columns, padded: vectors * lanes, start: start,
          depth: depth, panel: panel)
      }
      let isLast = block == weights.columnBlocks - 1
      for section in kernels.indices {
        let region = weights.region(rowBlock: rowBlock, columnBlock: block, section: section)
        if region.groupCount == 0 { continue }
        var arguments = lcn_spmm_args(
          x: x, xStride: Int64(xStride), weights: region.weights, indices: region.indices,
          groups: region.groups, groupCount: Int64(region.groupCount), rows: region.rows,
          partial: sums, partialStride: Int64(sumStride), y: writesScratch ? workspace : target,
          yStride: Int64(writesScratch ? stride : yStride), residual: nil,
          bias: epilogue.bias + firstRow * size,
          lower: epilogue.lower, upper: epilogue.upper,
          columns: Int64(writesScratch ? vectors * lanes : columns), vectors: Int32(vectors),
          strip: Int32(weights.heights[section]),
          startsFromBias: block == 0 && call.beta == 0 ? 1 : 0,
          finishes: isLast ? 1 : 0, fetchesTarget: isLast && yIsFar ? 1 : 0, fetchesResidual: 0,
          streams: streams && isLast ? 1 : 0,
          next: asksForX
            ? weights.next(
              rowBlock: rowBlock, columnBlock: block, height: weights.heights[section],
              x: call.x + firstColumn * size, stride: call.xStride * size, following: following)
            : lcn_next_rows(),
          quads: lcn_quad_scales())
        kernels[section].call(&arguments)
      }
    }
    epilogue.activate(
      writesScratch ? workspace : target, rows: rows, columns: columns,
      stride: writesScratch ? stride / size : call.yStride)
    if writesScratch {
      var arguments = lcn_pack_args(
        source: UnsafeRawPointer(workspace), sourceStride: Int64(stride / size),
        target: call.y + (firstColumn * call.yStride + firstRow) * size,
        targetStride: Int64(call.yStride), rows: Int64(columns), columns: Int64(rows),
        paddedColumns: Int64(rows))
      unpack.call(&arguments)
    }
  }

  /// Whether the kernel reads X where it is: packing costs as much as using each register of X a few
  /// times. Rows have to be whole and aligned (a load across two lines costs two), and the rows of a
  /// block must not collide in the first-level cache.
  private func readsInPlace(
    _ call: ProductCall, columns: Int, vectors: Int, depth: Int, rows: Int
  ) -> Bool {
    let stride = call.xStride * dtype.size
    if layout == .rows || call.taps != nil || columns != vectors * lanes || group > 1 {
      return false
    }
    if stride % 64 != 0 { return false }
    if Int(bitPattern: call.x) % 64 != 0 { return false }
    if usesPerRegister > Self.mostUsesInPlace { return false }
    return rowsFit(
      depth, stride: stride, lines: vectors * vectorBytes / 64,
      cacheBytes: CPUInfo.current.level1Bytes, ways: cacheWays, used: cacheWays - 2)
  }

  /// Whether that many panel-wide rows, `stride` bytes apart, fit in half of the second-level cache.
  private func staysInLevel2(rows: Int, stride: Int) -> Bool {
    rowsFit(
      rows, stride: stride, lines: panelBytes / 64, cacheBytes: CPUInfo.current.level2Bytes,
      ways: 8, used: 4)
  }

  /// Whether rows of some cache lines, `stride` bytes apart, fit in `used` of a cache's ways: a stride
  /// with many factors of two reaches few of the sets.
  private func rowsFit(
    _ rows: Int, stride: Int, lines: Int, cacheBytes: Int, ways: Int, used: Int
  ) -> Bool {
    let sets = cacheBytes / (64 * ways)
    let step = stride / 64 % sets
    let spacing = step == 0 ? sets : 1 << step.trailingZeroBitCount
    return rows * max(spacing, lines) <= sets * used
  }

  /// Multiply-adds per register of X.
  private var usesPerRegister: Int { weights.storedWeights / max(weights.columns, 1) }

  private func packPanel(
    _ call: ProductCall, firstColumn: Int, columns: Int, padded: Int, start: Int, depth: Int,
    panel: UnsafeMutableRawPointer
  ) {
    if let taps = call.taps {
      // Rows come in evenly spaced groups: one call of the kernel for each group, or part of one.
      var row = start
      while row < start + depth {
        let (group, within) = (row / taps.rows, row % taps.rows)
        let count = min(taps.rows - within, start + depth - row)
        packRows(
          call, from: taps.offsets[group] + within * call.xStride + firstColumn, rows: count,
          columns: columns, padded: padded,
          panel: panel + (row - start) * padded * dtype.size)
        row += count
      }
      return
    }
    let (begin, end) = (start * group, min((start + depth) * group, inputs))
    let source =
      layout == .columns
      ? begin * call.xStride + firstColumn : firstColumn * call.xStride + begin
    packRows(
      call, from: source, rows: end - begin, columns: columns, padded: padded, panel: panel)
  }

  private func packRows(
    _ call: ProductCall, from source: Int, rows: Int, columns: Int, padded: Int,
    panel: UnsafeMutableRawPointer
  ) {
    var arguments = lcn_pack_args(
      source: call.x + source * dtype.size, sourceStride: Int64(call.xStride),
      target: panel, targetStride: Int64(padded), rows: Int64(rows), columns: Int64(columns),
      paddedColumns: Int64(padded))
    pack.call(&arguments)
  }

  /// sums ← bias + beta · Y, for the sums to start from.
  private func startSums(
    _ call: ProductCall, firstRow: Int, rows: Int, firstColumn: Int, columns: Int,
    sums: UnsafeMutableRawPointer, stride: Int, padded: Int
  ) {
    func start<Scalar: SparseScalar>(_: Scalar.Type) {
      let y = call.y.assumingMemoryBound(to: Scalar.self)
      let bias = epilogue.bias.assumingMemoryBound(to: Scalar.self) + firstRow
      let beta = Scalar(call.beta)
      for i in 0..<rows {
        let row = (sums + i * stride).assumingMemoryBound(to: Scalar.self)
        for c in 0..<padded {
          let old =
            c >= columns
            ? 0
            : layout == .columns
              ? y[(firstRow + i) * call.yStride + firstColumn + c]
              : y[(firstColumn + c) * call.yStride + firstRow + i]
          row[c] = bias[i] + beta * old
        }
      }
    }
    switch dtype {
    case .f32: start(Float.self)
    case .f64: start(Double.self)
    }
  }
}
