// panel[g, c] ← the bytes of X[4g…4g + 3, c]: copied, or made of floats; the range of each column; Y as bytes.

import CSIMD

private let lanes = VectorI8.count

/// From bytes with a row for each input: four rows become one of quads.
func packQuadColumnsU8(_ pointer: UnsafePointer<lcn_quad_pack_args>) {
  let a = pointer.pointee
  let flip = VectorI8(repeating: a.flip).lanes
  let stride = Int(a.sourceStride)
  var group = 0
  while 4 &* group < Int(a.inputs) {
    // Bytes behind the last input are those of the last input: their weights are zeros.
    let last = Int(a.inputs) &- 1
    let r0 = a.source + 4 &* group &* stride
    let r1 = a.source + min(4 &* group &+ 1, last) &* stride
    let r2 = a.source + min(4 &* group &+ 2, last) &* stride
    let r3 = a.source + min(4 &* group &+ 3, last) &* stride
    let target = UnsafeMutableRawPointer(a.target + group &* Int(a.targetStride))
    var c = 0
    while c &+ lanes <= Int(a.columns) {
      let quads = lcn_join_bytes(
        lcn_widen_bytes(r0 + c), lcn_widen_bytes(r1 + c), lcn_widen_bytes(r2 + c),
        lcn_widen_bytes(r3 + c))
      VectorI8(quads ^ flip).store(target + 4 &* c, 0)
      c &+= lanes
    }
    if c < Int(a.columns) {
      let rest = Int64(Int(a.columns) &- c)
      let quads = lcn_join_bytes(
        lcn_widen_first_bytes(r0 + c, rest), lcn_widen_first_bytes(r1 + c, rest),
        lcn_widen_first_bytes(r2 + c, rest), lcn_widen_first_bytes(r3 + c, rest))
      VectorI8(quads ^ flip).store(target + 4 &* c, 0)
    }
    group &+= 1
  }
}

/// From bytes with a row for each right-hand side: a quad is four neighbours, and tiles of quads are transposed.
func packQuadRowsU8(_ pointer: UnsafePointer<lcn_quad_pack_args>) {
  let a = pointer.pointee
  let (columns, whole) = (Int(a.columns), Int(a.inputs) / 4)
  let rest = Int(a.inputs) &- 4 &* whole
  var c = 0
  if a.targetStride == 1 {
    // A single one: its bytes in their order.
    for group in 0..<whole {
      a.target[group] = (a.source + 4 &* group).loadUnaligned(as: Int32.self) ^ a.flip
    }
    c = columns
  }
  while c < columns {
    let rows = a.source + c &* Int(a.sourceStride)
    var group = 0
    while group < whole {
      lcn_transpose_words(
        rows + 4 &* group, a.sourceStride, a.target + group &* Int(a.targetStride) + c,
        a.targetStride, Int64(min(lanes, columns &- c)), Int64(min(lanes, whole &- group)), a.flip)
      group &+= lanes
    }
    c &+= lanes
  }
  if rest == 0 { return }
  for c in 0..<columns {
    let row = a.source + c &* Int(a.sourceStride) + 4 &* whole
    var quad: UInt32 = 0
    for j in 0..<rest { quad |= UInt32((row + j).load(as: UInt8.self)) &<< UInt32(8 &* j) }
    a.target[whole &* Int(a.targetStride) &+ c] = Int32(bitPattern: quad) ^ a.flip
  }
}

/// From floats with a row for each input.
func packQuadColumnsF32(_ pointer: UnsafePointer<lcn_quad_pack_args>) {
  let a = pointer.pointee
  let source = a.source.assumingMemoryBound(to: Float.self)
  let stride = Int(a.sourceStride)
  let (inverses, zeros) = (UnsafeRawPointer(a.inverses!), UnsafeRawPointer(a.zeros!))
  let last = Int(a.inputs) &- 1
  var group = 0
  while 4 &* group <= last {
    let r0 = source + 4 &* group &* stride
    let r1 = source + min(4 &* group &+ 1, last) &* stride
    let r2 = source + min(4 &* group &+ 2, last) &* stride
    let r3 = source + min(4 &* group &+ 3, last) &* stride
    let target = UnsafeMutableRawPointer(a.target + group &* Int(a.targetStride))
    var c = 0
    while c < Int(a.columns) {
      let count = min(lanes, Int(a.columns) &- c)
      let v0 = load(r0 + c, count)
      let v1 = load(r1 + c, count)
      let v2 = load(r2 + c, count)
      let v3 = load(r3 + c, count)
      let inverse = VectorF32.load(inverses + 4 &* c, 0).lanes
      let zero = VectorI8.load(zeros + 4 &* c, 0).lanes
      let quads = lcn_join_bytes(
        lcn_quantize(v0, inverse, zero), lcn_quantize(v1, inverse, zero),
        lcn_quantize(v2, inverse, zero), lcn_quantize(v3, inverse, zero))
      VectorI8(quads).store(target + 4 &* c, 0)
      let nan = lcn_nan_lanes(v0, v1, v2, v3)
      if lcn_any_lane(nan) != 0 {
        for i in 0..<count where nan[i] != 0 { a.scales![c &+ i] = .nan }
      }
      c &+= lanes
    }
    group &+= 1
  }
}

/// From floats with a row for each right-hand side: the bytes of a tile of quads, which is then transposed.
func packQuadRowsF32(_ pointer: UnsafePointer<lcn_quad_pack_args>) {
  let a = pointer.pointee
  let (columns, inputs) = (Int(a.columns), Int(a.inputs))
  // As many rows as a register has lanes, a register each.
  var tile = InlineArray<16, VectorI8>(repeating: VectorI8(repeating: 0))
  withUnsafeMutableBytes(of: &tile) { memory in
    let bytes = memory.baseAddress!
    var c = 0
    if a.targetStride == 1 {
      // A single one: its bytes in their order, the last few by way of the tile.
      let whole = inputs &- inputs % lanes
      quantize(a, row: 0, from: 0, count: whole, to: a.target)
      quantize(a, row: 0, from: whole, count: inputs &- whole, to: bytes)
      (UnsafeMutableRawPointer(a.target) + whole).copyMemory(
        from: bytes, byteCount: (inputs &- whole &+ 3) & ~3)
      c = columns
    }
    while c < columns {
      let rows = min(lanes, columns &- c)
      var j = 0
      while j < inputs {
        let count = min(4 &* lanes, inputs &- j)
        for row in 0..<rows {
          quantize(a, row: c &+ row, from: j, count: count, to: bytes + 4 &* lanes &* row)
        }
        lcn_transpose_words(
          bytes, Int64(4 &* lanes), a.target + j / 4 &* Int(a.targetStride) + c, a.targetStride,
          Int64(rows), Int64((count &+ 3) / 4), 0)
        j &+= 4 &* lanes
      }
      c &+= lanes
    }
  }
}

/// The bytes of up to four registers of a right-hand side, and NaN as its scale where one holds NaN.
@inline(__always)
private func quantize(
  _ a: lcn_quad_pack_args, row: Int, from first: Int, count: Int, to bytes: UnsafeMutableRawPointer
) {
  let source = a.source.assumingMemoryBound(to: Float.self) + row &* Int(a.sourceStride) + first
  let inverse = VectorF32(repeating: a.inverses![row]).lanes
  let zero = VectorI8(repeating: a.zeros![row]).lanes
  var isNaN = VectorI8(repeating: 0).lanes
  var j = 0
  while j < count {
    let v = load(source + j, min(lanes, count &- j))
    isNaN |= lcn_nan_lanes(v, v, v, v)
    lcn_store_bytes(bytes + j, lcn_quantize(v, inverse, zero))
    j &+= lanes
  }
  if lcn_any_lane(isNaN) != 0 { a.scales![row] = .nan }
}

@inline(__always)
private func load(_ p: UnsafePointer<Float>, _ count: Int) -> VectorF32.Lanes {
  count == lanes ? VectorF32.load(p, 0).lanes : VectorF32.loadFirst(count, p).lanes
}

/// Widens ranges to each column of X, one column to a lane.
func rangeColumnsF32(_ pointer: UnsafePointer<lcn_range_args>) {
  let a = pointer.pointee
  var c = 0
  while c < Int(a.columns) {
    let count = min(lanes, Int(a.columns) &- c)
    var (low, high) = (load(a.lowest + c, count), load(a.highest + c, count))
    for j in 0..<Int(a.inputs) {
      let v = load(a.source + j &* Int(a.sourceStride) + c, count)
      low = lcn_lowest(low, v)
      high = lcn_highest(high, v)
    }
    VectorF32(low).storeFirst(count, a.lowest + c)
    VectorF32(high).storeFirst(count, a.highest + c)
    c &+= lanes
  }
}

/// Widens ranges to each row of X.
func rangeRowsF32(_ pointer: UnsafePointer<lcn_range_args>) {
  let a = pointer.pointee
  for c in 0..<Int(a.columns) {
    let row = a.source + c &* Int(a.sourceStride)
    var low = VectorF32(repeating: a.lowest[c]).lanes
    var high = VectorF32(repeating: a.highest[c]).lanes
    var j = 0
    while j < Int(a.inputs) {
      let v = load(row + j, min(lanes, Int(a.inputs) &- j))
      low = lcn_lowest(low, v)
      high = lcn_highest(high, v)
      j &+= lanes
    }
    a.lowest[c] = lcn_lowest_lane(low)
    a.highest[c] = lcn_highest_lane(high)
  }
}

/// Rows of results, made bytes.
func requantizeU8(_ pointer: UnsafePointer<lcn_requantize_args>) {
  let a = pointer.pointee
  let (inverse, zero) = (VectorF32(repeating: a.inverse).lanes, VectorI8(repeating: a.zero).lanes)
  let flip = lcn_vu32(repeating: UInt32(a.flip))
  var bytes = VectorI8(repeating: 0)
  for row in 0..<Int(a.rows) {
    let source = a.source + row &* Int(a.sourceStride)
    let target = UnsafeMutableRawPointer(a.target + row &* Int(a.targetStride))
    var c = 0
    while c < Int(a.columns) {
      let count = min(lanes, Int(a.columns) &- c)
      let made = lcn_quantize(load(source + c, count), inverse, zero) ^ flip
      if count == lanes {
        lcn_store_bytes(target + c, made)
      } else {
        withUnsafeMutableBytes(of: &bytes) { memory in
          lcn_store_bytes(memory.baseAddress!, made)
          (target + c).copyMemory(from: memory.baseAddress!, byteCount: count)
        }
      }
      c &+= lanes
    }
  }
}
