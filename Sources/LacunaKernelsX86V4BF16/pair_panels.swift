// panel[p, c] ← X[2p, c] and X[2p + 1, c], rounded to bf16: from rows of inputs, or of right-hand sides.

import CSIMD

private let lanes = VectorF32.count

/// Rows of X are inputs: two of them become one row of pairs.
func packPairColumns(_ pointer: UnsafePointer<lcn_pack_args>) {
  let a = pointer.pointee
  let source = a.source.assumingMemoryBound(to: Float.self)
  let (rows, columns) = (Int(a.rows), Int(a.columns))
  var input = 0
  while input < rows {
    let first = source + input &* Int(a.sourceStride)
    let second = first + Int(a.sourceStride)
    let target = a.target + 4 &* (input / 2) &* Int(a.targetStride)
    var c = 0
    while c < Int(a.paddedColumns) {
      let count = max(0, min(lanes, columns &- c))
      let low = VectorF32.loadFirst(count, first + c)
      // An input that does not exist: its weights are zeros, and zero times anything else could be NaN.
      let high = input &+ 1 < rows ? VectorF32.loadFirst(count, second + c) : .zero
      VectorF32(lcn_pair_rows(low.lanes, high.lanes)).store(target + 4 &* c, 0)
      c &+= lanes
    }
    input &+= 2
  }
}

/// Rows of X are right-hand sides: tiles of pairs are transposed in registers.
func packPairRows(_ pointer: UnsafePointer<lcn_pack_args>) {
  let a = pointer.pointee
  let source = a.source.assumingMemoryBound(to: Float.self)
  let target = a.target.assumingMemoryBound(to: Float.self)
  let (inputs, columns) = (Int(a.rows), Int(a.columns))
  var c = 0
  while c < Int(a.paddedColumns) {
    var input = 0
    while input < inputs {
      lcn_pair_tile(
        source + max(0, min(c, columns &- 1)) &* Int(a.sourceStride) + input, a.sourceStride,
        target + input / 2 &* Int(a.targetStride) + c, a.targetStride,
        Int64(max(0, min(lanes, columns &- c))), Int64(min(2 &* lanes, inputs &- input)))
      input &+= 2 &* lanes
    }
    c &+= lanes
  }
}
