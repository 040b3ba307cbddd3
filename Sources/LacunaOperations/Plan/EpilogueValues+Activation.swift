// y ← f(y) after a product's kernel: activations that are no clamp, while the results are in the cache.

import CSIMD
import LacunaFormats

/// Results that are gathered from rows in any order, at most.
private let gathered = 64

extension EpilogueValues {
  /// A rectangle of results that a kernel left without bounds; does nothing where kernels clamp. `stride` in elements.
  @inline(__always)
  package func activate(_ y: UnsafeMutableRawPointer, rows: Int, columns: Int, stride: Int) {
    guard let function else { return }
    var arguments = lcn_activation_args(
      x: y, y: y, rows: Int64(rows), columns: Int64(columns), stride: Int64(stride))
    function.call(&arguments)
  }

  /// The same for output rows of some right-hand sides, in the layout of their product.
  func activate(
    _ call: ProductCall, _ layout: ProductLayout, rows: Range<Int>, sides: Range<Int>
  ) {
    if function == nil { return }
    let (across, along) = layout == .columns ? (rows, sides) : (sides, rows)
    let first = across.lowerBound * call.yStride + along.lowerBound
    activate(
      call.y + first * dtype.size, rows: across.count, columns: along.count, stride: call.yStride)
  }

  /// The same for all right-hand sides of output rows in any order; `UInt32.max` is none. Allocates nothing.
  func activate(_ call: ProductCall, _ layout: ProductLayout, rows: UnsafeBufferPointer<UInt32>) {
    if function == nil { return }
    switch dtype {
    case .f32: activate(call, layout, rows, as: UInt32.self)
    case .f64: activate(call, layout, rows, as: UInt64.self)
    }
  }

  private func activate<Bits: FixedWidthInteger>(
    _ call: ProductCall, _ layout: ProductLayout, _ rows: UnsafeBufferPointer<UInt32>,
    as _: Bits.Type
  ) {
    let (rowStep, sideStep) = layout == .columns ? (call.yStride, 1) : (1, call.yStride)
    withUnsafeTemporaryAllocation(of: Bits.self, capacity: gathered) { copy in
      for side in 0..<call.width {
        let y = call.y.assumingMemoryBound(to: Bits.self) + side * sideStep
        for first in stride(from: 0, to: rows.count, by: gathered) {
          let some = first..<min(first + gathered, rows.count)
          var count = 0
          for i in some where rows[i] != .max {
            copy[count] = y[Int(rows[i]) * rowStep]
            count += 1
          }
          activate(
            UnsafeMutableRawPointer(copy.baseAddress!), rows: 1, columns: count, stride: count)
          count = 0
          for i in some where rows[i] != .max {
            y[Int(rows[i]) * rowStep] = copy[count]
            count += 1
          }
        }
      }
    }
  }
}

extension Activation {
  /// y ← f(x) for `count` numbers where the activation is no clamp: what products do to their results. `y` may be `x`.
  package func apply(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
  ) {
    var arguments = lcn_activation_args(
      x: x, y: y, rows: 1, columns: Int64(count), stride: Int64(count))
    KernelTable.selected.kernel(.activation, variant: kernelVariant!, dtype: .f32)!
      .call(&arguments)
  }
}
