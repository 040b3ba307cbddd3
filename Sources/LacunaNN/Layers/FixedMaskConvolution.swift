// Y = act(W ∗ X + b), dX, and dW on the kept weights alone: a convolution's products once its mask stands still.

import LacunaFormats
import LacunaOperations

/// The three products of a convolution whose mask no longer changes, without patches.
///
/// Workers call it at the same time, each with scratch memory of its own.
final class FixedMaskConvolution {
  private let products: ConvolutionGradients<Float>
  /// The kept weights in the pattern's order.
  let kept: KeptValues
  private var values: [Float]
  private var scratch: [AlignedBuffer<UInt8>]

  /// Below this sparsity dense products on patches are as fast.
  private static let leastSparsity = 0.75

  /// Nil when the mask keeps so much that dense products are as fast, for strides, whose gradients need patches, and
  /// where there is no memory for more than the dense products.
  init?(
    _ mask: BitMask, _ geometry: WindowGeometry, relu: Bool, threads: Int
  ) {
    let (window, input) = (geometry.window, geometry.input)
    guard mask.sparsity >= Self.leastSparsity, mask.rows * mask.columns <= Int(Int32.max),
      window.strideY == 1, window.strideX == 1,
      let shape = try? ConvolutionShape(
        channels: input.channels, image: (input.height, input.width), filters: mask.rows,
        kernel: (window.height, window.width), stride: (window.strideY, window.strideX),
        padding: geometry.padding)
    else { return nil }
    let pattern = CSRPattern(mask)
    guard
      let products = try? ConvolutionGradients<Float>(
        pattern, order: .channelsLast, shape: shape, layout: .nhwc,
        activation: relu ? .relu : .none)
    else { return nil }
    self.products = products
    kept = KeptValues(pattern.densePositions)
    values = Array(repeating: 0, count: pattern.nnz)
    scratch = (0..<threads).map { _ in AlignedBuffer(count: products.workspaceBytes) }
  }

  /// Takes the weights of the coming step.
  func take(_ kernel: Parameter, _ bias: Parameter?) {
    kept.gather(kernel.values.pointer, into: &values)
    // The counts are those of the pattern.
    try! products.update(values: values, bias: bias.map { Array($0.values.elements) })
  }

  private func workspace(_ worker: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(scratch[worker].pointer)
  }

  func forward(
    x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, samples: Int, worker: Int
  ) {
    products.product(x, into: y, images: samples, workspace: workspace(worker))
  }

  /// - Parameter dw: one number for each kept weight, added to.
  func backward(
    x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>?,
    dw: UnsafeMutablePointer<Float>, samples: Int, worker: Int
  ) {
    products.weightGradient(
      x: x, outputGradient: dy, images: samples, addingTo: dw, workspace: workspace(worker))
    if let dx {
      products.inputGradient(dy, into: dx, images: samples, workspace: workspace(worker))
    }
  }

  /// Sums of `slices` partial gradients.
  func finish(
    _ partials: UnsafeMutablePointer<Float>, stride: Int, slices: Int, _ threads: Workers
  ) {
    sumPartials(
      partials, stride: stride, slices: slices, into: kept.gradient.pointer, count: kept.count,
      threads)
  }
}

extension CSRPattern {
  /// Row-major index of each entry in a dense matrix of the pattern's shape. Not checked: that they fit 32 bits.
  var densePositions: [Int32] {
    var positions: [Int32] = []
    positions.reserveCapacity(nnz)
    for row in 0..<rows {
      for p in rowOffsets[row]..<rowOffsets[row + 1] {
        positions.append(Int32(row * columns + columnIndices[p]))
      }
    }
    return positions
  }
}

extension WindowGeometry {
  /// Zeros around the image, as far as windows reach.
  fileprivate var padding: (top: Int, left: Int, bottom: Int, right: Int) {
    (
      padTop, padLeft,
      max(0, (outHeight - 1) * window.strideY + window.height - padTop - input.height),
      max(0, (outWidth - 1) * window.strideX + window.width - padLeft - input.width)
    )
  }
}
