// The plain twin of the kernel for bit masks: one input at a time.

import CSIMD

/// sums[s, i] ← Σ_j w[i, j]·x[s, j] over the inputs j whose bit is set.
func multiplyBitmaskReference(_ pointer: UnsafePointer<lcn_bitmask_args>) {
  let a = pointer.pointee
  var value = 0
  for row in 0..<Int(a.rows) {
    let first = value
    for side in 0..<Int(a.sides) {
      var sum: Int32 = 0
      value = first
      for input in 0..<64 &* Int(a.chunks) {
        let mask = a.masks[row &* Int(a.chunks) &+ input / 64]
        if mask &>> UInt64(input % 64) & 1 == 0 { continue }
        sum &+= Int32(a.values[value]) &* Int32(a.x[side &* Int(a.xStride) &+ input])
        value &+= 1
      }
      a.sums[side &* Int(a.sumsStride) &+ row] = sum
    }
  }
}
