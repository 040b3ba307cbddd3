// y ← f(y) on a rectangle: the activations that are no clamp, after a product has written its results.
//
//     hard-swish   x · min(max(x·(1/6) + ½, 0), 1), each operation rounded, as ONNX's operator is written out
//     SiLU         x · 1 / (1 + e⁻ˣ)
//
// No operation is fused with another and each element is by itself: the bits are those of every instruction set, width
// and layout. A product's kernels write their sums with the bias and no bounds, and this runs over each panel that they
// leave in the cache. The function inside of the kernels would save a load and a store of about thirty operations, and
// have a copy in each of their two hundred instances.

import CSIMD

/// What an activation needs of a register.
protocol ActivatedVector: KernelVector {
  /// x · min(max(x·(1/6) + ½, 0), 1). NaN stays NaN, and −∞, as written, becomes one.
  func hardSwish() -> Self
  /// x / (1 + e⁻ˣ). NaN stays NaN, and −∞ becomes one.
  func siLU() -> Self
}

extension VectorF32: ActivatedVector {
  @inline(__always) func hardSwish() -> VectorF32 {
    let gate = VectorF32(lanes * (1 / 6 as Float) + 0.5)
    return VectorF32(lanes * gate.bounded(.zero, VectorF32(repeating: 1)).lanes)
  }

  /// Within 4 ulp from x = −87 on, −0 below.
  @inline(__always) func siLU() -> VectorF32 { VectorF32(lanes * logistic().lanes) }
}

extension VectorF64: ActivatedVector {
  @inline(__always) func hardSwish() -> VectorF64 {
    let gate = VectorF64(lanes * (1 / 6 as Double) + 0.5)
    return VectorF64(lanes * gate.bounded(.zero, VectorF64(repeating: 1)).lanes)
  }

  /// Within 4 ulp from x = −708 on, −0 below.
  @inline(__always) func siLU() -> VectorF64 { VectorF64(lanes * logistic().lanes) }
}

@inline(__always)
private func activate<V: ActivatedVector>(
  _ pointer: UnsafePointer<lcn_activation_args>, _ f: (V) -> V
) {
  let a = pointer.pointee
  var (rows, columns) = (Int(a.rows), Int(a.columns))
  if a.stride == a.columns { (rows, columns) = (1, rows &* columns) }
  let (full, tail) = (columns / V.count, columns % V.count)
  let size = MemoryLayout<V.Scalar>.size
  for row in 0..<rows {
    let place = row &* Int(a.stride) &* size
    let (x, y) = (a.x + place, a.y + place)
    for t in 0..<full { f(V.load(x, t)).store(y, t) }
    if tail > 0 {
      let done = full &* V.count &* size
      f(V.loadFirst(tail, x + done)).storeFirst(tail, y + done)
    }
  }
}

func hardSwishF32(_ a: UnsafePointer<lcn_activation_args>) {
  activate(a) { (x: VectorF32) in x.hardSwish() }
}
func hardSwishF64(_ a: UnsafePointer<lcn_activation_args>) {
  activate(a) { (x: VectorF64) in x.hardSwish() }
}
func siLUF32(_ a: UnsafePointer<lcn_activation_args>) {
  activate(a) { (x: VectorF32) in x.siLU() }
}
func siLUF64(_ a: UnsafePointer<lcn_activation_args>) {
  activate(a) { (x: VectorF64) in x.siLU() }
}
