// Y = X·Wᵀ, dX = dY·W, dW on the kept weights alone: a dense layer's products once its mask stands still.

import LacunaFormats
import LacunaOperations

/// The three products of a fully connected layer whose mask no longer changes.
final class FixedMaskProducts {
  private let products: SparseGradients<Float>
  /// The kept weights in the pattern's order.
  let kept: KeptValues
  private var values: [Float]

  /// Below this sparsity the dense products are as fast.
  private static let leastSparsity = 0.75

  /// Nil when the mask keeps so much that dense products are as fast.
  init?(_ mask: BitMask, threads: Int) {
    guard mask.sparsity >= Self.leastSparsity, mask.rows * mask.columns <= Int(Int32.max) else {
      return nil
    }
    let pattern = CSRPattern(mask)
    guard
      let products = try? SparseGradients<Float>(
        pattern, layout: .rows, width: 128, options: PlanOptions(threads: threads))
    else { return nil }
    self.products = products
    kept = KeptValues(pattern.densePositions)
    values = Array(repeating: 0, count: kept.count)
  }

  func forward(
    _ kernel: Parameter, _ bias: Parameter?, x: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>, batch: Int, _ threads: Workers
  ) {
    kept.gather(kernel.values.pointer, into: &values)
    // The counts are those of the pattern.
    try! products.update(values: values, bias: bias.map { Array($0.values.elements) })
    products.product(x, stride: kernel.columns, into: y, stride: kernel.rows, width: batch)
  }

  func backward(
    _ kernel: Parameter, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>?, batch: Int, _ threads: Workers
  ) {
    if let dx {
      products.inputGradient(
        dy, stride: kernel.rows, into: dx, stride: kernel.columns, width: batch)
    }
    products.weightGradient(
      x: x, stride: kernel.columns, outputGradient: dy, stride: kernel.rows, width: batch,
      into: kept.gradient.pointer)
  }
}
