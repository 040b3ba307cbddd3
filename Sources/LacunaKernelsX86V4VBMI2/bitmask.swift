// sums[s, i] ← Σ_c values(i, c) · x[s, 64c…64c + 63], where a mask says which of the 64 inputs have a value.

import CSIMD

/// Rows of weights under bit masks by one to four right-hand sides of bytes.
///
/// `vpexpandb` puts the weights of a mask into the lanes of their inputs, so that every 64 inputs take the same few
/// instructions whatever share of them is zero; one reading of the weights serves all sides. Two sums for each side:
/// a product waits five cycles for the one before it.
func multiplyBitmask(_ pointer: UnsafePointer<lcn_bitmask_args>) {
  let zero = lcn_bitmask_zero()
  switch pointer.pointee.sides {
  case 1: multiply(pointer, InlineArray<1, lcn_bytes64>(repeating: zero))
  case 2: multiply(pointer, InlineArray<2, lcn_bytes64>(repeating: zero))
  case 3: multiply(pointer, InlineArray<3, lcn_bytes64>(repeating: zero))
  default: multiply(pointer, InlineArray<4, lcn_bytes64>(repeating: zero))
  }
}

@inline(__always)
private func multiply<let S: Int>(
  _ pointer: UnsafePointer<lcn_bitmask_args>, _ zero: InlineArray<S, lcn_bytes64>
) {
  let a = pointer.pointee
  let (chunks, stride) = (Int(a.chunks), Int(a.xStride))
  var (masks, values) = (a.masks, a.values)
  for row in 0..<Int(a.rows) {
    var (even, odd) = (zero, zero)
    var x = a.x
    for _ in 0..<chunks / 2 {
      let (first, second) = (masks[0], masks[1])
      masks += 2
      lcn_bitmask_prefetch(values)
      let low = lcn_bitmask_spread(first, values)
      values += first.nonzeroBitCount
      let high = lcn_bitmask_spread(second, values)
      values += second.nonzeroBitCount
      for s in 0..<S {
        even[s] = lcn_bitmask_add(even[s], x + s &* stride, low)
        odd[s] = lcn_bitmask_add(odd[s], x + s &* stride + 64, high)
      }
      x += 128
    }
    if chunks % 2 != 0 {
      let mask = masks[0]
      masks += 1
      let weights = lcn_bitmask_spread(mask, values)
      values += mask.nonzeroBitCount
      for s in 0..<S { even[s] = lcn_bitmask_add(even[s], x + s &* stride, weights) }
    }
    for s in 0..<S { a.sums[s &* Int(a.sumsStride) &+ row] = lcn_bitmask_total(even[s], odd[s]) }
  }
}
