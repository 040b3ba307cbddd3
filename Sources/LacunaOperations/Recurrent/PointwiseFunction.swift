// tanh and the logistic function of arrays, by the kernels of recurrent cells.

import CSIMD

/// A function of single elements. The same bits on every instruction set.
public enum PointwiseFunction: String, Hashable, Sendable, CaseIterable {
  /// tanh(x) within 3 ulp; NaN stays NaN, and a zero keeps its sign.
  case tanh
  /// 1 / (1 + e⁻ˣ) within 3 ulp for x ≥ −87, and 0 for less; NaN stays NaN.
  case sigmoid

  /// The function of each element, as a new array.
  public func callAsFunction(_ x: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: x.count) { y, count in
      x.withUnsafeBufferPointer { x in
        if let from = x.baseAddress { apply(from, into: y.baseAddress!, count: x.count) }
      }
      count = x.count
    }
  }

  /// y ← f(x) for `count` elements; `y` may be `x`. Allocates nothing. Not checked: anything.
  public func apply(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
    var arguments = lcn_pointwise_args(x: x, y: y, count: Int64(count))
    KernelTable.selected.kernel(.pointwise, variant: rawValue, dtype: .f32)!.call(&arguments)
  }
}
