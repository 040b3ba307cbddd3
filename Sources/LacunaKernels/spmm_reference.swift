// Y[i, c] ← bound(start[i] + Σ_s w[s]·X[index[s], c]): the plain twins of the strip and panel kernels.

import CSIMD

@inline(__always)
private func multiply<Scalar: BinaryFloatingPoint, W: SingleWeight>(
  _ pointer: UnsafePointer<lcn_spmm_args>, _: Scalar.Type, _: W.Type
) where W.Value == Scalar {
  let a = pointer.pointee
  let strip = Int(a.strip)
  let width = Int(a.vectors) &* MemoryLayout<VectorF32>.size / MemoryLayout<Scalar>.size
  let (lower, upper) = (Scalar(a.lower), Scalar(a.upper))
  let weights = a.weights.assumingMemoryBound(to: W.Stored.self)
  let bias = a.bias.assumingMemoryBound(to: Scalar.self)
  var (step, number) = (0, 0)
  for g in 0..<Int(a.groupCount) {
    let steps = Int(a.groups[2 * g])
    for _ in 0..<Int(a.groups[2 * g + 1]) {
      for r in 0..<strip {
        let row = Int(a.rows[number]) + r
        let partial = (a.partial + row * Int(a.partialStride)).assumingMemoryBound(to: Scalar.self)
        let y = (a.y + row * Int(a.yStride)).assumingMemoryBound(to: Scalar.self)
        for c in 0..<(a.finishes != 0 ? Int(a.columns) : width) {
          var sum = a.startsFromBias != 0 ? bias[row] : partial[c]
          for s in step..<(step + steps) {
            let x = (a.x + Int(a.indices[s]) * Int(a.xStride)).assumingMemoryBound(to: Scalar.self)
            sum += W.value(weights[s * strip + r]) * x[c]
          }
          if a.finishes != 0 {
            if let residual = a.residual {
              sum +=
                (residual + row * Int(a.yStride)).assumingMemoryBound(to: Scalar.self)[c]
            }
            y[c] = bounded(sum, lower, upper)
          } else {
            partial[c] = sum
          }
        }
      }
      step += (steps + 3) & ~3
      number += 1
    }
  }
}

func spmmReferenceF32(_ a: UnsafePointer<lcn_spmm_args>) {
  multiply(a, Float.self, SingleF32.self)
}
func spmmReferenceF64(_ a: UnsafePointer<lcn_spmm_args>) {
  multiply(a, Double.self, SingleF64.self)
}
func spmmReferenceBF16(_ a: UnsafePointer<lcn_spmm_args>) {
  multiply(a, Float.self, WeightBF16.self)
}
func spmmReferenceF16(_ a: UnsafePointer<lcn_spmm_args>) {
  multiply(a, Float.self, WeightF16.self)
}

@inline(__always)
private func copy<Scalar: BinaryFloatingPoint>(
  _ a: UnsafePointer<lcn_pack_args>, transposed: Bool, _: Scalar.Type
) {
  let a = a.pointee
  let source = a.source.assumingMemoryBound(to: Scalar.self)
  let target = a.target.assumingMemoryBound(to: Scalar.self)
  for j in 0..<Int(a.rows) {
    for c in 0..<Int(a.paddedColumns) {
      let from = transposed ? c * Int(a.sourceStride) + j : j * Int(a.sourceStride) + c
      target[j * Int(a.targetStride) + c] = c < Int(a.columns) ? source[from] : 0
    }
  }
}

func packRowsReferenceF32(_ a: UnsafePointer<lcn_pack_args>) {
  copy(a, transposed: false, Float.self)
}
func packRowsReferenceF64(_ a: UnsafePointer<lcn_pack_args>) {
  copy(a, transposed: false, Double.self)
}
func packTransposedReferenceF32(_ a: UnsafePointer<lcn_pack_args>) {
  copy(a, transposed: true, Float.self)
}
func packTransposedReferenceF64(_ a: UnsafePointer<lcn_pack_args>) {
  copy(a, transposed: true, Double.self)
}
