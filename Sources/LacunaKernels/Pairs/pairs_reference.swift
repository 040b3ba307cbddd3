// Y[i, c] ← bound(start[i] + Σ_s Σ_j w[s][j]·X[index[s]][j, c]) for pairs of bf16, and panels of them: the plain twins.

import CSIMD

/// The f32 whose upper half a bf16 is.
@inline(__always)
func widened(_ value: UInt16) -> Float { Float(bitPattern: UInt32(value) &<< 16) }

/// The nearest bf16, ties to even; a NaN stays one.
@inline(__always)
func roundedToBF16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(bits &>> 16) | 0x40 }
  return UInt16((bits &+ 0x7fff &+ (bits &>> 16 & 1)) &>> 16)
}

/// Strips of pairs, lane by lane.
func spmmReferencePairs(_ pointer: UnsafePointer<lcn_spmm_args>) {
  let a = pointer.pointee
  let strip = Int(a.strip)
  let width = Int(a.vectors) &* VectorF32.count
  let (lower, upper) = (Float(a.lower), Float(a.upper))
  let weights = a.weights.assumingMemoryBound(to: UInt16.self)
  let bias = a.bias.assumingMemoryBound(to: Float.self)
  var (step, number) = (0, 0)
  for g in 0..<Int(a.groupCount) {
    let steps = Int(a.groups[2 &* g])
    for _ in 0..<Int(a.groups[2 &* g &+ 1]) {
      for r in 0..<strip {
        let row = Int(a.rows[number]) &+ r
        let partial = (a.partial + row &* Int(a.partialStride)).assumingMemoryBound(to: Float.self)
        let y = (a.y + row &* Int(a.yStride)).assumingMemoryBound(to: Float.self)
        for c in 0..<(a.finishes != 0 ? Int(a.columns) : width) {
          var sum = a.startsFromBias != 0 ? bias[row] : partial[c]
          for s in step..<(step &+ steps) {
            let x = (a.x + Int(a.indices[s]) &* Int(a.xStride)).assumingMemoryBound(to: UInt16.self)
            let w = weights + 2 &* (s &* strip &+ r)
            sum += widened(w[1]) * widened(x[2 &* c &+ 1])
            sum += widened(w[0]) * widened(x[2 &* c])
          }
          if a.finishes != 0 { y[c] = bounded(sum, lower, upper) } else { partial[c] = sum }
        }
      }
      step &+= (steps &+ 3) & ~3
      number &+= 1
    }
  }
}

/// A row of pairs from two rows of inputs.
func packPairColumnsReference(_ pointer: UnsafePointer<lcn_pack_args>) {
  packPairs(pointer.pointee, input: pointer.pointee.sourceStride, column: 1)
}

/// The same where rows are right-hand sides.
func packPairRowsReference(_ pointer: UnsafePointer<lcn_pack_args>) {
  packPairs(pointer.pointee, input: 1, column: pointer.pointee.sourceStride)
}

private func packPairs(_ a: lcn_pack_args, input: Int64, column: Int64) {
  let source = a.source.assumingMemoryBound(to: Float.self)
  let target = a.target.assumingMemoryBound(to: UInt16.self)
  for pair in 0..<(Int(a.rows) &+ 1) / 2 {
    for c in 0..<Int(a.paddedColumns) {
      for j in 0..<2 {
        let row = 2 &* pair &+ j
        target[2 &* (pair &* Int(a.targetStride) &+ c) &+ j] =
          row < Int(a.rows) && c < Int(a.columns)
          ? roundedToBF16(source[row &* Int(input) &+ c &* Int(column)]) : 0
      }
    }
  }
}
