// target[c, i, 0..<width] ← zeros, source[c, i, j·step], zeros; and lines of a panel to rows of an image, without what lies
// between.
//
// What a row is made of is the same for all rows and channels: masks and branches are decided once, and zeros come from the
// masks of loads, so that stores are whole, and aligned where the rows are. Channels are walked one by one: their planes
// lie on pages of their own, of which a walk along a row through all channels would need more than a processor remembers.
// Nothing is written outside of a row, because what lies there may be no zero.

import CSIMD

/// A register whose lanes outside of a range are zeros, or that is made of lanes 0, 2, … of two.
private protocol RangeVector: KernelVector {
  static func loadRange(_ first: Int, _ end: Int, _ p: UnsafeRawPointer) -> Self
  static func even(_ low: Self, _ high: Self) -> Self
}

extension VectorF32: RangeVector {
  @inline(__always)
  fileprivate static func loadRange(_ first: Int, _ end: Int, _ p: UnsafeRawPointer) -> Self {
    Self(lcn_load_range_f32(p, Int64(first), Int64(end)))
  }
  @inline(__always)
  fileprivate static func even(_ low: Self, _ high: Self) -> Self {
    Self(lcn_even_f32(low.lanes, high.lanes))
  }
}

extension VectorF64: RangeVector {
  @inline(__always)
  fileprivate static func loadRange(_ first: Int, _ end: Int, _ p: UnsafeRawPointer) -> Self {
    Self(lcn_load_range_f64(p, Int64(first), Int64(end)))
  }
  @inline(__always)
  fileprivate static func even(_ low: Self, _ high: Self) -> Self {
    Self(lcn_even_f64(low.lanes, high.lanes))
  }
}

/// `value` as a number of lanes.
@inline(__always)
private func lanes<V: KernelVector>(_ value: Int, _: V.Type) -> Int { max(0, min(V.count, value)) }

/// T registers of each row, from number `first` on; of the last register `tail` lanes belong to the row.
@inline(__always)
private func packRegisters<V: RangeVector, let T: Int>(
  _ a: lcn_image_pack_args, _: V.Type, _: InlineArray<T, Void>.Type, first: Int, tail: Int,
  takesAll: Bool
) {
  let size = MemoryLayout<V.Scalar>.size
  let step = takesAll ? 1 : 2
  // The column of the first lane, and how many columns there are from it on.
  let begin = first &* V.count &- Int(a.leading)
  let end = Int(a.columns) &- begin
  let (sourceStep, targetStep) = (Int(a.sourceStride) &* size, Int(a.targetStride) &* size)
  var source = a.source + begin &* step &* size
  var target = a.target + first &* V.count &* size
  for _ in 0..<Int(a.channels) {
    var (p, q) = (source, target)
    for _ in 0..<Int(a.rows) {
      // The same row of the next channel.
      for t in 0..<T { lcn_prefetch(p + sourceStep + t &* V.count &* step &* size) }
      for t in 0..<T {
        let lane = t &* V.count
        let (low, high) = (0 &- begin &- lane, end &- lane)
        var v: V
        if takesAll {
          v = V.loadRange(lanes(low, V.self), lanes(high, V.self), p + lane &* size)
        } else {
          let (low, high, half) = (2 &* low, 2 &* high &- 1, V.count)
          v = V.even(
            V.loadRange(lanes(low, V.self), lanes(high, V.self), p + 2 &* lane &* size),
            V.loadRange(
              lanes(low &- half, V.self), lanes(high &- half, V.self),
              p + (2 &* lane &+ half) &* size))
        }
        if t == T &- 1 && tail < V.count {
          v.storeFirst(tail, q + lane &* size)
        } else {
          v.store(q, t)
        }
      }
      p += Int(a.sourceRow) &* size
      q += Int(a.targetRow) &* size
    }
    source += sourceStep
    target += targetStep
  }
}

@inline(__always)
private func packVectors<V: RangeVector>(_ a: lcn_image_pack_args, _: V.Type, takesAll: Bool) {
  let vectors = (Int(a.width) &+ V.count &- 1) / V.count
  let tail = Int(a.width) &- (vectors &- 1) &* V.count
  var first = 0
  while first &+ 4 < vectors {
    packRegisters(
      a, V.self, InlineArray<4, Void>.self, first: first, tail: V.count, takesAll: takesAll)
    first &+= 4
  }
  switch vectors &- first {
  case 4:
    packRegisters(
      a, V.self, InlineArray<4, Void>.self, first: first, tail: tail, takesAll: takesAll)
  case 3:
    packRegisters(
      a, V.self, InlineArray<3, Void>.self, first: first, tail: tail, takesAll: takesAll)
  case 2:
    packRegisters(
      a, V.self, InlineArray<2, Void>.self, first: first, tail: tail, takesAll: takesAll)
  case 1:
    packRegisters(
      a, V.self, InlineArray<1, Void>.self, first: first, tail: tail, takesAll: takesAll)
  default: break
  }
}

@inline(__always)
private func packImageRows<V: RangeVector>(
  _ pointer: UnsafePointer<lcn_image_pack_args>, _: V.Type
) {
  let a = pointer.pointee
  if a.step == 1 {
    packVectors(a, V.self, takesAll: true)
  } else if a.step == 2 {
    packVectors(a, V.self, takesAll: false)
  } else {
    let size = MemoryLayout<V.Scalar>.size
    let done = Int(a.width) / V.count &* V.count
    for c in 0..<Int(a.channels) {
      for i in 0..<Int(a.rows) {
        let from = (a.source + (c &* Int(a.sourceStride) &+ i &* Int(a.sourceRow)) &* size)
          .assumingMemoryBound(to: V.Scalar.self)
        let row = a.target + (c &* Int(a.targetStride) &+ i &* Int(a.targetRow)) &* size
        for t in 0..<(Int(a.width) / V.count) { V.zero.store(row, t) }
        V.zero.storeFirst(Int(a.width) &- done, row + done &* size)
        let to = (row + Int(a.leading) &* size).assumingMemoryBound(to: V.Scalar.self)
        for j in 0..<Int(a.columns) { to[j] = from[j &* Int(a.step)] }
      }
    }
  }
}

/// target[i] ← source[i] for `count` elements. The last register of a run begins earlier instead of ending at a mask:
/// masked stores take ten times as long as others on some processors with AVX2.
@inline(__always)
private func copyRun<V: KernelVector>(
  _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int, _: V.Type
) {
  if count < V.count {
    V.loadFirst(count, source).storeFirst(count, target)
    return
  }
  for t in 0..<(count / V.count) { V.load(source, t).store(target, t) }
  let last = (count &- V.count) &* MemoryLayout<V.Scalar>.size
  V.load(source + last, 0).store(target + last, 0)
}

@inline(__always)
private func unpackLines<V: KernelVector>(
  _ pointer: UnsafePointer<lcn_image_unpack_args>, _: V.Type
) {
  let a = pointer.pointee
  let size = MemoryLayout<V.Scalar>.size
  let (columns, kept, line) = (Int(a.columns), Int(a.kept), Int(a.line))
  let first = max(0, min(kept &- Int(a.first), columns))
  for j in 0..<Int(a.rows) {
    let source = a.source + j &* Int(a.sourceStride) &* size
    var target = a.target + j &* Int(a.targetStride) &* size
    if first > 0 { copyRun(source, target + Int(a.first) &* size, first, V.self) }
    var begin = line &- Int(a.first)
    while begin < columns {
      target += Int(a.targetLine) &* size
      copyRun(source + begin &* size, target, min(kept, columns &- begin), V.self)
      begin &+= line
    }
  }
}

func packImageRowsF32(_ a: UnsafePointer<lcn_image_pack_args>) { packImageRows(a, VectorF32.self) }
func packImageRowsF64(_ a: UnsafePointer<lcn_image_pack_args>) { packImageRows(a, VectorF64.self) }
func unpackImageRowsF32(_ a: UnsafePointer<lcn_image_unpack_args>) {
  unpackLines(a, VectorF32.self)
}
func unpackImageRowsF64(_ a: UnsafePointer<lcn_image_unpack_args>) {
  unpackLines(a, VectorF64.self)
}
