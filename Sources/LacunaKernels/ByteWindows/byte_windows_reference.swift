// The plain twin of the kernel for windows of bytes: one slot at a time.

import CSIMD

/// sums[s, i] ← Σ w[i, slot]·x[s, 64·window + place] over the slots that masks name.
func multiplyByteWindowsReference(_ pointer: UnsafePointer<lcn_byte_window_args>) {
  let a = pointer.pointee
  for row in 0..<Int(a.rows) {
    for side in 0..<Int(a.sides) { a.sums[side &* Int(a.sumsStride) &+ row] = 0 }
  }
  var (step, slot) = (0, 0)
  for group in 0..<(Int(a.rows) &+ 15) / 16 {
    for window in 0..<Int(a.windows) {
      for _ in 0..<Int(a.steps[group &* Int(a.windows) &+ window]) {
        for bit in 0..<64 where a.masks[step] &>> UInt64(bit) & 1 != 0 {
          let row = 16 &* group &+ bit / 4
          let input = 64 &* window &+ Int(a.places[slot])
          if row < Int(a.rows) {
            for side in 0..<Int(a.sides) {
              a.sums[side &* Int(a.sumsStride) &+ row] &+=
                Int32(a.values[slot]) &* Int32(a.x[side &* Int(a.xStride) &+ input])
            }
          }
          slot &+= 1
        }
        step &+= 1
      }
    }
  }
}
