// The plain twin of the sampled product: one entry, one column at a time.

import CSIMD

func sddmmReferenceF32(_ a: UnsafePointer<lcn_sddmm_args>) {
  let a = a.pointee
  let values = a.values.assumingMemoryBound(to: Float.self)
  let columns = Int(a.vectors) * VectorF32.count
  for i in 0..<Int(a.rows) {
    let g = (a.g + i * Int(a.gStride)).assumingMemoryBound(to: Float.self)
    for p in Int(a.starts[i * Int(a.splits)])..<Int(a.starts[i * Int(a.splits) + 1]) {
      let j = index(a.indices, p, wide: a.indexBytes == 4)
      let x = (a.x + j * Int(a.xStride)).assumingMemoryBound(to: Float.self)
      var sum: Float = a.adds != 0 ? values[p] : 0
      for c in 0..<columns { sum += g[c] * x[c] }
      values[p] = sum
    }
  }
}

func sddmmReferenceF64(_ a: UnsafePointer<lcn_sddmm_args>) {
  let a = a.pointee
  let values = a.values.assumingMemoryBound(to: Double.self)
  let columns = Int(a.vectors) * VectorF64.count
  for i in 0..<Int(a.rows) {
    let g = (a.g + i * Int(a.gStride)).assumingMemoryBound(to: Double.self)
    for p in Int(a.starts[i * Int(a.splits)])..<Int(a.starts[i * Int(a.splits) + 1]) {
      let j = index(a.indices, p, wide: a.indexBytes == 4)
      let x = (a.x + j * Int(a.xStride)).assumingMemoryBound(to: Double.self)
      var sum: Double = a.adds != 0 ? values[p] : 0
      for c in 0..<columns { sum += g[c] * x[c] }
      values[p] = sum
    }
  }
}
