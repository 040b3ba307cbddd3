// y ← bound(y + bias + residual) on a rectangle of a result, and strided copies: the plain loops of convolutions.

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
  /// target[i] ← source[i · step] for `count` elements.
  let gather:
    @Sendable (UnsafeMutableRawPointer, UnsafeRawPointer, _ step: Int, _ count: Int) -> Void

  init(_ dtype: DType) {
    switch dtype {
    case .f32:
      finish = { finishRectangle($0, Float.self) }
      gather = { gatherElements($0, $1, $2, $3, UInt32.self) }
    case .f64:
      finish = { finishRectangle($0, Double.self) }
      gather = { gatherElements($0, $1, $2, $3, UInt64.self) }
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

@inline(__always)
private func gatherElements<T: FixedWidthInteger & SIMDScalar>(
  _ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ step: Int, _ count: Int,
  _: T.Type
) {
  let to = target.assumingMemoryBound(to: T.self)
  let from = source.assumingMemoryBound(to: T.self)
  if step == 2 {
    // Four at a time from eight, the last of which is not there behind the last four.
    var i = 0
    while i &+ 5 <= count {
      let eight = UnsafeRawPointer(from + 2 &* i).loadUnaligned(as: SIMD8<T>.self)
      UnsafeMutableRawPointer(to + i).storeBytes(of: eight.evenHalf, as: SIMD4<T>.self)
      i &+= 4
    }
    while i < count {
      to[i] = from[2 &* i]
      i &+= 1
    }
  } else {
    for i in 0..<count { to[i] = from[i &* step] }
  }
}
