// Y[(y, x), o] = act(Σ P[(y, x), (ky, kx, c)] · W[o, (ky, kx, c)] + b[o]): a convolution as im2col
// and a product.

import LacunaFormats
import LacunaOperations

/// A 2-D convolution over NHWC images with a kernel `[outC, kH·kW·inC]`, a bias and an optional
/// ReLU.
final class Convolution: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let geometry: WindowGeometry
  let relu: Bool
  /// Set when the next layer already zeroes the gradient where the ReLU is not positive.
  var gradientIsMasked = false
  let kernel: Parameter
  let bias: Parameter?
  var parameters: [Parameter] { [kernel] + (bias.map { [$0] } ?? []) }

  /// Patches stay in the second-level cache: measured best at about 600 KB.
  private static let patchBudget = 160_000
  /// Samples whose patches are multiplied at once.
  let samplesPerProduct: Int
  private var scratch: [AlignedBuffer<Float>] = []
  private var partials = AlignedBuffer<Float>(count: 0)
  /// The products at a mask that no longer changes.
  private var fixed: FixedMaskConvolution?
  private var filters: Int { outputShape.channels }
  private var partialStride: Int { kernel.count + filters }

  init(
    _ name: String, input: Shape, filters: Int, window: Window2D, relu: Bool, useBias: Bool,
    random: inout RandomStream
  ) {
    let g = WindowGeometry(window, over: input)
    (self.name, inputShape, geometry, self.relu) = (name, input, g, relu)
    outputShape = Shape(height: g.outHeight, width: g.outWidth, channels: filters)
    kernel = Parameter(
      "\(name)/kernel", .kernel, [filters, window.height, window.width, input.channels])
    bias = useBias ? Parameter("\(name)/bias", .bias, [filters]) : nil
    kernel.initializeUniform(
      fanIn: g.patch, fanOut: window.height * window.width * filters, from: &random)
    samplesPerProduct = max(1, Self.patchBudget / max(1, g.pixels * g.patch))
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    let group = min(samplesPerProduct, batch)
    scratch = (0..<workers).map { _ in
      AlignedBuffer(count: group * geometry.pixels * geometry.patch + overrun)
    }
    partials = AlignedBuffer(count: slices * partialStride)
  }

  func fixMasks(_ masks: [String: BitMask], threads: Int) {
    fixed = masks[kernel.name].flatMap {
      FixedMaskConvolution(
        $0, geometry, relu: relu, threads: threads)
    }
    kernel.kept = fixed?.kept
  }

  func willForward() { fixed?.take(kernel, bias) }

  func forward(_ a: Activations, _ pass: Pass) {
    if let fixed, pass.isTraining {
      let first = pass.samples.lowerBound
      fixed.forward(
        x: a.x + first * inputShape.count, y: a.y + first * outputShape.count,
        samples: pass.samples.count, worker: pass.worker)
      return
    }
    let patches = scratch[pass.worker].pointer
    let (pixels, patch) = (geometry.pixels, geometry.patch)
    var s = pass.samples.lowerBound
    while s < pass.samples.upperBound {
      let group = min(samplesPerProduct, pass.samples.upperBound - s)
      for i in 0..<group {
        im2col(geometry, a.x + (s + i) * inputShape.count, into: patches + i * pixels * patch)
      }
      let y = a.y + s * outputShape.count
      BLAS.gemm(
        m: group * pixels, n: filters, k: patch, a: patches, lda: patch,
        b: kernel.values.pointer, ldb: patch, transposeB: true, c: y, ldc: filters)
      if let bias {
        addBias(
          y, bias.values.pointer, rows: group * pixels, filters, relu: relu, stride: filters)
      } else if relu {
        rectify(y, group * outputShape.count)
      }
      s += group
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    let patches = scratch[pass.worker].pointer
    let (pixels, patch) = (geometry.pixels, geometry.patch)
    let dw = partials.pointer + pass.slice * partialStride
    let db = dw + kernel.count
    if pass.opensSlice { zero(dw, partialStride) }
    if let fixed { return fixedBackward(fixed, a, pass, dw: dw, db: db) }
    var s = pass.samples.lowerBound
    while s < pass.samples.upperBound {
      let group = min(samplesPerProduct, pass.samples.upperBound - s)
      let dy = a.dy + s * outputShape.count
      if relu && !gradientIsMasked {
        maskByPositive(dy, a.y + s * outputShape.count, group * outputShape.count)
      }
      accumulateRows(db, dy, rows: group * pixels, filters, stride: filters)
      for i in 0..<group {
        im2col(geometry, a.x + (s + i) * inputShape.count, into: patches + i * pixels * patch)
      }
      BLAS.gemm(
        m: filters, n: patch, k: group * pixels, a: dy, lda: filters, transposeA: true,
        b: patches, ldb: patch, beta: 1, c: dw, ldc: patch)
      if let dx = a.dx {
        // The patches have been used: their memory takes the gradient of the patches.
        BLAS.gemm(
          m: group * pixels, n: patch, k: filters, a: dy, lda: filters,
          b: kernel.values.pointer, ldb: patch, c: patches, ldc: patch)
        for i in 0..<group {
          let image = dx + (s + i) * inputShape.count
          zero(image, inputShape.count)
          col2im(geometry, patches + i * pixels * patch, addingTo: image)
        }
      }
      s += group
    }
  }

  /// As ``backward(_:_:)`` on the kept weights alone: `dw` is in their order.
  private func fixedBackward(
    _ fixed: FixedMaskConvolution, _ a: Activations, _ pass: Pass, dw: UnsafeMutablePointer<Float>,
    db: UnsafeMutablePointer<Float>
  ) {
    let (first, count) = (pass.samples.lowerBound, pass.samples.count)
    let dy = a.dy + first * outputShape.count
    if relu && !gradientIsMasked {
      maskByPositive(dy, a.y + first * outputShape.count, count * outputShape.count)
    }
    accumulateRows(db, dy, rows: count * geometry.pixels, filters, stride: filters)
    fixed.backward(
      x: a.x + first * inputShape.count, dy: dy, dx: a.dx.map { $0 + first * inputShape.count },
      dw: dw, samples: count, worker: pass.worker)
  }

  func finishBackward(slices: Int, _ threads: Workers) {
    if let fixed {
      fixed.finish(partials.pointer, stride: partialStride, slices: slices, threads)
    } else {
      sumPartials(
        partials.pointer, stride: partialStride, slices: slices, into: kernel.gradient.pointer,
        count: kernel.count, threads)
    }
    if let bias {
      sumPartials(
        partials.pointer + kernel.count, stride: partialStride, slices: slices,
        into: bias.gradient.pointer, count: filters, threads)
    }
  }
}
