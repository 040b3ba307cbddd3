// Y ← bound(W·X + bias + β·Y) for few columns of X and blocks whose parts fill a register.

import CSIMD
import LacunaFormats

/// A block matrix cut into strips of 16/C rows: one register per block and strip.
///
/// C, the columns of a block, divides 16, and the block's rows are a multiple of 16/C: 4×4, 8×4,
/// 8×2, 16×1, 2×8, 1×16 and the like. A row-major block is then its strips' registers one after the
/// other.
// Sound to share: nothing changes after the initialiser.
final class BlockVectorProduct: ProductBody, @unchecked Sendable {
  private let rows: Int, columns: Int
  private let blockColumns: Int
  private let types: ProductTypes
  private let gridColumns: Int
  private let weights: UnsafeMutableRawPointer
  private let indices: AlignedBuffer<UInt16>
  private let counts: AlignedBuffer<UInt32>
  /// First output row of each strip.
  private let firstRows: AlignedBuffer<UInt32>
  /// Steps before each strip, and their total.
  private let starts: AlignedBuffer<Int>
  private let layout: ProductLayout
  private let epilogue: EpilogueValues
  private let kernel: Kernel
  private let pack: Kernel

  static let candidateName = "block-vector"
  var name: String { Self.candidateName }

  /// Whether the instruction set has the kernel and the block's parts fill registers.
  static func suits(
    _ block: BlockSize, columns: Int, _ types: ProductTypes, table: KernelTable
  ) -> Bool {
    block.columns <= 16 && 16 % block.columns == 0
      && block.rows % (16 / block.columns) == 0
      && (columns + block.columns - 1) / block.columns <= 1 << 16
      && table.kernel(.blockVector, types: types)?.isa != nil
  }

  /// Not checked: ``suits(_:columns:_:table:)``.
  init(
    _ source: any FloatWeights, layout: ProductLayout, epilogue: EpilogueValues,
    table: KernelTable
  ) {
    (rows, columns) = (source.rows, source.columns)
    (self.layout, self.epilogue) = (layout, epilogue)
    let (block, pattern) = source.blocks!
    let area = block.area
    types = source.types
    let size = types.weights.size
    blockColumns = block.columns
    gridColumns = pattern.columns
    kernel = table.kernel(.blockVector, types: types)!
    pack = table.kernel(.packWindows, dtype: .f32)!
    weights = allocateStream(byteCount: pattern.nnz * area * size)
    let strips = blockStrips(pattern, block: block)
    indices = AlignedBuffer(count: pattern.nnz * (area / 16))
    counts = AlignedBuffer(count: strips.count)
    firstRows = AlignedBuffer(count: strips.count)
    starts = AlignedBuffer(count: strips.count + 1)
    source.withUnsafeValues { [weights, indices, counts, firstRows, starts] values in
      var step = 0
      for (s, strip) in strips.enumerated() {
        counts.pointer[s] = UInt32(strip.blocks.count)
        firstRows.pointer[s] = UInt32(strip.row)
        for b in strip.blocks {
          (weights + 16 * step * size).copyMemory(
            from: values.baseAddress! + (b * area + 16 * strip.part) * size, byteCount: 16 * size)
          indices.pointer[step] = UInt16(pattern.columnIndices[b])
          step += 1
        }
        starts.pointer[s + 1] = step
      }
    }
  }

  deinit { weights.deallocate() }

  var packedBytes: Int { indices.count * (16 * types.weights.size + 2) + counts.count * 8 }

  func valueSlots(_ numbers: StoredMatrix<Double>) -> ValueSlots? {
    guard case .bsr(let source) = numbers else { preconditionFailure("blocks of other weights") }
    var slots: [UInt32] = []
    slots.reserveCapacity(indices.count * 16)
    for strip in blockStrips(source.blockPattern, block: source.block) {
      for b in strip.blocks {
        let first = b * source.block.area + 16 * strip.part
        for i in 0..<16 { slots.append(UInt32(source.values[first + i])) }
      }
    }
    return ValueSlots(memory: weights, types.weights, numbers: slots)
  }

  private static let mostColumns = 6
  /// Inputs per packed column: whole blocks, and a register more.
  private var inputs: Int { (gridColumns * blockColumns + 31) / 16 * 16 }
  var workspaceBytes: Int { 64 + inputs * Self.mostColumns * 4 }

  func usefulSlices(width: Int) -> Int { max(1, counts.count / 4) }

  /// The first strip of share `slice` of `slices` of the steps.
  private func firstStrip(_ slice: Int, of slices: Int) -> Int {
    balancedCut(counts.count, slice: slice, of: slices) { starts.pointer[$0] }
  }

  func run(_ call: ProductCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer) {
    let (first, end) = (firstStrip(slice, of: slices), firstStrip(slice + 1, of: slices))
    if first == end { return }
    let passes = (call.width + Self.mostColumns - 1) / Self.mostColumns
    for pass in 0..<passes {
      let from = call.width * pass / passes
      multiply(
        call, column: from, count: call.width * (pass + 1) / passes - from, strips: first..<end,
        workspace: workspace)
    }
    if end - first == counts.count {
      epilogue.activate(call, layout, rows: 0..<rows, sides: 0..<call.width)
      return
    }
    for strip in first..<end {
      let row = Int(firstRows.pointer[strip])
      if row >= rows { continue }
      epilogue.activate(
        call, layout, rows: row..<min(row + 16 / blockColumns, rows), sides: 0..<call.width)
    }
  }

  private func multiply(
    _ call: ProductCall, column: Int, count: Int, strips: Range<Int>,
    workspace: UnsafeMutableRawPointer
  ) {
    let byColumns = layout == .columns
    let x = workspace + 64
    // One column after the other: each is packed on its own.
    for c in 0..<count {
      var packing = lcn_window_pack_args(
        source: call.x + (column + c) * (byColumns ? 1 : call.xStride) * 4,
        inputStride: Int64(byColumns ? call.xStride : 1), columnStride: 1,
        target: x + c * inputs * 4, inputs: Int64(columns), blocks: Int64(inputs / 16), columns: 1,
        lanes: 16)
      pack.call(&packing)
    }
    let step = starts.pointer[strips.lowerBound]
    var arguments = lcn_block_args(
      x: UnsafeRawPointer(x), xColumn: Int64(inputs),
      weights: weights + step * 16 * types.weights.size,
      indices: indices.pointer + step, counts: counts.pointer + strips.lowerBound,
      strips: Int64(strips.count), firstRows: firstRows.pointer + strips.lowerBound,
      rows: Int64(rows), y: call.y + column * (byColumns ? 1 : call.yStride) * 4,
      yRow: Int64(byColumns ? call.yStride : 1), yColumn: Int64(byColumns ? 1 : call.yStride),
      bias: epilogue.bias, lower: epilogue.lower, upper: epilogue.upper, beta: call.beta,
      scratch: workspace, columns: Int32(count), blockColumns: Int32(blockColumns))
    kernel.call(&arguments)
  }
}

/// Sixteen weights' worth of rows of a row of blocks.
private struct BlockStrip {
  /// Which sixteenth of each block.
  var part: Int
  /// First output row.
  var row: Int
  /// The blocks it walks.
  var blocks: Range<Int>
}

/// The strips in the order in which the kernel walks them. Strips of equal count follow each other: a
/// loop's end that changes at each strip costs a third.
private func blockStrips(_ pattern: CSRPattern, block: BlockSize) -> [BlockStrip] {
  let parts = block.area / 16
  return (0..<(pattern.rows * parts)).map { strip in
    let gridRow = strip / parts
    return BlockStrip(
      part: strip % parts, row: strip * (16 / block.columns),
      blocks: pattern.rowOffsets[gridRow]..<pattern.rowOffsets[gridRow + 1])
  }.sorted { ($0.blocks.count, $0.row) < ($1.blocks.count, $1.row) }
}
