// values[p] ← Σ_c G[i, c]·X[j, c] for the entries (i, j) of a pattern: panels of columns, blocks of
// inputs.

import CSIMD
import LacunaFormats

/// The sampled product of one pattern.
///
/// Columns are cut into panels of eight registers, inputs into blocks whose rows of the panel fit
/// the first-level cache. Each panel of G is packed once, each block of X once per panel; then
/// every row of the pattern adds the dot products of its entries in that block. An entry adds its
/// panels in order, whatever the threads.
final class SampledProduct: Sendable {
  private let pattern: CSRPattern
  private let dtype: DType
  private let layout: ProductLayout
  private let threads: Int
  private let kernel: Kernel
  private let pack: Kernel
  private let inputsPerBlock: Int
  private let blocks: Int
  /// Row i's entries of block b start at element i · (blocks + 1) + b.
  private let starts: [Int64]
  private let workspaces: WorkspacePool

  /// Registers per panel row.
  private static let vectors = 8
  /// Tasks per thread, so that a slow thread does not hold up the others for long.
  private static let tasksPerThread = 2

  init(
    _ pattern: CSRPattern, dtype: DType, layout: ProductLayout, threads: Int, table: KernelTable
  ) {
    (self.pattern, self.dtype, self.layout, self.threads) = (pattern, dtype, layout, threads)
    kernel = table.kernel(.sddmm, dtype: dtype)!
    pack = table.kernel(layout == .columns ? .packRows : .packTransposed, dtype: dtype)!
    let panelBytes = Self.vectors * kernel.vectorBytes
    let wanted = max(16, CPUInfo.current.level1Bytes * 3 / 4 / panelBytes)
    blocks = max(1, (pattern.columns + wanted - 1) / wanted)
    inputsPerBlock = max(1, (pattern.columns + blocks - 1) / blocks)
    starts = blockStarts(pattern, inputsPerBlock: inputsPerBlock, blocks: blocks)
    let tasks = threads == 1 ? 1 : threads * Self.tasksPerThread
    let rows = (pattern.rows + tasks - 1) / tasks + 1
    workspaces = WorkspacePool(
      bytes: (rows + inputsPerBlock) * panelBytes, count: threads)
  }

  func run(
    x: UnsafeRawPointer, g: UnsafeRawPointer, width: Int, xStride: Int, gStride: Int,
    into values: UnsafeMutableRawPointer
  ) {
    if width == 0 {
      values.initializeMemory(as: UInt8.self, repeating: 0, count: pattern.nnz * dtype.size)
      return
    }
    let tasks = threads == 1 ? 1 : threads * Self.tasksPerThread
    let body = { (task: Int) in
      let rows = (self.pattern.rows * task / tasks)..<(self.pattern.rows * (task + 1) / tasks)
      if rows.isEmpty { return }
      let workspace = self.workspaces.borrow()
      self.multiply(
        rows, x: x, g: g, width: width, xStride: xStride, gStride: gStride, into: values,
        workspace: workspace)
      self.workspaces.giveBack(workspace)
    }
    if tasks == 1 { body(0) } else { ThreadPool.shared.run(tasks: tasks, limit: threads, body) }
  }

  private func multiply(
    _ rows: Range<Int>, x: UnsafeRawPointer, g: UnsafeRawPointer, width: Int, xStride: Int,
    gStride: Int, into values: UnsafeMutableRawPointer, workspace: UnsafeMutableRawPointer
  ) {
    let lanes = kernel.vectorBytes / dtype.size
    let perPanel = Self.vectors * lanes
    let gPanel = workspace
    let xPanel = workspace + rows.count * Self.vectors * kernel.vectorBytes
    for first in stride(from: 0, to: width, by: perPanel) {
      let count = min(perPanel, width - first)
      let vectors = (count + lanes - 1) / lanes
      packPanel(
        g, stride: gStride, rows: rows, column: first, count: count, padded: vectors * lanes,
        into: gPanel)
      for block in 0..<blocks {
        let inputs =
          (block * inputsPerBlock)..<min((block + 1) * inputsPerBlock, pattern.columns)
        if inputs.isEmpty { continue }
        packPanel(
          x, stride: xStride, rows: inputs, column: first, count: count, padded: vectors * lanes,
          into: xPanel)
        let rowBytes = vectors * kernel.vectorBytes
        starts.withUnsafeBufferPointer { starts in
          pattern.columnIndices.withUnsafeBytes { indices, bytes in
            var arguments = lcn_sddmm_args(
              g: gPanel, gStride: Int64(rowBytes),
              x: UnsafeRawPointer(xPanel) - inputs.lowerBound * rowBytes, xStride: Int64(rowBytes),
              starts: starts.baseAddress! + rows.lowerBound * (blocks + 1) + block,
              splits: Int64(blocks + 1), indices: indices, values: values,
              rows: Int64(rows.count), vectors: Int32(vectors), indexBytes: Int32(bytes),
              adds: first > 0 ? 1 : 0)
            kernel.call(&arguments)
          }
        }
      }
    }
  }

  /// Rows of G or X, `count` of their columns from `column` on, as rows of `padded` elements.
  private func packPanel(
    _ source: UnsafeRawPointer, stride: Int, rows: Range<Int>, column: Int, count: Int,
    padded: Int, into target: UnsafeMutableRawPointer
  ) {
    let first =
      layout == .columns ? rows.lowerBound * stride + column : column * stride + rows.lowerBound
    var arguments = lcn_pack_args(
      source: source + first * dtype.size, sourceStride: Int64(stride), target: target,
      targetStride: Int64(padded), rows: Int64(rows.count), columns: Int64(count),
      paddedColumns: Int64(padded))
    pack.call(&arguments)
  }
}

extension IndexVector {
  /// Calls `body` with the indices' memory and the bytes of one. An empty vector passes some
  /// address that must not be read.
  @inline(__always)
  func withUnsafeBytes(_ body: (UnsafeRawPointer, Int) -> Void) {
    let stand = UnsafeRawPointer(bitPattern: MemoryLayout<UInt32>.alignment)!
    switch self {
    case .u16(let indices): indices.withUnsafeBytes { body($0.baseAddress ?? stand, 2) }
    case .u32(let indices): indices.withUnsafeBytes { body($0.baseAddress ?? stand, 4) }
    }
  }
}

/// For each row, where its entries of each block of inputs start, and where the last block's end.
private func blockStarts(_ pattern: CSRPattern, inputsPerBlock: Int, blocks: Int) -> [Int64] {
  var starts = [Int64](repeating: 0, count: pattern.rows * (blocks + 1))
  func fill<Index: FixedWidthInteger>(_ indices: [Index]) {
    for i in 0..<pattern.rows {
      var p = pattern.rowOffsets[i]
      let end = pattern.rowOffsets[i + 1]
      for b in 0..<blocks {
        starts[i * (blocks + 1) + b] = Int64(p)
        while p < end && Int(indices[p]) < (b + 1) * inputsPerBlock { p += 1 }
      }
      starts[i * (blocks + 1) + blocks] = Int64(end)
    }
  }
  switch pattern.columnIndices {
  case .u16(let indices): fill(indices)
  case .u32(let indices): fill(indices)
  }
  return starts
}
