// y ← bound(y + bias + residual) on a rectangle of a result: the plain loop of convolutions.

import LacunaFormats

/// A rectangle of a result that is finished in place. Strides in elements.
struct FinishCall {
  var y: UnsafeMutableRawPointer
  var residual: UnsafeRawPointer?
  var bias: UnsafeRawPointer?
  /// One bias for each row instead of each column.
  var biasOfRows: Bool
  var rows: Int, columns: Int, stride: Int
  var lower: Double, upper: Double
}

/// The loops for one element type.
struct ImageLoops: Sendable {
  /// Adds bias and residual, and bounds.
  let finish: @Sendable (FinishCall) -> Void

  init(_ dtype: DType) {
    switch dtype {
    case .f32:
      finish = { finishRectangle($0, Float.self) }
    case .f64:
      finish = { finishRectangle($0, Double.self) }
    }
  }
}

@inline(__always)
private func finishRectangle<T: SparseScalar>(_ call: FinishCall, _: T.Type) {
  let (lower, upper) = (T(call.lower), T(call.upper))
  let bias = call.bias?.assumingMemoryBound(to: T.self)
  for row in 0..<call.rows {
    let y = call.y.assumingMemoryBound(to: T.self) + row * call.stride
    let residual = call.residual.map { $0.assumingMemoryBound(to: T.self) + row * call.stride }
    if let bias {
      if call.biasOfRows {
        let value = bias[row]
        for i in 0..<call.columns { y[i] += value }
      } else {
        for i in 0..<call.columns { y[i] += bias[i] }
      }
    }
    if let residual { for i in 0..<call.columns { y[i] += residual[i] } }
    for i in 0..<call.columns {
      // As the kernels' `bounded`: NaN passes.
      let raised = lower > y[i] ? lower : y[i]
      y[i] = upper < raised ? upper : raised
    }
  }
}
