// Y[i, j, c] ← bound(b[c] + Σ_k w[k, c]·X[i·s + dy(k), j·s + dx(k), c]) where channels lie together, one to a lane.
//
// Two registers of channels by four pixels of a row stay in registers while the taps go by: a tap costs a load for each
// multiply-add, and its weights one for four. Some rows of results take turns on two registers of channels, so that what they
// read of each pixel stays in the first-level cache, and all channels on some rows, so that lines of an image that is larger
// than the next cache are read once. Taps that fall outside of the
// image are left out, for whole rows of the kernel and for the columns at both ends of a row, which go one by one. Where
// channels are no whole number of registers, the last ones begin earlier and are computed twice.

import CSIMD

/// Rows of results that two registers of channels are summed for before the next two.
private let bandRows = 4

/// The taps of one result that lie inside the image.
private struct Taps {
  var top: Int, bottom: Int
  var left: Int, right: Int
}

/// P neighbouring results of a row, T registers of channels each. `x` is what tap (0, 0) of the first of them reads.
@inline(__always)
private func sumPixels<V: BandVector, let P: Int, let T: Int, let PT: Int>(
  _ a: lcn_depthwise_channel_args, _ pixels: InlineArray<P, Void>.Type,
  _ bias: InlineArray<T, V>, _ start: InlineArray<PT, V>, x: UnsafeRawPointer,
  y: UnsafeMutableRawPointer, weights: UnsafeRawPointer, _ taps: Taps, _ lower: V, _ upper: V
) {
  let pixel = Int(a.channels) &* MemoryLayout<V.Scalar>.size
  let (columnStep, rowStep) = (
    Int(a.dilationX) &* pixel, Int(a.dilationY) &* Int(a.width) &* pixel
  )
  let next = Int(a.strideX) &* pixel
  var sums = start
  for p in 0..<P { for t in 0..<T { sums[p &* T &+ t] = bias[t] } }
  for ky in taps.top..<taps.bottom {
    var from = x + (ky &* rowStep &+ taps.left &* columnStep)
    var w = weights + (ky &* Int(a.kernelWidth) &+ taps.left) &* pixel
    for _ in taps.left..<taps.right {
      for t in 0..<T {
        let weight = V.load(w, t)
        for p in 0..<P {
          sums[p &* T &+ t] = sums[p &* T &+ t].adding(
            weight, times: V.load(from + p &* next, t))
        }
      }
      from += columnStep
      w += pixel
    }
  }
  for p in 0..<P {
    for t in 0..<T { sums[p &* T &+ t].bounded(lower, upper).store(y + p &* pixel, t) }
  }
}

/// Some rows of T registers of channels from `channel` on.
@inline(__always)
private func sumChannels<V: BandVector, let T: Int, let FT: Int>(
  _ a: lcn_depthwise_channel_args, rows: Range<Int>, channel: Int, _ single: InlineArray<T, V>,
  _ four: InlineArray<FT, V>
) {
  let size = MemoryLayout<V.Scalar>.size
  let pixel = Int(a.channels) &* size
  let (width, columns, kernelWidth) = (Int(a.width), Int(a.outputWidth), Int(a.kernelWidth))
  let (stride, dilation, left) = (Int(a.strideX), Int(a.dilationX), Int(a.left))
  let (lower, upper) = (V(repeatingBound: a.lower), V(repeatingBound: a.upper))
  let weights = a.weights + channel &* size
  var bias = single
  for t in 0..<T { bias[t] = V.load(a.bias + channel &* size, t) }
  // Results whose taps all lie inside the image's columns.
  let begin = min((left &+ stride &- 1) / stride, columns)
  let room = width &+ left &- (kernelWidth &- 1) &* dilation
  let end = max(begin, min(columns, room > 0 ? (room &- 1) / stride &+ 1 : 0))
  for row in rows {
    let top = row &* Int(a.strideY) &- Int(a.top)
    var taps = Taps(top: 0, bottom: Int(a.kernelHeight), left: 0, right: kernelWidth)
    while taps.top < taps.bottom && top &+ taps.top &* Int(a.dilationY) < 0 { taps.top &+= 1 }
    while taps.bottom > taps.top && top &+ (taps.bottom &- 1) &* Int(a.dilationY) >= Int(a.height) {
      taps.bottom &-= 1
    }
    let x = a.x + ((top &* width &- left) &* pixel &+ channel &* size)
    let y = a.y + (row &* columns &* pixel &+ channel &* size)
    var j = 0
    while j < columns {
      if j >= begin && j < end && end &- begin >= 4 {
        // The last four begin earlier.
        let at = min(j, end &- 4)
        sumPixels(
          a, InlineArray<4, Void>.self, bias, four, x: x + at &* stride &* pixel,
          y: y + at &* pixel, weights: weights, taps, lower, upper)
        j = at &+ 4
        continue
      }
      var some = taps
      let column = j &* stride &- left
      while some.left < some.right && column &+ some.left &* dilation < 0 { some.left &+= 1 }
      while some.right > some.left && column &+ (some.right &- 1) &* dilation >= width {
        some.right &-= 1
      }
      sumPixels(
        a, InlineArray<1, Void>.self, bias, single, x: x + j &* stride &* pixel,
        y: y + j &* pixel, weights: weights, some, lower, upper)
      j &+= 1
    }
  }
}

@inline(__always)
private func convolveChannels<V: BandVector>(
  _ pointer: UnsafePointer<lcn_depthwise_channel_args>, _: V.Type
) {
  let a = pointer.pointee
  let channels = Int(a.channels)
  let end = Int(a.firstRow) &+ Int(a.rows)
  var first = Int(a.firstRow)
  while first < end {
    let rows = first..<min(first &+ bandRows, end)
    var channel = 0
    while channel < channels {
      if channels &- channel > V.count && channels >= 2 &* V.count {
        sumChannels(
          a, rows: rows, channel: min(channel, channels &- 2 &* V.count),
          InlineArray<2, V>(repeating: V.zero), InlineArray<8, V>(repeating: V.zero))
        channel &+= 2 &* V.count
      } else {
        sumChannels(
          a, rows: rows, channel: min(channel, channels &- V.count),
          InlineArray<1, V>(repeating: V.zero), InlineArray<4, V>(repeating: V.zero))
        channel &+= V.count
      }
    }
    first = rows.upperBound
  }
}

func depthwiseChannelsF32(_ a: UnsafePointer<lcn_depthwise_channel_args>) {
  convolveChannels(a, VectorF32.self)
}
func depthwiseChannelsF64(_ a: UnsafePointer<lcn_depthwise_channel_args>) {
  convolveChannels(a, VectorF64.self)
}
