// Y[i, j, c] ← bound((Σ_k w[k, c]·X[i·s + dy(k), j·s + dx(k), c] + correction[c])·scale[c] + b[c]) of bytes whose channels
// lie together, one to a lane.
//
// Again four neighbouring taps of a kernel's row are one instruction, and their bytes have to lie in one lane: those of up
// to four pixels, widened and joined. Every row of a kernel reads the same quads, so they are made once for each row of
// the image and stay in a ring of as many rows as a kernel reaches over, a register for each result of a row. Some
// registers of channels take turns on each row, so that a line of the image serves all of its channels while it is
// near. Where channels are no whole number of registers, the last one begins earlier and computes some twice.

import CSIMD

@inline(__always)
private func convolveChannels<Finish: PlaneFinish>(
  _ pointer: UnsafePointer<lcn_byte_channel_args>, _: Finish.Type
) {
  let a = pointer.pointee
  let (lanes, channels) = (VectorI8.count, Int(a.channels))
  let registers = (channels &+ lanes &- 1) / lanes
  let ring = QuadRing(a)
  var first = 0
  while first < registers {
    let end = min(first &+ Int(a.ringRegisters), registers)
    var made = Int(a.firstRow) &* Int(a.strideY)
    for row in Int(a.firstRow)..<(Int(a.firstRow) &+ Int(a.rows)) {
      let start = row &* Int(a.strideY)
      made = max(made, start)
      while made < start &+ ring.extent {
        for r in first..<end {
          ring.make(row: made, register: r &- first, channel: min(r &* lanes, channels &- lanes))
        }
        made &+= 1
      }
      for r in first..<end {
        sumRow(
          a, ring, row, register: r &- first, channel: min(r &* lanes, channels &- lanes),
          Finish.self)
      }
    }
    first = end
  }
}

/// T results of a row from column `at` on, of one register of channels; `place` is that of the first row that they read.
@inline(__always)
private func sums<let T: Int>(
  _ a: lcn_byte_channel_args, _ ring: QuadRing, place: Int, register: Int, channel: Int, at: Int,
  _ start: InlineArray<T, VectorI8>
) -> InlineArray<T, VectorI8> {
  var sums = start
  var weights = UnsafeRawPointer(a.weights + channel)
  var place = place
  for _ in 0..<Int(a.kernelHeight) {
    let x = ring.quads(place: place, register: register)
    place &+= Int(a.dilationY)
    if place >= ring.extent { place &-= ring.extent }
    for part in 0..<ring.parts {
      let w = VectorI8.load(weights, 0)
      let from = x + (part &* Int(a.outputWidth) &+ at) &* MemoryLayout<VectorI8>.size
      for t in 0..<T { sums[t] = sums[t].adding(w, times: VectorI8.load(from, t)) }
      weights += 4 &* Int(a.channels)
    }
  }
  return sums
}

@inline(__always)
private func sumRow<Finish: PlaneFinish>(
  _ a: lcn_byte_channel_args, _ ring: QuadRing, _ row: Int, register: Int, channel: Int,
  _: Finish.Type
) {
  let (width, step) = (Int(a.outputWidth), Int(a.channels) &* Finish.size)
  let place = ring.place(row: row &* Int(a.strideY))
  let start = VectorI8.load(a.corrections + channel, 0)
  let finish = Finish(
    a.results, scale: VectorF32.load(a.scales + channel, 0),
    bias: VectorF32.load(a.bias + channel, 0))
  let y = a.y + (row &* width &* Int(a.channels) &+ channel) &* Finish.size
  var at = 0
  if width >= 4 {
    let four = InlineArray<4, VectorI8>(repeating: start)
    while at < width {
      let begin = min(at, width &- 4)
      let sums = sums(a, ring, place: place, register: register, channel: channel, at: begin, four)
      for t in 0..<4 { finish.store(sums[t], y + (begin &+ t) &* step) }
      at &+= 4
    }
  }
  while at < width {
    let one = InlineArray<1, VectorI8>(repeating: start)
    let sums = sums(a, ring, place: place, register: register, channel: channel, at: at, one)
    finish.store(sums[0], y + at &* step)
    at &+= 1
  }
}

func depthwiseByteChannelsF32(_ a: UnsafePointer<lcn_byte_channel_args>) {
  convolveChannels(a, FloatFinish.self)
}
func depthwiseByteChannelsU8(_ a: UnsafePointer<lcn_byte_channel_args>) {
  convolveChannels(a, ByteFinish.self)
}
