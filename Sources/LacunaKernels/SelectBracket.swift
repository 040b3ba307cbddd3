// (#|x| > high, #|x| = high, {|x| : low < |x| < high}, #|x| = low) in one pass over x.

import CSIMD

// The bits of |x|, read as an unsigned number, order as |x| does; NaN lies above infinity.

/// Adds f32 values to the state's counts and appends the magnitudes inside the bracket at the
/// arguments' end, which moves on. Not checked: anything.
func selectBracketF32(_ a: UnsafeMutablePointer<lcn_select_args>) {
  let x = a.pointee.x.assumingMemoryBound(to: UInt32.self)
  let count = Int(a.pointee.count)
  let (low, high) = (
    UInt32(truncatingIfNeeded: a.pointee.low), UInt32(truncatingIfNeeded: a.pointee.high)
  )
  let out = a.pointee.end.assumingMemoryBound(to: UInt32.self)
  var end = out
  var s = a.pointee.state.pointee
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
  a.pointee.state.pointee = s
  a.pointee.end = UnsafeMutableRawPointer(end)
}

/// The f64 twin of ``selectBracketF32(_:)``.
func selectBracketF64(_ a: UnsafeMutablePointer<lcn_select_args>) {
  let x = a.pointee.x.assumingMemoryBound(to: UInt64.self)
  let count = Int(a.pointee.count)
  let (low, high) = (a.pointee.low, a.pointee.high)
  let out = a.pointee.end.assumingMemoryBound(to: UInt64.self)
  var end = out
  var s = a.pointee.state.pointee
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
  a.pointee.state.pointee = s
  a.pointee.end = UnsafeMutableRawPointer(end)
}

/// Adds `bins[digit] += 1` for each f32 magnitude whose bits above the digit equal the arguments'
/// prefix. Not checked: anything.
func magnitudeHistogramF32(_ a: UnsafePointer<lcn_histogram_args>) {
  let a = a.pointee
  let x = a.x.assumingMemoryBound(to: UInt32.self)
  let prefix = UInt32(truncatingIfNeeded: a.prefix)
  let mask = UInt32(truncatingIfNeeded: a.mask)
  let (prefixShift, shift) = (
    UInt32(truncatingIfNeeded: a.prefixShift), UInt32(truncatingIfNeeded: a.shift)
  )
  let (count, bins) = (Int(a.count), a.bins)
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

/// The f64 twin of ``magnitudeHistogramF32(_:)``.
func magnitudeHistogramF64(_ a: UnsafePointer<lcn_histogram_args>) {
  let a = a.pointee
  let x = a.x.assumingMemoryBound(to: UInt64.self)
  let prefix = UInt64(truncatingIfNeeded: a.prefix)
  let mask = UInt64(truncatingIfNeeded: a.mask)
  let (prefixShift, shift) = (
    UInt64(truncatingIfNeeded: a.prefixShift), UInt64(truncatingIfNeeded: a.shift)
  )
  let (count, bins) = (Int(a.count), a.bins)
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
