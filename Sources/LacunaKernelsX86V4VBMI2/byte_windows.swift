// sums[s, i] ← Σ w·x[s, place]: 16 rows are the lanes, four slots of each a step, 64 inputs of a window one register.

import CSIMD

/// Windows of bytes by one to four right-hand sides.
///
/// `vpermb` looks up 64 inputs at once, so that a step of up to 64 weights is two loads, two spreads under its mask, a
/// permute and a product for each side; one reading of the weights serves all sides.
func multiplyByteWindows(_ pointer: UnsafePointer<lcn_byte_window_args>) {
  let zero = lcn_byte_window_zero()
  switch pointer.pointee.sides {
  case 1: multiply(pointer, InlineArray<1, __m512i>(repeating: zero))
  case 2: multiply(pointer, InlineArray<2, __m512i>(repeating: zero))
  case 3: multiply(pointer, InlineArray<3, __m512i>(repeating: zero))
  default: multiply(pointer, InlineArray<4, __m512i>(repeating: zero))
  }
}

@inline(__always)
private func multiply<let S: Int>(
  _ pointer: UnsafePointer<lcn_byte_window_args>, _ zero: InlineArray<S, __m512i>
) {
  let a = pointer.pointee
  var (steps, masks, values, places) = (a.steps, a.masks, a.values, a.places)
  var row = 0
  while row < Int(a.rows) {
    var sums = zero
    var x = a.x
    for _ in 0..<Int(a.windows) {
      var windows = zero
      for s in 0..<S { windows[s] = lcn_byte_window_load(x + s &* Int(a.xStride)) }
      x += 64
      var left = steps.pointee
      steps += 1
      while left > 0 {
        left &-= 1
        let mask = masks.pointee
        masks += 1
        lcn_byte_window_prefetch(values)
        lcn_byte_window_prefetch(places)
        let weights = lcn_bitmask_spread(mask, values)
        let slots = lcn_bitmask_spread(mask, places)
        values += mask.nonzeroBitCount
        places += mask.nonzeroBitCount
        for s in 0..<S { sums[s] = lcn_byte_window_add(sums[s], windows[s], slots, weights) }
      }
    }
    for s in 0..<S {
      lcn_byte_window_store(
        a.sums + (s &* Int(a.sumsStride) &+ row), sums[s], Int64(min(16, Int(a.rows) &- row)))
    }
    row &+= 16
  }
}
