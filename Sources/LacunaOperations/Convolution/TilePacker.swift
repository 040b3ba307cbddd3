// tile[c, phase, row, column] ← X[c, …], zeros where the image ends: padding and strides are gone afterwards.

import CSIMD
import LacunaFormats

/// Copies what one tile sees of an image, in either layout.
struct TilePacker: Sendable {
  private let tiling: ConvolutionTiling
  private let layout: ImageLayout
  private let size: Int
  private let copy: Kernel, turn: Kernel
  private let loops: ImageLoops

  init(_ tiling: ConvolutionTiling, _ context: ConvolutionContext) {
    (self.tiling, layout, size) = (tiling, context.layout, context.dtype.size)
    copy = context.table.kernel(.packRows, dtype: context.dtype)!
    turn = context.table.kernel(.packTransposed, dtype: context.dtype)!
    loops = ImageLoops(context.dtype)
  }

  /// - Parameters:
  ///   - image: the first element of the image.
  ///   - first: the first channel that is packed, `count` of them.
  func pack(
    _ tile: ConvolutionTile, of image: UnsafeRawPointer, firstChannel first: Int, count: Int,
    into target: UnsafeMutableRawPointer
  ) {
    let s = tiling.shape
    // Also the slack: junk that happens to be subnormal would slow down whoever reads it.
    target.initializeMemory(as: UInt8.self, repeating: 0, count: count * tiling.planeStride * size)
    let gathers = layout == .nchw && s.strideX > 1
    // A copy may write zeros up to a register's end into what follows it: rows are written in rising order.
    for p in 0..<tiling.phasesY.count {
      for q in 0..<tiling.phasesX.count {
        let x = columns(tile, tiling.phasesX[q])
        if x.count == 0 { continue }
        let phase = (p * tiling.phasesX.count + q) * tiling.phaseStride + x.first
        for row in 0..<(tile.rows + tiling.phaseRows - tiling.tileRows) {
          let y = (tile.row + row) * s.strideY + tiling.phasesY[p] - s.padTop
          if y < 0 || y >= s.height { continue }
          let into = target + (phase + row * tiling.rowStride) * size
          if gathers {
            gather(
              image + ((first * s.height + y) * s.width + x.source) * size, into, channels: count,
              columns: x.count)
          } else if layout == .nchw {
            call(
              copy, image + ((first * s.height + y) * s.width + x.source) * size,
              sourceStride: s.height * s.width, into, rows: count, columns: x.count)
          } else {
            call(
              turn, image + ((y * s.width + x.source) * s.channels + first) * size,
              sourceStride: s.channels * s.strideX, into, rows: count, columns: x.count)
          }
        }
      }
    }
  }

  /// Every `strideX`-th pixel of one row, in all channels.
  private func gather(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, channels: Int, columns: Int
  ) {
    let s = tiling.shape
    for channel in 0..<channels {
      loops.gather(
        target + channel * tiling.planeStride * size, source + channel * s.height * s.width * size,
        s.strideX, columns)
    }
  }

  /// The columns of a phase that lie in the image: the first, how many, and where the first comes from.
  @inline(__always)
  private func columns(
    _ tile: ConvolutionTile, _ phaseX: Int
  ) -> (first: Int, count: Int, source: Int) {
    let s = tiling.shape
    let origin = tile.column * s.strideX + phaseX - s.padLeft
    let all = tile.columns + tiling.rowStride - tiling.tileColumns
    // x = origin + column · stride has to be in 0..<width.
    let first = origin >= 0 ? 0 : (-origin + s.strideX - 1) / s.strideX
    let last = s.width - 1 - origin
    let end = last < 0 ? 0 : min(all, last / s.strideX + 1)
    return (first, max(end - first, 0), origin + first * s.strideX)
  }

  @inline(__always)
  private func call(
    _ kernel: Kernel, _ source: UnsafeRawPointer, sourceStride: Int,
    _ target: UnsafeMutableRawPointer, rows: Int, columns: Int
  ) {
    var arguments = lcn_pack_args(
      source: source, sourceStride: Int64(sourceStride), target: target,
      targetStride: Int64(tiling.planeStride), rows: Int64(rows), columns: Int64(columns),
      paddedColumns: Int64(columns))
    kernel.call(&arguments)
  }
}
