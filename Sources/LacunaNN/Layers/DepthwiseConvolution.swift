// Y[(y, x), c] = Σ X[(y·s + ky, x·s + kx), c] · W[c, (ky, kx)] + b[c]: each channel with a kernel of its own.

import LacunaFormats

/// A depthwise convolution over NHWC images with a kernel `[channels, kH, kW, 1]` and a bias.
///
/// The loops run over the channels of a pixel, for which the kernel is turned to `[kH, kW, channels]` first.
final class DepthwiseConvolution: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let kernel: Parameter
  let bias: Parameter
  var parameters: [Parameter] { [kernel, bias] }

  private let geometry: WindowGeometry
  private var taps: Int { geometry.window.height * geometry.window.width }
  private var channels: Int { inputShape.channels }
  /// By worker: the turned kernel.
  private var turned: [AlignedBuffer<Float>] = []
  /// By slice: gradients of the turned kernel and of the bias.
  private var partials = AlignedBuffer<Float>(count: 0)
  private var partialStride: Int { (taps + 1) * channels }

  init(_ name: String, input: Shape, window: Window2D, random: inout RandomStream) {
    (self.name, inputShape) = (name, input)
    geometry = WindowGeometry(window, over: input)
    outputShape = Shape(
      height: geometry.outHeight, width: geometry.outWidth, channels: input.channels)
    kernel = Parameter(
      "\(name)/kernel", .kernel, [input.channels, window.height, window.width, 1])
    bias = Parameter("\(name)/bias", .bias, [input.channels])
    let taps = window.height * window.width
    kernel.initializeUniform(fanIn: taps, fanOut: taps, from: &random)
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    turned = (0..<workers).map { _ in AlignedBuffer(count: taps * channels) }
    partials = AlignedBuffer(count: slices * partialStride)
  }

  func forward(_ a: Activations, _ pass: Pass) {
    let (w, c) = (turnedKernel(pass), channels)
    for s in pass.samples {
      let (x, y) = (a.x + s * inputShape.count, a.y + s * outputShape.count)
      for pixel in 0..<geometry.pixels { copy(y + pixel * c, bias.values.pointer, c) }
      forEachTap { pixel, place, tap in
        let (from, to, w) = (x + place * c, y + pixel * c, w + tap * c)
        for j in 0..<c { to[j] += from[j] * w[j] }
      }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    let (w, c) = (turnedKernel(pass), channels)
    let dw = partials.pointer + pass.slice * partialStride
    let db = dw + taps * c
    if pass.opensSlice { zero(dw, partialStride) }
    for s in pass.samples {
      let (x, dy) = (a.x + s * inputShape.count, a.dy + s * outputShape.count)
      accumulateRows(db, dy, rows: geometry.pixels, c, stride: c)
      forEachTap { pixel, place, tap in
        let (from, g, dw) = (x + place * c, dy + pixel * c, dw + tap * c)
        for j in 0..<c { dw[j] += from[j] * g[j] }
      }
      guard let dx = a.dx.map({ $0 + s * inputShape.count }) else { continue }
      zero(dx, inputShape.count)
      forEachTap { pixel, place, tap in
        let (to, g, w) = (dx + place * c, dy + pixel * c, w + tap * c)
        for j in 0..<c { to[j] += g[j] * w[j] }
      }
    }
  }

  func finishBackward(slices: Int, _ threads: Workers) {
    let (c, taps) = (channels, taps)
    let sum = partials.pointer
    for s in 1..<max(slices, 1) { accumulate(sum, sum + s * partialStride, partialStride) }
    for j in 0..<c {
      for tap in 0..<taps { kernel.gradient.pointer[j * taps + tap] = sum[tap * c + j] }
    }
    copy(bias.gradient.pointer, sum + taps * c, c)
  }

  private func turnedKernel(_ pass: Pass) -> UnsafeMutablePointer<Float> {
    let (c, taps) = (channels, taps)
    let (from, to) = (kernel.values.pointer, turned[pass.worker].pointer)
    for j in 0..<c { for tap in 0..<taps { to[tap * c + j] = from[j * taps + tap] } }
    return to
  }

  /// Calls `body` with the number of an output pixel, of an input pixel under its window, and of the tap between them.
  @inline(__always)
  private func forEachTap(_ body: (Int, Int, Int) -> Void) {
    let g = geometry
    for oy in 0..<g.outHeight {
      let top = oy * g.window.strideY - g.padTop
      for ox in 0..<g.outWidth {
        let left = ox * g.window.strideX - g.padLeft
        for iy in max(top, 0)..<min(top + g.window.height, g.input.height) {
          for ix in max(left, 0)..<min(left + g.window.width, g.input.width) {
            body(
              oy * g.outWidth + ox, iy * g.input.width + ix,
              (iy - top) * g.window.width + ix - left)
          }
        }
      }
    }
  }
}
