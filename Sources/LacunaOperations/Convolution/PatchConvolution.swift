// Y ← bound(W·P + b + R) with dense weights: patches of some pixels at a time, then OpenBLAS.

import CSIMD
import LacunaFormats

/// Bytes of the patches that one call of OpenBLAS multiplies: about what stays in the second-level cache.
private let patchBytes = 600_000
/// Output rows of one call of OpenBLAS: see ``DenseProduct``.
private let fewestFilters = 384

/// The dense candidate: im2col by tiles and a matrix product, for any shape.
///
/// Channels-first images make patches [patch, pixels] and Y = W·P; channels-last ones [pixels, patch] and
/// Y = P·Wᵀ, with the columns of W in the order of the taps. Cuts depend on the shape alone, because OpenBLAS may
/// round an element differently when a call has another shape.
// Sound to share: nothing changes after the initialiser.
final class PatchConvolution<Scalar: SparseScalar>: ConvolutionBody, @unchecked Sendable {
  private let context: ConvolutionContext
  private let weights: AlignedBuffer<Scalar>
  private let loops: ImageLoops
  private let pack: Kernel
  /// Pixels of a tile, and filters of a call.
  private let tilePixels: Int, callFilters: Int
  private let size: Int

  var name: String { "im2col" }

  init(_ context: ConvolutionContext, _ source: ConvolutionWeights<Scalar>) {
    self.context = context
    let s = context.shape
    weights = AlignedBuffer(count: s.filters * s.patch)
    let memory = UnsafeMutableRawPointer(weights.pointer)
    source.source.writeDense(to: memory)
    size = context.dtype.size
    loops = ImageLoops(context.dtype)
    pack = context.table.kernel(.packImageRows, dtype: context.dtype)!
    let wanted: KernelOrder = context.layout == .nchw ? .channelsFirst : .channelsLast
    if source.order != wanted && s.taps > 1 && s.groupChannels > 1 {
      reorder(weights.pointer, s, source.order)
    }
    let most = max(64, patchBytes / (s.patch * size) / 64 * 64)
    let tiles = (s.pixels + most - 1) / most
    tilePixels = (s.pixels + tiles - 1) / tiles
    let calls = max(1, min(4, s.groupFilters / fewestFilters))
    callFilters = (s.groupFilters + calls - 1) / calls
  }

  var packedBytes: Int { weights.count * size }
  var workspaceBytes: Int { context.shape.patch * tilePixels * size }

  private var tiles: Int { (context.shape.pixels + tilePixels - 1) / tilePixels }
  private var calls: Int { (context.shape.groupFilters + callFilters - 1) / callFilters }

  func usefulSlices(images: Int) -> Int { images * tiles * context.shape.groups * calls }

  func run(
    _ call: ConvolutionCall, slice: Int, of slices: Int, workspace: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    let tasks = usefulSlices(images: call.images)
    var packed = -1
    BLAS.onOneThread {
      for task in (tasks * slice / slices)..<(tasks * (slice + 1) / slices) {
        let (position, part) = task.quotientAndRemainder(dividingBy: calls)
        let (place, group) = position.quotientAndRemainder(dividingBy: s.groups)
        let (image, tile) = place.quotientAndRemainder(dividingBy: tiles)
        let first = tile * tilePixels
        let pixels = min(tilePixels, s.pixels - first)
        if position != packed {
          let x = call.x + image * s.inputCount * size
          if context.layout == .nchw {
            channelPatches(x, group, first: first, pixels: pixels, into: workspace)
          } else {
            pixelPatches(x, group, first: first, pixels: pixels, into: workspace)
          }
          packed = position
        }
        let filter = group * s.groupFilters + part * callFilters
        let filters = min(callFilters, s.groupFilters - part * callFilters)
        let target = context.target(image: image, filter: filter, pixel: first) * size
        multiply(workspace, filter: filter, filters: filters, pixels: pixels, into: call.y + target)
        let channelsFirst = context.layout == .nchw
        loops.finish(
          FinishCall(
            y: call.y + target, residual: call.residual.map { $0 + target },
            bias: context.epilogue.hasBias
              ? UnsafeRawPointer(context.epilogue.bias + filter * size) : nil,
            biasOfRows: channelsFirst, rows: channelsFirst ? filters : pixels,
            columns: channelsFirst ? pixels : filters,
            stride: channelsFirst ? s.pixels : s.filters, lower: context.epilogue.lower,
            upper: context.epilogue.upper))
        context.epilogue.activate(
          call.y + target, rows: channelsFirst ? filters : pixels,
          columns: channelsFirst ? pixels : filters, stride: channelsFirst ? s.pixels : s.filters)
      }
    }
  }

  private func multiply(
    _ patches: UnsafeMutableRawPointer, filter: Int, filters: Int, pixels: Int,
    into y: UnsafeMutableRawPointer
  ) {
    switch context.dtype {
    case .f32: multiply(patches, filter, filters, pixels, y, as: Float.self)
    case .f64: multiply(patches, filter, filters, pixels, y, as: Double.self)
    }
  }

  @inline(__always)
  private func multiply<T: LinearScalar>(
    _ patches: UnsafeMutableRawPointer, _ filter: Int, _ filters: Int, _ pixels: Int,
    _ y: UnsafeMutableRawPointer, as _: T.Type
  ) {
    let k = context.shape.patch
    let w = (UnsafeRawPointer(weights.pointer) + filter * k * size).assumingMemoryBound(to: T.self)
    let p = UnsafeRawPointer(patches).assumingMemoryBound(to: T.self)
    let y = y.assumingMemoryBound(to: T.self)
    switch context.layout {
    case .nchw:
      T.product(
        m: filters, n: pixels, k: k, alpha: 1, a: w, lda: k, transposeA: false, b: p, ldb: pixels,
        transposeB: false, beta: 0, c: y, ldc: context.shape.pixels)
    case .nhwc:
      T.product(
        m: pixels, n: filters, k: k, alpha: 1, a: p, lda: k, transposeA: false, b: w, ldb: k,
        transposeB: true, beta: 0, c: y, ldc: context.shape.filters)
    }
  }

  /// P[(c, ky, kx), pixel]: rows of the output.
  private func channelPatches(
    _ x: UnsafeRawPointer, _ group: Int, first: Int, pixels: Int,
    into patches: UnsafeMutableRawPointer
  ) {
    let width = context.shape.outputWidth
    // The rest of a row of the output, whole rows, and the beginning of one.
    let head = min(pixels, (width - first % width) % width)
    let whole = (pixels - head) / width * width
    for tap in 0..<context.shape.taps {
      let target = patches + tap * pixels * size
      pack(x, group, tap, pixel: first, columns: head, rows: 1, pixels, target)
      pack(
        x, group, tap, pixel: first + head, columns: width, rows: whole / width, pixels,
        target + head * size)
      pack(
        x, group, tap, pixel: first + head + whole, columns: pixels - head - whole, rows: 1, pixels,
        target + (head + whole) * size)
    }
  }

  /// What one tap sees of every channel for some rows of the output, `columns` pixels of each, from `pixel` on.
  private func pack(
    _ x: UnsafeRawPointer, _ group: Int, _ tap: Int, pixel: Int, columns: Int, rows: Int,
    _ pixels: Int, _ target: UnsafeMutableRawPointer
  ) {
    if columns == 0 || rows == 0 { return }
    let s = context.shape
    let (oy, ox) = pixel.quotientAndRemainder(dividingBy: s.outputWidth)
    let y = oy * s.strideY + tap / s.kernelWidth * s.dilationY - s.padTop
    let left = ox * s.strideX + tap % s.kernelWidth * s.dilationX - s.padLeft
    // y + i · stride has to be in 0..<height, left + j · stride in 0..<width.
    func inside(_ origin: Int, _ stride: Int, _ count: Int, _ size: Int) -> Range<Int> {
      let first = min(count, origin >= 0 ? 0 : (stride - 1 - origin) / stride)
      return first..<max(first, origin >= size ? 0 : min(count, (size - 1 - origin) / stride + 1))
    }
    let lines = inside(y, s.strideY, rows, s.height)
    let places = inside(left, s.strideX, columns, s.width)
    let channelStride = s.taps * pixels
    for c in 0..<s.groupChannels where lines.count < rows {
      let channel = target + c * channelStride * size
      clear(channel, lines.lowerBound * columns)
      clear(channel + lines.upperBound * columns * size, (rows - lines.upperBound) * columns)
    }
    if lines.isEmpty { return }
    let row = y + lines.lowerBound * s.strideY
    let column = places.isEmpty ? 0 : left + places.lowerBound * s.strideX
    var arguments = lcn_image_pack_args(
      source: x + ((group * s.groupChannels * s.height + row) * s.width + column) * size,
      sourceStride: Int64(s.height * s.width), sourceRow: Int64(s.strideY * s.width),
      step: Int64(s.strideX), target: target + lines.lowerBound * columns * size,
      targetStride: Int64(channelStride), targetRow: Int64(columns),
      channels: Int64(s.groupChannels), rows: Int64(lines.count),
      leading: Int64(places.isEmpty ? 0 : places.lowerBound), columns: Int64(places.count),
      width: Int64(columns))
    pack.call(&arguments)
  }

  /// P[pixel, (ky, kx, c)]: runs of the channels of one input pixel, or of a row of them.
  private func pixelPatches(
    _ x: UnsafeRawPointer, _ group: Int, first: Int, pixels: Int,
    into patches: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    let channels = s.groupChannels
    let rowsAreRuns = s.groups == 1 && s.dilationX == 1
    var target = patches
    for pixel in first..<(first + pixels) {
      let (oy, ox) = pixel.quotientAndRemainder(dividingBy: s.outputWidth)
      let left = ox * s.strideX - s.padLeft
      for ky in 0..<s.kernelHeight {
        let y = oy * s.strideY + ky * s.dilationY - s.padTop
        if y < 0 || y >= s.height {
          clear(target, s.kernelWidth * channels)
          target += s.kernelWidth * channels * size
          continue
        }
        let row = x + (y * s.width * s.channels + group * channels) * size
        if rowsAreRuns {
          let before = min(max(-left, 0), s.kernelWidth)
          let inside = max(min(s.kernelWidth, s.width - left) - before, 0)
          clear(target, before * channels)
          (target + before * channels * size).copyMemory(
            from: row + max(left + before, 0) * channels * size, byteCount: inside * channels * size
          )
          clear(
            target + (before + inside) * channels * size,
            (s.kernelWidth - before - inside) * channels)
          target += s.kernelWidth * channels * size
          continue
        }
        for kx in 0..<s.kernelWidth {
          let column = left + kx * s.dilationX
          if column < 0 || column >= s.width {
            clear(target, channels)
          } else {
            target.copyMemory(
              from: row + column * s.channels * size, byteCount: channels * size)
          }
          target += channels * size
        }
      }
    }
  }

  @inline(__always)
  private func clear(_ target: UnsafeMutableRawPointer, _ count: Int) {
    target.initializeMemory(as: UInt8.self, repeating: 0, count: count * size)
  }
}

/// Columns of dense weights in the other order, row by row.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
private func reorder<Scalar: SparseScalar>(
  _ weights: UnsafeMutablePointer<Scalar>, _ s: ConvolutionShape, _ order: KernelOrder
) {
  let places = s.columnPlaces(order).map {
    order == .channelsFirst
      ? $0.tap * s.groupChannels + $0.channel : $0.channel * s.taps + $0.tap
  }
  var row = [Scalar](repeating: 0, count: s.patch)
  for filter in 0..<s.filters {
    let values = weights + filter * s.patch
    for j in 0..<s.patch { row[places[j]] = values[j] }
    for j in 0..<s.patch { values[j] = row[j] }
  }
}
