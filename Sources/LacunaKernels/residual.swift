// y ← bound(y + r) on a rectangle: a residual that is added to results, and their clamp.
//
// It follows each panel that a convolution has written, which is in the cache then. In the plain loops of the library, which
// are compiled for any processor, it took a tenth of the time of a network with as many sums as convolutions.

import CSIMD

@inline(__always)
private func addResidual<V: KernelVector>(_ pointer: UnsafePointer<lcn_residual_args>, _: V.Type) {
  let a = pointer.pointee
  var (rows, columns) = (Int(a.rows), Int(a.columns))
  if a.stride == a.columns { (rows, columns) = (1, rows &* columns) }
  let (full, tail) = (columns / V.count, columns % V.count)
  let size = MemoryLayout<V.Scalar>.size
  let (lower, upper) = (V(repeatingBound: a.lower), V(repeatingBound: a.upper))
  let one = V(repeatingBound: 1)
  for row in 0..<rows {
    let place = row &* Int(a.stride) &* size
    let (r, y) = (a.residual + place, a.y + place)
    for t in 0..<full {
      V.load(y, t).adding(V.load(r, t), times: one).bounded(lower, upper).store(y, t)
    }
    if tail > 0 {
      let done = full &* V.count &* size
      V.loadFirst(tail, y + done).adding(V.loadFirst(tail, r + done), times: one)
        .bounded(lower, upper).storeFirst(tail, y + done)
    }
  }
}

func residualF32(_ a: UnsafePointer<lcn_residual_args>) { addResidual(a, VectorF32.self) }
func residualF64(_ a: UnsafePointer<lcn_residual_args>) { addResidual(a, VectorF64.self) }
