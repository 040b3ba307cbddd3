// The plain twins of the kernels for windows of bf16: one slot at a time.

import CSIMD

/// y[s, i] ← bound(bias[i] + Σ w[i, slot]·x[s, 64·window + place]) over the slots that masks name.
func multiplyPairWindowsReference(_ pointer: UnsafePointer<lcn_pair_window_args>) {
  let a = pointer.pointee
  for row in 0..<Int(a.rows) {
    for side in 0..<Int(a.sides) { a.y[side &* Int(a.yStride) &+ row] = a.bias[row] }
  }
  var (step, slot) = (0, 0)
  for group in 0..<(Int(a.rows) &+ 15) / 16 {
    for window in 0..<Int(a.windows) {
      for _ in 0..<Int(a.steps[group &* Int(a.windows) &+ window]) {
        for bit in 0..<32 where a.masks[step] &>> UInt32(bit) & 1 != 0 {
          let row = 16 &* group &+ bit / 2
          let input = 64 &* window &+ Int(a.places[slot])
          if row < Int(a.rows) {
            for side in 0..<Int(a.sides) {
              a.y[side &* Int(a.yStride) &+ row] +=
                widened(a.values[slot]) * widened(a.x[side &* Int(a.xStride) &+ input])
            }
          }
          slot &+= 1
        }
        step &+= 1
      }
    }
  }
  for row in 0..<Int(a.rows) {
    for side in 0..<Int(a.sides) {
      let place = side &* Int(a.yStride) &+ row
      a.y[place] = bounded(a.y[place], a.lower, a.upper)
    }
  }
}

/// A row of inputs, rounded to bf16, with zeros up to the padded end.
func packPairLineReference(_ pointer: UnsafePointer<lcn_pack_args>) {
  let a = pointer.pointee
  let source = a.source.assumingMemoryBound(to: Float.self)
  let target = a.target.assumingMemoryBound(to: UInt16.self)
  for c in 0..<Int(a.paddedColumns) {
    target[c] = c < Int(a.columns) ? roundedToBF16(source[c]) : 0
  }
}
