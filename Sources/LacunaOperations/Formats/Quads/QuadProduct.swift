// Y ← bound((Wq·Xq − row sums · zeros) · scales + bias) with packed strips of quads.

import CSIMD
import LacunaFormats

/// A product of 8-bit weights that are packed in strips.
///
/// As ``PackedProduct``: panels of right-hand sides, row blocks, column blocks whose part of X fits the
/// first-level cache. A row of the panel is four inputs as bytes, made from bytes or floats while it is packed;
/// sums are 32-bit and exact, so no cut of the work changes a bit.
final class QuadProduct: ProductBody {
  let name: String
  private let weights: PackedWeights
  private let quantized: QuantizedWeights
  private let layout: ProductLayout
  private let epilogue: EpilogueValues
  private let kernels: [Kernel]
  private let pack: Kernel
  private let range: Kernel
  private let unpack: Kernel
  private let requantize: Kernel
  private let mostVectors: Int, vectorBytes: Int

  init(
    _ weights: PackedWeights, _ quantized: QuantizedWeights, name: String, layout: ProductLayout,
    epilogue: EpilogueValues, table: KernelTable, vectors: Int
  ) {
    (self.weights, self.quantized, self.name) = (weights, quantized, name)
    (self.layout, self.epilogue) = (layout, epilogue)
    let lies = layout == .columns ? "columns" : "rows"
    kernels = weights.heights.map {
      table.kernel(.spmm, variant: "\($0)x4", types: .quantized(.u8))!
    }
    // Signed bytes are unsigned ones with a bit flipped.
    let type = quantized.activations.type == .f32 ? NumberType.f32 : .u8
    pack = table.kernel(.packQuads, variant: lies, types: .quantized(type))!
    range = table.kernel(.range, variant: lies, dtype: .f32)!
    unpack = table.kernel(.packTransposed, dtype: .f32)!
    requantize = table.kernel(.requantize, types: .quantized(.f32, output: .u8))!
    mostVectors = min(vectors, kernels.map(\.mostVectors).min() ?? vectors)
    vectorBytes = table.isa.vectorBytes
  }

  var packedBytes: Int { weights.byteCount }
  var readsTaps: Bool { layout == .columns }

  /// Quads and columns of Y per register.
  private var lanes: Int { vectorBytes / 4 }
  private var panelBytes: Int { mostVectors * vectorBytes }
  private var panelOffset: Int { weights.tallestRowBlock * panelBytes }
  private var scalesOffset: Int {
    panelOffset + min(weights.columnBlock, max(weights.columns, 1)) * panelBytes
  }

  private var quadOffset: Int { scalesOffset + PanelScales.rows * panelBytes }

  private var turnedOffset: Int { quadOffset + 4 * panelBytes }

  /// A panel of sums, one of X, its scales, four rows of X for a quad that no single tap holds, and results in
  /// rows of right-hand sides that are yet to become bytes.
  var workspaceBytes: Int { turnedOffset + (turnsBytes ? weights.tallestRowBlock * panelBytes : 0) }
  private var turnsBytes: Bool { layout == .rows && quantized.output != nil }

  private func panels(width: Int) -> Int {
    let vectors = (width + lanes - 1) / lanes
    return (vectors + mostVectors - 1) / mostVectors
  }

  func usefulSlices(width: Int) -> Int { panels(width: width) * weights.rowBlocks }

  func run(
    _ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let vectors = (call.width + lanes - 1) / lanes
    let panels = panels(width: call.width)
    let tasks = panels * weights.rowBlocks
    let (begin, end) = (tasks * slice / slices, tasks * (slice + 1) / slices)
    if begin == end { return }
    let scales = PanelScales(workspace + scalesOffset, columns: mostVectors * lanes)
    let tensor = tensorScale(call, scales)
    var ready = -1
    for task in begin..<end {
      let (panel, rowBlock) = (task / weights.rowBlocks, task % weights.rowBlocks)
      let first = vectors * panel / panels * lanes
      let count = vectors * (panel + 1) / panels - vectors * panel / panels
      if panel != ready {
        setScales(
          scales, call, first: first, columns: min(count * lanes, call.width - first),
          padded: count * lanes, tensor: tensor)
        ready = panel
      }
      multiply(
        call, rowBlock: rowBlock, firstColumn: first, vectors: count, scales: scales,
        workspace: workspace)
    }
  }

  /// One panel times one row block.
  private func multiply(
    _ call: ProductCall, rowBlock: Int, firstColumn: Int, vectors: Int, scales: PanelScales,
    workspace: UnsafeMutableRawPointer
  ) {
    let stride = vectors * vectorBytes
    let firstRow = weights.rowCuts[rowBlock]
    let columns = min(vectors * lanes, call.width - firstColumn)
    let panel = workspace + panelOffset
    let writesScratch = layout == .rows || quantized.output != nil
    let target = call.y + (firstRow * call.yStride + firstColumn) * 4
    let yIsFar =
      !writesScratch
      && weights.asksForY(
        rows: weights.rowCuts[rowBlock + 1] - firstRow, width: call.width, size: 4,
        isFar: call.isFar)
    for block in 0..<weights.columnBlocks {
      let start = block * weights.columnBlock
      let depth = min(weights.columnBlock, weights.columns - start)
      packPanel(
        call, firstColumn: firstColumn, columns: columns, padded: vectors * lanes, start: start,
        depth: depth, scales: scales, workspace: workspace)
      let isLast = block == weights.columnBlocks - 1
      let isUniform = isLast && scales.isUniform(columns: columns)
      for section in kernels.indices {
        let region = weights.region(rowBlock: rowBlock, columnBlock: block, section: section)
        if region.groupCount == 0 { continue }
        var arguments = lcn_spmm_args(
          x: panel, xStride: Int64(stride), weights: region.weights, indices: region.indices,
          groups: region.groups, groupCount: Int64(region.groupCount), rows: region.rows,
          partial: workspace, partialStride: Int64(stride), y: writesScratch ? workspace : target,
          yStride: Int64(writesScratch ? stride : call.yStride * 4),
          residual: nil, bias: epilogue.bias + firstRow * 4, lower: epilogue.lower,
          upper: epilogue.upper,
          columns: Int64(writesScratch ? vectors * lanes : columns), vectors: Int32(vectors),
          strip: Int32(weights.heights[section]), startsFromBias: block == 0 ? 1 : 0,
          finishes: isLast ? 1 : 0, fetchesTarget: isLast && yIsFar ? 1 : 0, fetchesResidual: 0,
          streams: 0,
          next: lcn_next_rows(),
          quads: lcn_quad_scales(
            scales: scales.scales, zeros: scales.zeros,
            rowScales: quantized.rowScales.pointer + firstRow,
            rowSums: quantized.rowSums.pointer + firstRow,
            uniform: isUniform ? 1 : 0))
        kernels[section].call(&arguments)
      }
    }
    let rows = weights.rowCuts[rowBlock + 1] - firstRow
    epilogue.activate(
      writesScratch ? workspace : target, rows: rows, columns: columns,
      stride: writesScratch ? stride / 4 : call.yStride)
    if !writesScratch { return }
    let place =
      layout == .columns
      ? firstRow * call.yStride + firstColumn : firstColumn * call.yStride + firstRow
    var (results, resultStride) = (workspace, stride / 4)
    if layout == .rows {
      let (into, intoStride) =
        quantized.output == nil
        ? (call.y + place * 4, call.yStride) : (workspace + turnedOffset, rows)
      var arguments = lcn_pack_args(
        source: UnsafeRawPointer(workspace), sourceStride: Int64(resultStride), target: into,
        targetStride: Int64(intoStride), rows: Int64(columns), columns: Int64(rows),
        paddedColumns: Int64(rows))
      unpack.call(&arguments)
      (results, resultStride) = (into, intoStride)
    }
    guard let output = quantized.output else { return }
    var arguments = lcn_requantize_args(
      source: results.assumingMemoryBound(to: Float.self), sourceStride: Int64(resultStride),
      target: call.y.assumingMemoryBound(to: UInt8.self) + place,
      targetStride: Int64(call.yStride), rows: Int64(layout == .columns ? rows : columns),
      columns: Int64(layout == .columns ? columns : rows), inverse: output.scale.inverse,
      zero: output.scale.zero, flip: output.flip)
    requantize.call(&arguments)
  }

  private func packPanel(
    _ call: ProductCall, firstColumn: Int, columns: Int, padded: Int, start: Int, depth: Int,
    scales: PanelScales, workspace: UnsafeMutableRawPointer
  ) {
    let size = quantized.activations.type.size
    let panel = (workspace + panelOffset).assumingMemoryBound(to: Int32.self)
    let (begin, end) = (4 * start, min(4 * (start + depth), quantized.columns))
    func packQuads(_ x: UnsafeRawPointer, stride: Int, from input: Int, count: Int) {
      var arguments = lcn_quad_pack_args(
        source: x, sourceStride: Int64(stride), target: panel + (input - begin) / 4 * padded,
        targetStride: Int64(padded), inputs: Int64(count), columns: Int64(columns),
        paddedColumns: Int64(padded), flip: quantized.activations.flip,
        inverses: scales.inverses, zeros: scales.zeros, scales: scales.scales)
      pack.call(&arguments)
    }
    guard let taps = call.taps else {
      let source =
        layout == .columns
        ? begin * call.xStride + firstColumn : firstColumn * call.xStride + begin
      packQuads(call.x + source * size, stride: call.xStride, from: begin, count: end - begin)
      return
    }
    func row(_ input: Int) -> UnsafeRawPointer {
      let (tap, within) = (input / taps.rows, input % taps.rows)
      return call.x + (taps.offsets[tap] + within * call.xStride + firstColumn) * size
    }
    // Rows come in evenly spaced groups: one call of the kernel for the whole quads of each, and one for
    // each quad whose rows lie in several.
    var input = begin
    while input < end {
      let rest = min(taps.rows - input % taps.rows, end - input)
      let count = input + rest == end ? rest : rest & ~3
      if count > 0 {
        packQuads(row(input), stride: call.xStride, from: input, count: count)
        input += count
      } else {
        let (gathered, length) = (workspace + quadOffset, columns * size)
        let count = min(4, end - input)
        for j in 0..<count {
          (gathered + j * length).copyMemory(from: row(input + j), byteCount: length)
        }
        packQuads(gathered, stride: columns, from: input, count: count)
        input += count
      }
    }
  }
}

extension QuadProduct {
  /// The scale of all of X, unless each right-hand side has its own.
  private func tensorScale(_ call: ProductCall, _ memory: PanelScales) -> ByteScale? {
    switch quantized.activations.range {
    case .fixed(let scale, let zeroPoint):
      return ByteScale(scale: scale, zeroPoint: zeroPoint, of: quantized.activations.type)
    case .perSide: return nil
    case .perTensor:
      var (low, high): (Float, Float) = (0, 0)
      for first in stride(from: 0, to: call.width, by: memory.columns) {
        let columns = min(memory.columns, call.width - first)
        measure(call, first: first, columns: columns, memory)
        for c in 0..<columns {
          low = min(low, memory.lowest[c])
          high = max(high, memory.highest[c])
        }
      }
      return ByteScale(low: low, high: high)
    }
  }

  private func measure(
    _ call: ProductCall, first: Int, columns: Int, _ memory: PanelScales
  ) {
    memory.lowest.update(repeating: 0, count: columns)
    memory.highest.update(repeating: 0, count: columns)
    let x =
      call.x.assumingMemoryBound(to: Float.self)
      + first * (layout == .columns ? 1 : call.xStride)
    func widen(to x: UnsafePointer<Float>, inputs: Int) {
      var arguments = lcn_range_args(
        source: x, sourceStride: Int64(call.xStride), inputs: Int64(inputs),
        columns: Int64(columns), lowest: memory.lowest, highest: memory.highest)
      range.call(&arguments)
    }
    guard let taps = call.taps else { return widen(to: x, inputs: quantized.columns) }
    for tap in 0..<quantized.columns / taps.rows {
      widen(to: x + taps.offsets[tap], inputs: taps.rows)
    }
  }

  /// Scales and zeros of a panel's columns.
  private func setScales(
    _ memory: PanelScales, _ call: ProductCall, first: Int, columns: Int, padded: Int,
    tensor: ByteScale?
  ) {
    if tensor == nil { measure(call, first: first, columns: columns, memory) }
    for c in 0..<padded {
      let side =
        tensor ?? (c < columns ? ByteScale(low: memory.lowest[c], high: memory.highest[c]) : nil)
      memory.scales[c] = side?.scale ?? 1
      memory.inverses[c] = side?.inverse ?? 1
      memory.zeros[c] = side?.zero ?? 0
    }
  }
}

/// What a panel's columns are scaled by, in a workspace.
private struct PanelScales {
  /// Arrays of one number for each column of the widest panel.
  static let rows = 5

  let columns: Int
  let scales: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>
  let lowest: UnsafeMutablePointer<Float>, highest: UnsafeMutablePointer<Float>
  let zeros: UnsafeMutablePointer<Int32>

  init(_ memory: UnsafeMutableRawPointer, columns: Int) {
    self.columns = columns
    func floats(_ row: Int) -> UnsafeMutablePointer<Float> {
      (memory + row * columns * 4).assumingMemoryBound(to: Float.self)
    }
    (scales, inverses, lowest, highest) = (floats(0), floats(1), floats(2), floats(3))
    zeros = (memory + 4 * columns * 4).assumingMemoryBound(to: Int32.self)
  }

  /// Whether the first of so many columns speaks for all of them.
  func isUniform(columns: Int) -> Bool {
    (1..<columns).allSatisfy { scales[$0] == scales[0] && zeros[$0] == zeros[0] }
      && !scales[0].isNaN
  }
}
