// Y[o, (y, x, s)] = act(Σ W[o, (ky, kx, c)] · X[c, y + ky, x + kx, s] + b[o]): convolution as W ·
// X.

import LacunaFormats
import LacunaOperations

/// A convolution during inference.
///
/// At stride 1 the matrix of patches is never made: its row (ky, kx, c) is channel c of the padded
/// image, shifted by ky rows and kx columns, and the plan packs its panels straight from there.
/// Other strides, and plans whose kernel cannot do that (dense ones), copy the patches first.
final class ConvolutionStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  let output: ActivationLayout
  let reads: ActivationStore, writes: ActivationStore
  private let geometry: WindowGeometry
  private let plan: PlanCore
  private let samples: Int
  private let taps: UnsafeMutableBufferPointer<Int>
  private let patches: [AlignedBuffer<UInt8>]
  /// Columns of one product: a row of the image, or, when rows are short, the whole image with the
  /// columns of the border computed along and ignored.
  private let wholeImage: Bool

  /// Below this many columns a row of the image does not fill the registers of a product.
  private static let shortRow = 64

  var kernelName: String { plan.body.name }

  init(
    _ name: String, geometry g: WindowGeometry, filters: Int, samples: Int, threads: Int,
    product: WeightedProduct
  ) {
    (self.name, geometry, plan, self.samples) = (name, g, product.plan, samples)
    (reads, writes) = (product.reads, product.writes)
    let (bottom, right) = (
      max((g.outHeight - 1) * g.window.strideY + g.window.height - g.padTop - g.input.height, 0),
      max((g.outWidth - 1) * g.window.strideX + g.window.width - g.padLeft - g.input.width, 0)
    )
    let input = ActivationLayout(
      g.input, samples: samples, top: g.padTop, left: g.padLeft, bottom: bottom, right: right)
    self.input = input
    let usesTaps = plan.body.readsTaps && g.window.strideX == 1 && g.window.strideY == 1
    let shape = Shape(height: g.outHeight, width: g.outWidth, channels: filters)
    wholeImage = usesTaps && g.outWidth * samples < Self.shortRow
    output = ActivationLayout(
      shape, samples: samples, top: 0, left: 0, bottom: 0,
      right: wholeImage ? input.rowStride / samples - g.outWidth : 0)
    taps = .allocate(capacity: usesTaps ? g.window.height * g.window.width : 0)
    for i in taps.indices {
      let (ky, kx) = i.quotientAndRemainder(dividingBy: g.window.width)
      taps.initializeElement(at: i, to: ky * input.rowStride + kx * samples)
    }
    patches = (0..<(usesTaps ? 0 : threads)).map { _ in
      AlignedBuffer(count: g.patch * g.pixels * samples * product.reads.size)
    }
  }

  deinit { taps.deallocate() }

  func run(_ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, thread: Int) {
    let g = geometry
    if taps.isEmpty {
      let matrix = UnsafeMutableRawPointer(patches[thread].pointer)
      if reads.isBytes {
        copyPatches(x.assumingMemoryBound(to: UInt8.self), to: matrix)
      } else {
        copyPatches(x.assumingMemoryBound(to: Float.self), to: matrix)
      }
      let columns = g.pixels * samples
      plan.run(
        ProductCall(x: matrix, xStride: columns, y: y, yStride: columns, width: columns))
      return
    }
    let tapRows = RowTaps(offsets: taps.baseAddress!, rows: g.input.channels)
    if wholeImage {
      plan.run(
        ProductCall(
          x: x, xStride: input.channelStride, y: y, yStride: output.channelStride,
          width: (g.outHeight - 1) * input.rowStride + g.outWidth * samples, taps: tapRows))
      return
    }
    for row in 0..<g.outHeight {
      plan.run(
        ProductCall(
          x: x + row * input.rowStride * reads.size, xStride: input.channelStride,
          y: y + row * output.rowStride * writes.size, yStride: output.channelStride,
          width: g.outWidth * samples, taps: tapRows))
    }
  }

  /// P[(ky, kx, c), (y, x, s)]: runs of a row where the stride is 1, runs of a pixel elsewhere.
  private func copyPatches<Element: BitwiseCopyable>(
    _ x: UnsafePointer<Element>, to matrix: UnsafeMutableRawPointer
  ) {
    let (g, w) = (geometry, geometry.window)
    var target = matrix.assumingMemoryBound(to: Element.self)
    for ky in 0..<w.height {
      for kx in 0..<w.width {
        for c in 0..<g.input.channels {
          for oy in 0..<g.outHeight {
            let row =
              x + c * input.channelStride + (oy * w.strideY + ky) * input.rowStride
              + kx * samples
            if w.strideX == 1 {
              copy(target, row, g.outWidth * samples)
              target += g.outWidth * samples
            } else {
              for ox in 0..<g.outWidth {
                copy(target, row + ox * w.strideX * samples, samples)
                target += samples
              }
            }
          }
        }
      }
    }
  }
}
