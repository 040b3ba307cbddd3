// Y = X·Wᵀ, dX = dY·W, dW on the kept weights alone: a dense layer's products once its mask stands still.

import LacunaFormats
import LacunaOperations

/// The three products of a fully connected layer whose mask no longer changes.
final class FixedMaskProducts {
  private let products: SparseGradients<Float>
  /// Index of each kept weight in the dense kernel, in the pattern's order.
  let positions: [Int32]
  private var values: [Float]
  private let gradient: AlignedBuffer<Float>

  /// Below this sparsity the dense products are as fast.
  private static let leastSparsity = 0.75

  /// Nil when the mask keeps so much that dense products are as fast.
  init?(_ mask: BitMask, gradient dense: AlignedBuffer<Float>, threads: Int) {
    guard mask.sparsity >= Self.leastSparsity, mask.rows * mask.columns <= Int(Int32.max) else {
      return nil
    }
    let pattern = CSRPattern(mask)
    guard
      let products = try? SparseGradients<Float>(
        pattern, layout: .rows, width: 128, options: PlanOptions(threads: threads))
    else { return nil }
    self.products = products
    positions = pattern.densePositions
    values = Array(repeating: 0, count: positions.count)
    gradient = AlignedBuffer(count: positions.count)
    // From now on only kept weights get a gradient.
    dense.elements.update(repeating: 0)
  }

  func forward(
    _ kernel: Parameter, _ bias: Parameter?, x: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>, batch: Int, _ threads: Workers
  ) {
    let weights = kernel.values.pointer
    values.withUnsafeMutableBufferPointer { values in
      let target = values.baseAddress!
      positions.withUnsafeBufferPointer { positions in
        for p in 0..<positions.count { target[p] = weights[Int(positions[p])] }
      }
    }
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
      into: gradient.pointer)
    let (source, target) = (gradient.pointer, kernel.gradient.pointer)
    positions.withUnsafeBufferPointer { positions in
      for p in 0..<positions.count { target[Int(positions[p])] = source[p] }
    }
  }
}
