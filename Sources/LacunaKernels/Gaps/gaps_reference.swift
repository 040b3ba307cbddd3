// The plain twin of the kernel for gaps: one slot at a time.

import CSIMD

/// As ``multiplyGaps(_:)``.
func multiplyGapsReference(_ pointer: UnsafePointer<lcn_gap_args>) {
  let a = pointer.pointee
  let bits = Int(a.bits)
  var (value, chunk) = (0, 0)
  for row in 0..<Int(a.rows) {
    var (place, sum): (Int, Int32) = (-1, 0)
    for slot in 0..<Int(a.counts[row]) {
      var gap = 0
      for bit in 0..<bits {
        let at = slot % 8 &* bits &+ bit
        let byte = a.gaps[(chunk &+ slot / 8) &* bits &+ at / 8]
        gap |= Int(byte &>> UInt8(at % 8) & 1) &<< bit
      }
      place = place &+ gap &+ 1
      sum &+= Int32(a.values[value]) &* Int32(a.x[place])
      value &+= 1
    }
    chunk &+= (Int(a.counts[row]) &+ 7) / 8
    a.sums[row] = sum
  }
}
