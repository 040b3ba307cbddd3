// y[s, i] ← bound(bias[i] + Σ w·x[s, place]): 16 rows are the lanes, two slots of each a step, 64 inputs of a window two
// registers.

import CSIMD

/// Windows of bf16 by one to four right-hand sides.
///
/// `vpermi2w` looks up 64 inputs at once, so that a step of up to 32 weights is two loads, two spreads under its mask, a
/// permute and a product for each side; one reading of the weights serves all sides. A product waits for the one before
/// it: every other step has sums of its own.
func multiplyPairWindows(_ pointer: UnsafePointer<lcn_pair_window_args>) {
  let (zero, none) = (lcn_pair_window_zero(), lcn_pair_window_none())
  switch pointer.pointee.sides {
  case 1: multiply(pointer, InlineArray<1, __m512>(repeating: zero), .init(repeating: none))
  case 2: multiply(pointer, InlineArray<2, __m512>(repeating: zero), .init(repeating: none))
  case 3: multiply(pointer, InlineArray<3, __m512>(repeating: zero), .init(repeating: none))
  default: multiply(pointer, InlineArray<4, __m512>(repeating: zero), .init(repeating: none))
  }
}

/// The weights of one step, by the windows of all sides.
@inline(__always)
private func add<let S: Int>(
  _ sums: inout InlineArray<S, __m512>, _ low: InlineArray<S, __m512i>,
  _ high: InlineArray<S, __m512i>, _ mask: UInt32, _ values: UnsafePointer<UInt16>,
  _ places: UnsafePointer<UInt8>
) {
  let weights = lcn_pair_window_values(mask, values)
  let slots = lcn_pair_window_places(mask, places)
  for s in 0..<S {
    sums[s] = lcn_pair_window_add(sums[s], low[s], high[s], mask, slots, weights)
  }
}

@inline(__always)
private func multiply<let S: Int>(
  _ pointer: UnsafePointer<lcn_pair_window_args>, _ zero: InlineArray<S, __m512>,
  _ none: InlineArray<S, __m512i>
) {
  let a = pointer.pointee
  var (steps, masks, values, places) = (a.steps, a.masks, a.values, a.places)
  var row = 0
  while row < Int(a.rows) {
    var (even, odd) = (zero, zero)
    var x = a.x
    for _ in 0..<Int(a.windows) {
      var (low, high) = (none, none)
      for s in 0..<S {
        low[s] = lcn_pair_window_load(x + s &* Int(a.xStride))
        high[s] = lcn_pair_window_load(x + (s &* Int(a.xStride) &+ 32))
      }
      x += 64
      var left = steps.pointee
      steps += 1
      while left > 1 {
        left &-= 2
        let (first, second) = (masks[0], masks[1])
        masks += 2
        lcn_pair_window_prefetch(values, places)
        add(&even, low, high, first, values, places)
        values += first.nonzeroBitCount
        places += first.nonzeroBitCount
        add(&odd, low, high, second, values, places)
        values += second.nonzeroBitCount
        places += second.nonzeroBitCount
      }
      if left > 0 {
        let mask = masks[0]
        masks += 1
        add(&even, low, high, mask, values, places)
        values += mask.nonzeroBitCount
        places += mask.nonzeroBitCount
      }
    }
    for s in 0..<S {
      lcn_pair_window_store(
        a.y + (s &* Int(a.yStride) &+ row), lcn_pair_window_sum(even[s], odd[s]), a.bias + row,
        a.lower, a.upper, Int64(min(16, Int(a.rows) &- row)))
    }
    row &+= 16
  }
}

/// A row of inputs, rounded to bf16, with zeros up to the padded end.
func packPairLine(_ pointer: UnsafePointer<lcn_pack_args>) {
  let a = pointer.pointee
  let source = a.source.assumingMemoryBound(to: Float.self)
  let target = a.target.assumingMemoryBound(to: UInt16.self)
  var c = 0
  while c < Int(a.paddedColumns) {
    lcn_pair_window_round(
      source + min(c, Int(a.columns)), Int64(max(0, min(32, Int(a.columns) &- c))), target + c)
    c &+= 32
  }
}
