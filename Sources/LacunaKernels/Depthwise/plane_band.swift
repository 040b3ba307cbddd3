// A band of a plane: padded rows of the image, their columns by phases of the stride.

import CSIMD

/// Rows of an image into rows of the band, their columns by phases; zeros up to a register behind them.
@inline(__always)
func bringRows<V: BandVector>(
  _ a: lcn_depthwise_args, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
  rows: Int, _: V.Type
) {
  let size = MemoryLayout<V.Scalar>.size
  let (width, left) = (Int(a.width), Int(a.left))
  let (full, tail) = (width / V.count, width % V.count)
  let (sourceStep, rowStep) = (width &* size, Int(a.rowStride) &* size)
  var source = source
  if a.strideX == 1 {
    var target = target + left &* size
    for _ in 0..<rows {
      for t in 0..<full { V.load(source, t).store(target, t) }
      if tail > 0 { V.loadFirst(tail, source + full &* V.count &* size).store(target, full) }
      source += sourceStep
      target += rowStep
    }
  } else if a.strideX == 2 {
    // The first column is one of the second phase where the padding is odd.
    let phase = Int(a.phaseStride) &* size
    let isOdd = left & 1
    var even = target + isOdd &* phase + (left / 2) &* size
    var odd = target + (1 &- isOdd) &* phase + (left / 2 &+ isOdd) &* size
    for _ in 0..<rows {
      splitRow(source, width: width, even: even, odd: odd, V.self)
      source += sourceStep
      even += rowStep
      odd += rowStep
    }
  } else {
    var to = target.assumingMemoryBound(to: V.Scalar.self)
    let stride = Int(a.strideX)
    for _ in 0..<rows {
      let from = source.assumingMemoryBound(to: V.Scalar.self)
      var (phase, column) = (left % stride, left / stride)
      for i in 0..<width {
        to[phase &* Int(a.phaseStride) &+ column] = from[i]
        phase &+= 1
        if phase == stride {
          phase = 0
          column &+= 1
        }
      }
      source += sourceStep
      to += Int(a.rowStride)
    }
  }
}

/// A row of an image by parity: two registers at a time, but with AVX-512 one by one. There a whole register at a column's place
/// crosses a line of the cache, and every other half of one does not (56×56 at stride 2: 51 µs, by two 53; AVX2: 59, by two 50).
@inline(__always)
private func splitRow<V: BandVector>(
  _ source: UnsafeRawPointer, width: Int, even: UnsafeMutableRawPointer,
  odd: UnsafeMutableRawPointer, _: V.Type
) {
  let register = MemoryLayout<V>.size
  #if LACUNA_V4
    let (full, tail) = (width / V.count, width % V.count)
    for t in 0..<full {
      V.load(source, t).split(even: even + t &* register / 2, odd: odd + t &* register / 2)
    }
    if tail > 0 {
      V.loadFirst(tail, source + full &* register).split(
        even: even + full &* register / 2, odd: odd + full &* register / 2)
    }
  #else
    let (pairs, rest) = (width / (2 &* V.count), width % (2 &* V.count))
    for t in 0..<pairs {
      V.load(source, 2 &* t).split(
        with: V.load(source, 2 &* t &+ 1), even: even + t &* register, odd: odd + t &* register)
    }
    let last = source + 2 &* pairs &* register
    if rest > V.count {
      V.load(last, 0).split(
        with: V.loadFirst(rest &- V.count, last + register), even: even + pairs &* register,
        odd: odd + pairs &* register)
    } else if rest > 0 {
      V.loadFirst(rest, last).split(even: even + pairs &* register, odd: odd + pairs &* register)
    }
  #endif
}

@inline(__always)
func clear<V: BandVector>(_ p: UnsafeMutableRawPointer, _ elements: Int, _: V.Type) {
  let (full, tail) = (elements / V.count, elements % V.count)
  for t in 0..<full { V.zero.store(p, t) }
  if tail > 0 { V.zero.storeFirst(tail, p + full &* MemoryLayout<V>.size) }
}

/// The band for the results `first ..< first + rows` of a plane. Rows above and below the image are zeros.
@inline(__always)
func bringBand<V: BandVector>(
  _ a: lcn_depthwise_args, channel: Int, first: Int, rows: Int, _ band: UnsafeMutableRawPointer,
  _: V.Type
) {
  let size = MemoryLayout<V.Scalar>.size
  let (height, width) = (Int(a.height), Int(a.width))
  let rowStep = Int(a.rowStride) &* size
  let count = (rows &- 1) &* Int(a.strideY) &+ Int(a.extentY)
  let top = first &* Int(a.strideY) &- Int(a.top)
  let above = min(max(0, 0 &- top), count)
  let end = max(above, min(count, height &- top))
  // Where one band is a whole plane they are zeros from the start.
  if rows < Int(a.outputHeight) {
    for row in 0..<above { clear(band + row &* rowStep, Int(a.rowStride), V.self) }
    for row in end..<count { clear(band + row &* rowStep, Int(a.rowStride), V.self) }
  }
  let plane = a.x + channel &* height &* width &* size
  bringRows(
    a, plane + (top &+ above) &* width &* size, band + above &* rowStep, rows: end &- above, V.self)
}
