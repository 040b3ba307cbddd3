// tile[c, phase, row, column] ← X[c, …], zeros where the image ends: padding and strides are gone afterwards.

import CSIMD
import LacunaFormats

/// What a tile of planes is made by.
protocol PlanePacker: Sendable {
  /// Bytes of memory that it needs besides the tile.
  var scratchBytes: Int { get }
  /// - Parameters:
  ///   - image: the first element of the image.
  ///   - first: the first plane that is packed, `count` of them.
  func pack(
    _ tile: ConvolutionTile, of image: UnsafeRawPointer, firstChannel first: Int, count: Int,
    into target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer)
}

/// Copies what one tile sees of an image of floats, in either layout.
struct TilePacker: PlanePacker {
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

  var scratchBytes: Int { 0 }

  func pack(
    _ tile: ConvolutionTile, of image: UnsafeRawPointer, firstChannel first: Int, count: Int,
    into target: UnsafeMutableRawPointer, scratch _: UnsafeMutableRawPointer
  ) {
    let s = tiling.shape
    // Also the slack: junk that happens to be subnormal would slow down whoever reads it.
    target.initializeMemory(as: UInt8.self, repeating: 0, count: count * tiling.planeStride * size)
    let gathers = layout == .nchw && s.strideX > 1
    // A copy may write zeros up to a register's end into what follows it: rows are written in rising order.
    for p in 0..<tiling.phasesY.count {
      for q in 0..<tiling.phasesX.count {
        let x = tiling.columns(tile, tiling.phasesX[q])
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
