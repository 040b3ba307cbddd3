// Y[i, c] ← bound((Σ_s Σ_j w[s][j]·X[index[s]][j, c] − rowSum·zero)·(rowScale·scale) + bias): the plain twin.

import CSIMD

/// Strips of quads, lane by lane and byte by byte.
func spmmReferenceI8(_ pointer: UnsafePointer<lcn_spmm_args>) {
  let a = pointer.pointee
  let strip = Int(a.strip)
  let width = Int(a.vectors) &* VectorI8.count
  let (lower, upper) = (Float(a.lower), Float(a.upper))
  let weights = a.weights.assumingMemoryBound(to: Int8.self)
  let bias = a.bias.assumingMemoryBound(to: Float.self)
  var (step, number) = (0, 0)
  for g in 0..<Int(a.groupCount) {
    let steps = Int(a.groups[2 &* g])
    for _ in 0..<Int(a.groups[2 &* g &+ 1]) {
      for r in 0..<strip {
        let row = Int(a.rows[number]) &+ r
        let partial = (a.partial + row &* Int(a.partialStride)).assumingMemoryBound(to: Int32.self)
        let y = (a.y + row &* Int(a.yStride)).assumingMemoryBound(to: Float.self)
        for c in 0..<(a.finishes != 0 ? Int(a.columns) : width) {
          var sum = a.startsFromBias != 0 ? 0 : partial[c]
          for s in step..<(step &+ steps) {
            let x = (a.x + Int(a.indices[s]) &* Int(a.xStride)).assumingMemoryBound(to: UInt8.self)
            for j in 0..<4 {
              sum &+= Int32(weights[4 &* (s &* strip &+ r) &+ j]) &* Int32(x[4 &* c &+ j])
            }
          }
          if a.finishes != 0 {
            let exact = sum &- a.quads.rowSums![row] &* a.quads.zeros![c]
            let scale = a.quads.rowScales![row] * a.quads.scales![c]
            let scaled = Float(exact) * scale
            y[c] = bounded(scaled + bias[row], lower, upper)
          } else {
            partial[c] = sum
          }
        }
      }
      step &+= (steps &+ 3) & ~3
      number &+= 1
    }
  }
}
