// Y ← bound(W·P + b + R) with dense weights: patches of some pixels at a time, then OpenBLAS.

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

  /// P[(c, ky, kx), pixel]: runs of an output row.
  private func channelPatches(
    _ x: UnsafeRawPointer, _ group: Int, first: Int, pixels: Int,
    into patches: UnsafeMutableRawPointer
  ) {
    let s = context.shape
    var target = patches
    for c in 0..<s.groupChannels {
      let plane = x + (group * s.groupChannels + c) * s.height * s.width * size
      for ky in 0..<s.kernelHeight {
        for kx in 0..<s.kernelWidth {
          var pixel = first
          while pixel < first + pixels {
            let (oy, ox) = pixel.quotientAndRemainder(dividingBy: s.outputWidth)
            let count = min(s.outputWidth - ox, first + pixels - pixel)
            let y = oy * s.strideY + ky * s.dilationY - s.padTop
            let origin = ox * s.strideX + kx * s.dilationX - s.padLeft
            // origin + i · stride has to be in 0..<width.
            let before =
              y < 0 || y >= s.height
              ? count : min(count, origin >= 0 ? 0 : (s.strideX - 1 - origin) / s.strideX)
            let end =
              origin >= s.width ? 0 : min(count, (s.width - 1 - origin) / s.strideX + 1)
            let inside = max(end - before, 0)
            clear(target, before)
            let source = plane + (y * s.width + origin + before * s.strideX) * size
            if inside > 0 {
              if s.strideX == 1 {
                (target + before * size).copyMemory(from: source, byteCount: inside * size)
              } else {
                loops.gather(target + before * size, source, s.strideX, inside)
              }
            }
            clear(target + (before + inside) * size, count - before - inside)
            target += count * size
            pixel += count
          }
        }
      }
    }
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
