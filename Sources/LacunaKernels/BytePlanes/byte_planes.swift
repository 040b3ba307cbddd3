// Y[f, i, j] ← bound((Σ_k w[f, k]·X[c, i·s + dy(k), j·s + dx(k)] + correction[f])·scale[f] + b[f]): one plane of bytes of X
// for each plane of Y, which becomes floats or bytes.
//
// Four neighbouring taps of a kernel's row are one instruction (`vpdpbusd`), when the four bytes that they read lie in one
// lane. So rows of the image are brought to the first-level cache twice: as bytes between their padding, unless a load can
// be masked, and from there as quads, one for each result of a row, whose bytes are those that four taps read: two shuffles
// for a register, which every row of the kernel and every filter of the channel uses. Stride and dilation in x are in the quads. Rows lie by phases
// of the stride in y, and each has as many quads as results, without a gap: so a band's results are neighbours as their
// quads are, whatever the image's width is. A row of seven wastes no lane, and there are no ends of rows, but one of the
// band, whose last register begins earlier and computes some results twice.
//
// With three quads for a result of 3×3, most instructions turn sums into results. Their bounds are therefore those of
// bytes already: v ↦ round(v·inverse) rises, so bounding before and after it is the same.

import CSIMD

/// Bands take turns in two places at each step: while one is summed, the quads of the next were made before, and the bytes
/// of the one after it too. A load of what was stored a moment ago, across two stores, would have to wait for both.
@inline(__always)
private func convolvePlanes<Finish: PlaneFinish>(
  _ pointer: UnsafePointer<lcn_byte_plane_args>, _: Finish.Type
) {
  let a = pointer.pointee
  let (outputHeight, outputWidth) = (Int(a.outputHeight), Int(a.outputWidth))
  let (channels, multiplier) = (Int(a.channels), Int(a.multiplier))
  let maker = QuadMaker(a)
  maker.clear()
  var now = PlaneStep(channel: 0, first: 0, rows: min(Int(a.bandRows), outputHeight), place: 0)
  var next = now.next(a)
  if channels > 0 {
    maker.bringBytes(now)
    if next.channel < channels { maker.bringBytes(next) }
    maker.makeQuads(now)
  }
  while now.channel < channels {
    let second = next.next(a)
    if second.channel < channels { maker.bringBytes(second) }
    if next.channel < channels { maker.makeQuads(next) }
    for m in 0..<multiplier {
      let f = now.channel &* multiplier &+ m
      let start = Int(a.starts[f])
      let sums = PlaneQuads(
        weights: a.weights + start, offsets: a.offsets + Int(a.places[f]),
        count: Int(a.starts[f &+ 1]) &- start, x: maker.quads(now))
      let y = a.y + (f &* outputHeight &+ now.first) &* outputWidth &* Finish.size
      let count = now.rows &* outputWidth
      let finish = Finish(
        a.results, scale: VectorF32(repeating: a.scales[f]), bias: VectorF32(repeating: a.bias[f]))
      let start0 = VectorI8(repeating: a.corrections[f])
      if sums.count == 3 {
        sumPlane(ThreeQuads(sums), start0, y, count: count, finish)
      } else {
        sumPlane(sums, start0, y, count: count, finish)
      }
    }
    (now, next) = (next, second)
  }
}

/// What one filter multiplies on one band.
private protocol PlaneProduct {
  /// T registers of sums from result `at` on.
  func sums<let T: Int>(
    at: Int, _ start: InlineArray<T, VectorI8>
  ) -> InlineArray<T, VectorI8>
}

/// Any quads.
private struct PlaneQuads: PlaneProduct {
  let weights: UnsafePointer<Int32>
  let offsets: UnsafePointer<Int64>
  let count: Int
  let x: UnsafeRawPointer

  @inline(__always)
  func sums<let T: Int>(
    at: Int, _ start: InlineArray<T, VectorI8>
  ) -> InlineArray<T, VectorI8> {
    var sums = start
    for k in 0..<count {
      let w = VectorI8(repeating: weights[k])
      let from = x + (4 &* at &+ Int(offsets[k]))
      for t in 0..<T { sums[t] = sums[t].adding(w, times: VectorI8.load(from, t)) }
    }
    return sums
  }
}

/// The three of a kernel of 3×3, which stay in registers.
private struct ThreeQuads: PlaneProduct {
  private let a: VectorI8, b: VectorI8, c: VectorI8
  private let xa: UnsafeRawPointer, xb: UnsafeRawPointer, xc: UnsafeRawPointer

  @inline(__always) init(_ p: PlaneQuads) {
    (a, b) = (VectorI8(repeating: p.weights[0]), VectorI8(repeating: p.weights[1]))
    c = VectorI8(repeating: p.weights[2])
    (xa, xb) = (p.x + Int(p.offsets[0]), p.x + Int(p.offsets[1]))
    xc = p.x + Int(p.offsets[2])
  }

  @inline(__always)
  func sums<let T: Int>(
    at: Int, _ start: InlineArray<T, VectorI8>
  ) -> InlineArray<T, VectorI8> {
    var sums = start
    for t in 0..<T { sums[t] = sums[t].adding(a, times: VectorI8.load(xa + 4 &* at, t)) }
    for t in 0..<T { sums[t] = sums[t].adding(b, times: VectorI8.load(xb + 4 &* at, t)) }
    for t in 0..<T { sums[t] = sums[t].adding(c, times: VectorI8.load(xc + 4 &* at, t)) }
    return sums
  }
}

/// The results of one filter on one band, one after the other.
@inline(__always)
private func sumPlane<Product: PlaneProduct, Finish: PlaneFinish>(
  _ p: Product, _ start: VectorI8, _ y: UnsafeMutableRawPointer, count: Int, _ finish: Finish
) {
  let lanes = VectorI8.count
  let (four, one) = (
    InlineArray<4, VectorI8>(repeating: start), InlineArray<1, _>(repeating: start)
  )
  if count < lanes {
    finish.storeFirst(count, p.sums(at: 0, one)[0], y)
    return
  }
  var at = 0
  while at &+ 4 &* lanes <= count {
    let sums = p.sums(at: at, four)
    for t in 0..<4 { finish.store(sums[t], y + (at &+ t &* lanes) &* Finish.size) }
    at &+= 4 &* lanes
  }
  while at < count {
    let begin = min(at, count &- lanes)
    finish.store(p.sums(at: begin, one)[0], y + begin &* Finish.size)
    at &+= lanes
  }
}

func depthwiseBytesF32(_ a: UnsafePointer<lcn_byte_plane_args>) {
  convolvePlanes(a, FloatFinish.self)
}
func depthwiseBytesU8(_ a: UnsafePointer<lcn_byte_plane_args>) {
  convolvePlanes(a, ByteFinish.self)
}
