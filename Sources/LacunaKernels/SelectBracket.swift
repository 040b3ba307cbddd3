// (#|x| > high, #|x| = high, {|x| : low < |x| < high}, #|x| = low) in one pass over x.

import CSIMD

// The bits of |x|, read as an unsigned number, order as |x| does; NaN lies above infinity.

/// Adds `count` f32 values, given as bits, to `state`; appends the magnitudes inside the bracket to
/// `out`, which must have room for `count + 16` more. Returns the end of what was appended.
///
/// Not checked: `low <= high`.
package func selectBracketF32(
  _ x: UnsafePointer<UInt32>, count: Int, low: UInt32, high: UInt32,
  out: UnsafeMutablePointer<UInt32>, state: UnsafeMutablePointer<lcn_select_state>
) -> UnsafeMutablePointer<UInt32> {
  var end = out
  var s = state.pointee
  var maximum: UInt32 = 0
  var i = 0
  #if LACUNA_V4
    var vectorMaximum = lcn_zero512()
    while i &+ 16 <= count {
      vectorMaximum = lcn_max_magnitude_u32(vectorMaximum, x + i)
      end = lcn_select_step16(x + i, low, high, end, &s)
      i &+= 16
    }
    s.maximum = max2(s.maximum, lcn_reduce_max_u32(vectorMaximum))
  #endif
  while i < count {
    let bits = x[i] & 0x7fff_ffff
    s.above &+= bits > high ? 1 : 0
    s.equal_high &+= bits == high ? 1 : 0
    s.equal_low &+= bits == low ? 1 : 0
    end.pointee = bits
    end += (bits > low ? 1 : 0) & (bits < high ? 1 : 0)
    maximum = bits > maximum ? bits : maximum
    i &+= 1
  }
  s.maximum = max2(s.maximum, UInt64(maximum))
  s.inside &+= Int64(end - out)
  state.pointee = s
  return end
}

/// The f64 twin of ``selectBracketF32(_:count:low:high:out:state:)``.
package func selectBracketF64(
  _ x: UnsafePointer<UInt64>, count: Int, low: UInt64, high: UInt64,
  out: UnsafeMutablePointer<UInt64>, state: UnsafeMutablePointer<lcn_select_state>
) -> UnsafeMutablePointer<UInt64> {
  var end = out
  var s = state.pointee
  var maximum: UInt64 = 0
  var i = 0
  #if LACUNA_V4
    var vectorMaximum = lcn_zero512()
    while i &+ 8 <= count {
      vectorMaximum = lcn_max_magnitude_u64(vectorMaximum, x + i)
      end = lcn_select_step8(x + i, low, high, end, &s)
      i &+= 8
    }
    s.maximum = max2(s.maximum, lcn_reduce_max_u64(vectorMaximum))
  #endif
  while i < count {
    let bits = x[i] & 0x7fff_ffff_ffff_ffff
    s.above &+= bits > high ? 1 : 0
    s.equal_high &+= bits == high ? 1 : 0
    s.equal_low &+= bits == low ? 1 : 0
    end.pointee = bits
    end += (bits > low ? 1 : 0) & (bits < high ? 1 : 0)
    maximum = bits > maximum ? bits : maximum
    i &+= 1
  }
  s.maximum = max2(s.maximum, maximum)
  s.inside &+= Int64(end - out)
  state.pointee = s
  return end
}

/// Adds `bins[digit] += 1` for each f32 magnitude whose bits above the digit equal `prefix`; the digit is
/// `(bits >> shift) & mask`. Two tables, used in turn, so that equal neighbours do not wait for each
/// other: `bins` has `2 · (mask + 1)` counters, to be added by the caller.
package func magnitudeHistogramF32(
  _ x: UnsafePointer<UInt32>, count: Int, prefix: UInt32, prefixShift: UInt32, shift: UInt32,
  mask: UInt32, bins: UnsafeMutablePointer<Int64>
) {
  let second = bins + Int(mask) + 1
  var i = 0
  while i &+ 2 <= count {
    let a = x[i] & 0x7fff_ffff
    let b = x[i &+ 1] & 0x7fff_ffff
    if a &>> prefixShift == prefix { bins[Int((a &>> shift) & mask)] &+= 1 }
    if b &>> prefixShift == prefix { second[Int((b &>> shift) & mask)] &+= 1 }
    i &+= 2
  }
  if i < count {
    let a = x[i] & 0x7fff_ffff
    if a &>> prefixShift == prefix { bins[Int((a &>> shift) & mask)] &+= 1 }
  }
}

/// The f64 twin of ``magnitudeHistogramF32(_:count:prefix:prefixShift:shift:mask:bins:)``.
package func magnitudeHistogramF64(
  _ x: UnsafePointer<UInt64>, count: Int, prefix: UInt64, prefixShift: UInt64, shift: UInt64,
  mask: UInt64, bins: UnsafeMutablePointer<Int64>
) {
  let second = bins + Int(mask) + 1
  var i = 0
  while i &+ 2 <= count {
    let a = x[i] & 0x7fff_ffff_ffff_ffff
    let b = x[i &+ 1] & 0x7fff_ffff_ffff_ffff
    if a &>> prefixShift == prefix { bins[Int((a &>> shift) & mask)] &+= 1 }
    if b &>> prefixShift == prefix { second[Int((b &>> shift) & mask)] &+= 1 }
    i &+= 2
  }
  if i < count {
    let a = x[i] & 0x7fff_ffff_ffff_ffff
    if a &>> prefixShift == prefix { bins[Int((a &>> shift) & mask)] &+= 1 }
  }
}

private func max2(_ a: UInt64, _ b: UInt64) -> UInt64 { a > b ? a : b }
