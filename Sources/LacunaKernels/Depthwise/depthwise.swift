// Y[f, i, j] ← bound(b[f] + Σ_k w[f, k]·X[c, i·s + dy(k), j·s + dx(k)]): one plane of X for each plane of Y.
//
// There is nothing to share between planes, so each costs its loads: one for each tap and register of results, and most
// of them cross a line of the cache. A band of the plane, with its padding and its columns by phases of the stride, is
// brought into the first-level cache; there a tap is a distance in bytes, whatever stride and dilation are, and a
// block of up to eight registers stays in place while the taps go by. Taps that are zero are not there. Blocks are a column
// of rows where the image is narrow and two rows where it is wide; where rows are left over, the last block begins
// earlier and computes some results twice. With AVX-512, planes of at most eight columns take registers of eight: these
// do not cross lines, and a row of seven wastes one lane instead of nine. What `plane_columns.swift` is for needs no band.

import CSIMD

/// Bands take turns in two places, and the next one is brought before the last one is read: a load from what was stored
/// a moment ago, across two stores, would have to wait for both.
@inline(__always)
private func convolvePlanes<V: BandVector>(
  _ pointer: UnsafePointer<lcn_depthwise_args>, _: V.Type,
  _ sum: (_ p: PlaneSums, _ bias: V.Scalar, _ lower: Double, _ upper: Double) -> Void
) {
  let a = pointer.pointee
  let size = MemoryLayout<V.Scalar>.size
  let (channels, multiplier) = (Int(a.channels), Int(a.multiplier))
  let (outputHeight, outputWidth) = (Int(a.outputHeight), Int(a.outputWidth))
  let bandRows = Int(a.bandRows)
  var (band, other) = (a.band, a.band + Int(a.bandElements) &* size)
  clear(band, 2 &* Int(a.bandElements), V.self)
  if channels > 0 {
    bringBand(a, channel: 0, first: 0, rows: min(bandRows, outputHeight), band, V.self)
  }
  var (c, first) = (0, 0)
  while c < channels {
    let rows = min(bandRows, outputHeight &- first)
    var (nextChannel, nextFirst) = (c, first &+ rows)
    if nextFirst == outputHeight { (nextChannel, nextFirst) = (c &+ 1, 0) }
    if nextChannel < channels {
      bringBand(
        a, channel: nextChannel, first: nextFirst, rows: min(bandRows, outputHeight &- nextFirst),
        other, V.self)
    }
    for m in 0..<multiplier {
      let f = c &* multiplier &+ m
      let start = Int(a.starts[f])
      let place = f &* outputHeight &+ first
      sum(
        PlaneSums(
          weights: a.weights + start &* size, offsets: a.offsets + Int(a.places[f]),
          taps: Int(a.starts[f &+ 1]) &- start, x: band,
          rowStep: Int(a.rowStride) &* Int(a.strideY) &* size,
          y: a.y + place &* outputWidth &* size, yStep: outputWidth &* size, rows: rows,
          columns: outputWidth,
          isThree: a.square == 3 && a.strideX == 1 && rows >= 4
            && Int(a.starts[f &+ 1]) &- start == 9),
        a.bias.assumingMemoryBound(to: V.Scalar.self)[f], a.lower, a.upper)
    }
    (c, first) = (nextChannel, nextFirst)
    (band, other) = (other, band)
  }
}

@inline(__always)
private func sumPlane<V: PlaneVector>(
  _ p: PlaneSums, _ bias: V.Scalar, _ lower: Double, _ upper: Double, _: V.Type
) {
  let (start, low, high) = (
    V(repeating: bias), V(repeatingBound: lower), V(repeatingBound: upper)
  )
  if p.isThree {
    sumThree(p, start, low, high)
  } else if p.columns <= V.count {
    sumNarrow(p, start, low, high)
  } else {
    sumWide(p, start, low, high)
  }
}

func depthwiseF32(_ a: UnsafePointer<lcn_depthwise_args>) {
  #if LACUNA_V4
    if sumColumns(a) { return }
    if a.pointee.outputWidth <= 8 {
      convolvePlanes(a, VectorF32.self) { p, bias, lower, upper in
        let (start, low, high) = (
          HalfF32(repeating: bias), HalfF32(repeatingBound: lower), HalfF32(repeatingBound: upper)
        )
        if p.isThree { sumThree(p, start, low, high) } else { sumNarrow(p, start, low, high) }
      }
      return
    }
  #endif
  convolvePlanes(a, VectorF32.self) { p, bias, lower, upper in
    sumPlane(p, bias, lower, upper, VectorF32.self)
  }
}

func depthwiseF64(_ a: UnsafePointer<lcn_depthwise_args>) {
  convolvePlanes(a, VectorF64.self) { p, bias, lower, upper in
    sumPlane(p, bias, lower, upper, VectorF64.self)
  }
}
