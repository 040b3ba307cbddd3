// tile[plane, phase, row, column] ← the bytes of X[4·plane … 4·plane + 3, …], the zero point where the image ends.

import CSIMD
import LacunaFormats

/// Copies what one tile sees of an image of bytes, four channels to 32 bits, in either layout.
///
/// The zero point around the image adds nothing: what it is multiplied by is in the sum of a row's weights, which
/// the zero point is taken from.
struct QuadTilePacker: PlanePacker {
  private let tiling: ConvolutionTiling
  private let shape: ConvolutionShape
  private let layout: ImageLayout
  private let join: Kernel, turn: Kernel, take: Kernel
  private let flip: UInt32
  /// The zero point of unsigned bytes.
  private let zero: UInt8
  /// Quads from one row of the scratch memory to the next.
  private let scratchStride: Int

  /// - Parameter quantized: activations of bytes.
  init(_ tiling: ConvolutionTiling, _ context: ConvolutionContext, _ quantized: QuantizedWeights) {
    (self.tiling, shape, layout) = (tiling, context.shape, context.layout)
    let lies = context.layout == .nchw ? "columns" : "rows"
    join = context.table.kernel(.packQuads, variant: lies, types: .quantized(.u8))!
    turn = context.table.kernel(.packTransposed, dtype: .f32)!
    take = context.table.kernel(.packImageRows, dtype: .f32)!
    flip = UInt32(bitPattern: quantized.activations.flip)
    zero = UInt8(quantized.imageScale.zero)
    // The kernel writes whole registers.
    scratchStride = (context.shape.width + 15) / 16 * 16
  }

  /// A row of an image as quads, of all planes of a group.
  var scratchBytes: Int {
    layout == .nchw ? tiling.shape.groupChannels * scratchStride * 4 : 0
  }

  func pack(
    _ tile: ConvolutionTile, of image: UnsafeRawPointer, firstChannel first: Int, count: Int,
    into target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer
  ) {
    let s = shape
    // Channels of a pixel are whole quads already: they are turned as numbers of 32 bits, and become unsigned afterwards.
    let turns =
      layout == .nhwc && s.groupChannels % 4 == 0 && Int(bitPattern: image) % 4 == 0
    let bytes = count * tiling.planeStride * 4
    target.initializeMemory(
      as: UInt8.self, repeating: turns ? zero ^ UInt8(truncatingIfNeeded: flip) : zero,
      count: bytes)
    let groupPlanes = tiling.shape.groupChannels
    for p in 0..<tiling.phasesY.count {
      for row in 0..<(tile.rows + tiling.phaseRows - tiling.tileRows) {
        let y = (tile.row + row) * s.strideY + tiling.phasesY[p] - s.padTop
        if y < 0 || y >= s.height { continue }
        for group in 0..<(count / groupPlanes) {
          let into =
            target
            + (group * groupPlanes * tiling.planeStride + p * tiling.viewsX.count
              * tiling.phaseStride
              + row * tiling.rowStride) * 4
          let channel = (first / groupPlanes + group) * s.groupChannels
          if layout == .nchw {
            joinRow(tile, image + (channel * s.height + y) * s.width, into, scratch)
          } else {
            turnRow(tile, image + y * s.width * s.channels + channel, into, turns: turns)
          }
        }
      }
    }
    if turns && flip != 0 { combine(target, quads: bytes / 4) }
  }

  /// A row of the channels of a group, channels first: joined as it lies, then every `strideX`-th quad of it.
  private func joinRow(
    _ tile: ConvolutionTile, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ scratch: UnsafeMutableRawPointer
  ) {
    let s = shape
    var (begin, end) = (s.width, 0)
    for view in tiling.viewsX {
      let x = tiling.columns(tile, view)
      if x.count == 0 { continue }
      begin = min(begin, x.source)
      end = max(end, x.source + (x.count - 1) * s.strideX + 1)
    }
    if begin >= end { return }
    call(
      join, source + begin, sourceStride: s.height * s.width, scratch, targetStride: scratchStride,
      inputs: s.groupChannels, columns: end - begin, flip: flip)
    for q in tiling.viewsX.indices {
      let x = tiling.columns(tile, tiling.viewsX[q])
      if x.count == 0 { continue }
      var arguments = lcn_image_pack_args(
        source: scratch + (x.source - begin) * 4, sourceStride: Int64(scratchStride),
        sourceRow: 0, step: Int64(s.strideX),
        target: target + (q * tiling.phaseStride + x.first) * 4,
        targetStride: Int64(tiling.planeStride), targetRow: 0,
        channels: Int64(tiling.shape.groupChannels), rows: 1, leading: 0, columns: Int64(x.count),
        width: Int64(x.count))
      take.call(&arguments)
    }
  }

  /// A row of pixels, whose channels lie together.
  private func turnRow(
    _ tile: ConvolutionTile, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    turns: Bool
  ) {
    let s = shape
    for q in tiling.viewsX.indices {
      let x = tiling.columns(tile, tiling.viewsX[q])
      if x.count == 0 { continue }
      let from = source + x.source * s.channels
      let into = target + (q * tiling.phaseStride + x.first) * 4
      if turns {
        var arguments = lcn_pack_args(
          source: from, sourceStride: Int64(s.channels * s.strideX / 4), target: into,
          targetStride: Int64(tiling.planeStride), rows: Int64(tiling.shape.groupChannels),
          columns: Int64(x.count), paddedColumns: Int64(x.count))
        turn.call(&arguments)
      } else {
        call(
          join, from, sourceStride: s.channels * s.strideX, into, targetStride: tiling.planeStride,
          inputs: s.groupChannels, columns: x.count, flip: flip)
      }
    }
  }

  @inline(__always)
  private func call(
    _ kernel: Kernel, _ source: UnsafeRawPointer, sourceStride: Int,
    _ target: UnsafeMutableRawPointer, targetStride: Int, inputs: Int, columns: Int, flip: UInt32
  ) {
    var arguments = lcn_quad_pack_args(
      source: source, sourceStride: Int64(sourceStride),
      target: target.assumingMemoryBound(to: Int32.self), targetStride: Int64(targetStride),
      inputs: Int64(inputs), columns: Int64(columns), paddedColumns: Int64(columns),
      flip: Int32(bitPattern: flip), inverses: nil, zeros: nil, scales: nil)
    kernel.call(&arguments)
  }

  /// Signed bytes become unsigned ones, 128 more. A tile is whole cache lines.
  private func combine(_ target: UnsafeMutableRawPointer, quads: Int) {
    let flips = SIMD16<UInt32>(repeating: flip)
    for i in stride(from: 0, to: quads * 4, by: 64) {
      let line = target.load(fromByteOffset: i, as: SIMD16<UInt32>.self)
      target.storeBytes(of: line ^ flips, toByteOffset: i, as: SIMD16<UInt32>.self)
    }
  }
}
