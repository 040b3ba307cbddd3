// tile[c, view, row, column] ← X[c, …], zeros where the image ends: padding and strides are gone afterwards.

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
  /// Elements from one channel of a turned row to the next.
  private let scratchStride: Int

  init(_ tiling: ConvolutionTiling, _ context: ConvolutionContext) {
    (self.tiling, layout, size) = (tiling, context.layout, context.dtype.size)
    copy = context.table.kernel(.packImageRows, dtype: context.dtype)!
    turn = context.table.kernel(.packTransposed, dtype: context.dtype)!
    scratchStride = (tiling.shape.width + 15) / 16 * 16
  }

  /// Elements of a plane that are cleared with all others at once: its edges one by one would take longer.
  private static let smallPlane = 512

  /// Pixels of a row that are in several views are turned once for them all.
  private var turnsRows: Bool {
    layout == .nhwc && tiling.viewsX.count > tiling.shape.strideX
  }

  var scratchBytes: Int { turnsRows ? tiling.channels * scratchStride * size : 0 }

  func pack(
    _ tile: ConvolutionTile, of image: UnsafeRawPointer, firstChannel first: Int, count: Int,
    into target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer
  ) {
    let s = tiling.shape
    let last = tile.rows + tiling.phaseRows - tiling.tileRows
    let turnsPixels = layout == .nhwc && !turnsRows
    let clearsAll = turnsPixels || tiling.planeStride <= Self.smallPlane
    if clearsAll {
      target.initializeMemory(
        as: UInt8.self, repeating: 0, count: count * tiling.planeStride * size)
    }
    for p in tiling.phasesY.indices {
      // Row r of the phase is row r · stride + origin of the image.
      let origin = tile.row * s.strideY + tiling.phasesY[p] - s.padTop
      let begin = min(last, origin >= 0 ? 0 : (s.strideY - 1 - origin) / s.strideY)
      let end = max(begin, min(last, (s.height - 1 - origin + s.strideY) / s.strideY))
      let rows = begin..<end
      let phase = target + p * tiling.viewsX.count * tiling.phaseStride * size
      for q in tiling.viewsX.indices where !clearsAll {
        let view = phase + q * tiling.phaseStride * size
        clear(view, channels: count, begin * tiling.rowStride)
        clear(
          view + end * tiling.rowStride * size, channels: count,
          (tiling.phaseRows - end) * tiling.rowStride)
      }
      if rows.isEmpty { continue }
      let into = phase + begin * tiling.rowStride * size
      let y = begin * s.strideY + origin
      if layout == .nchw {
        packViews(
          tile, image + (first * s.height + y) * s.width * size, stride: s.height * s.width,
          row: s.strideY * s.width, into, channels: count, rows: rows.count)
        continue
      }
      for row in 0..<rows.count {
        let pixels = image + ((y + row * s.strideY) * s.width * s.channels + first) * size
        let into = into + row * tiling.rowStride * size
        if !turnsPixels {
          turn(
            pixels, step: 1, channels: count, columns: s.width, to: scratch, stride: scratchStride)
          packViews(
            tile, UnsafeRawPointer(scratch), stride: scratchStride, row: 0, into, channels: count,
            rows: 1)
        } else {
          for q in tiling.viewsX.indices {
            let x = tiling.columns(tile, tiling.viewsX[q])
            let view = into + q * tiling.phaseStride * size
            turn(
              pixels + x.source * s.channels * size, step: s.strideX, channels: count,
              columns: x.count, to: view + x.first * size, stride: tiling.planeStride)
          }
        }
      }
    }
    // Junk that happens to be subnormal would slow down whoever reads it, and gradients multiply it by zeros.
    if clearsAll { return }
    let used = tiling.phasesY.count * tiling.viewsX.count * tiling.phaseStride
    clear(target + used * size, channels: count, tiling.planeStride - used)
  }

  /// All views of some rows of the image, in all channels.
  private func packViews(
    _ tile: ConvolutionTile, _ source: UnsafeRawPointer, stride: Int, row: Int,
    _ target: UnsafeMutableRawPointer, channels: Int, rows: Int
  ) {
    for q in tiling.viewsX.indices {
      let x = tiling.columns(tile, tiling.viewsX[q])
      var arguments = lcn_image_pack_args(
        source: source + (x.count > 0 ? x.source * size : 0), sourceStride: Int64(stride),
        sourceRow: Int64(row), step: Int64(tiling.shape.strideX),
        target: target + q * tiling.phaseStride * size, targetStride: Int64(tiling.planeStride),
        targetRow: Int64(tiling.rowStride), channels: Int64(channels), rows: Int64(rows),
        leading: Int64(x.count > 0 ? x.first : 0), columns: Int64(x.count),
        width: Int64(tiling.rowStride))
      copy.call(&arguments)
    }
  }

  /// Zeros in all channels.
  private func clear(_ target: UnsafeMutableRawPointer, channels: Int, _ width: Int) {
    if width == 0 { return }
    for channel in 0..<channels {
      (target + channel * tiling.planeStride * size).initializeMemory(
        as: UInt8.self, repeating: 0, count: width * size)
    }
  }

  /// Every `step`-th pixel of a row, channel by channel.
  @inline(__always)
  private func turn(
    _ source: UnsafeRawPointer, step: Int, channels: Int, columns: Int,
    to target: UnsafeMutableRawPointer, stride: Int
  ) {
    var arguments = lcn_pack_args(
      source: source, sourceStride: Int64(tiling.shape.channels * step), target: target,
      targetStride: Int64(stride), rows: Int64(channels), columns: Int64(columns),
      paddedColumns: Int64(columns))
    turn.call(&arguments)
  }
}
