// y[i] ← tanh(x[i]), or 1 / (1 + exp(−x[i])).

import CSIMD

/// Hyperbolic tangents, within 3 ulp.
func tanhF32(_ pointer: UnsafePointer<lcn_pointwise_args>) {
  let a = pointer.pointee
  var i = 0
  while i < Int(a.count) {
    let left = Int(a.count) &- i
    let count = left < VectorF32.count ? left : VectorF32.count
    lanes(a.x + i, count).hyperbolicTangent().write(a.y + i, count)
    i &+= VectorF32.count
  }
}

/// Logistic functions, within 3 ulp from −87 on.
func sigmoidF32(_ pointer: UnsafePointer<lcn_pointwise_args>) {
  let a = pointer.pointee
  var i = 0
  while i < Int(a.count) {
    let left = Int(a.count) &- i
    let count = left < VectorF32.count ? left : VectorF32.count
    lanes(a.x + i, count).logistic().write(a.y + i, count)
    i &+= VectorF32.count
  }
}
