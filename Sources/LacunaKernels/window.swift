// Y[row(g,l), c] ← bound(bias + β·Y + Σ_s w[s,l]·X[base[s] + place[s,l], c]) for groups g of rows, one per lane l.
//
// The weights of `lanes` rows are walked together. A step loads one weight per lane and a window of two
// adjacent blocks of inputs, picks each lane's input by a register permute, and does one multiply-add:
// no gather, no horizontal sum, and no branch inside a group. Windows drift: each step names its own
// first block, so a lane that has few weights in one window runs ahead in the next. See
// `WindowPacker.swift` for the schedule.

import CSIMD

/// All groups for `columns` columns of X, columns · turns ≤ 24.
@inline(__always)
func multiplyWindows<V: WindowVector>(
  _ arguments: UnsafePointer<lcn_window_args>, _ vector: V.Type, columns: Int
) {
  let turns = V.turns
  let zero = InlineArray<24, V>(repeating: .zero)
  let a = arguments.pointee
  let columnBytes = V.blockBytes
  let windowBytes = columns &* V.blockBytes
  var values = a.values
  var places = UnsafeRawPointer(a.places)
  var bases = a.bases
  let (lower, upper) = (V(repeating: a.lower), V(repeating: a.upper))
  let beta = V(repeating: a.beta)
  for g in 0..<Int(a.groups) {
    var sums = zero
    for _ in 0..<Int(a.bundles[g]) {
      var word = V.loadPlaces(places)
      for q in 0..<V.stepsPerBundle {
        let w = V.load(values + q &* V.blockBytes)
        let window = a.x + Int(bases[q]) &* windowBytes
        for c in 0..<columns {
          let low = window + c &* columnBytes
          let i = (q % turns) &* columns &+ c
          sums[i] = sums[i].adding(w, times: V.pick(low, low + windowBytes, word))
        }
        word = V.next(word)
      }
      values += V.stepsPerBundle &* V.blockBytes
      places += V.placesBytes
      bases += V.stepsPerBundle
    }
    finish(a, group: g, columns: columns, sums, lower, upper, beta)
  }
}

/// Y ← bound(sums + bias + β·Y) for one group.
@inline(__always)
private func finish<V: WindowVector>(
  _ a: lcn_window_args, group g: Int, columns: Int, _ sums: InlineArray<24, V>, _ lower: V,
  _ upper: V, _ beta: V
) {
  let rows = a.rows + g &* V.lanes
  let first = Int(rows[0])
  let adjacent = a.yRow == 1 && rows[V.lanes &- 1] &- rows[0] == UInt32(V.lanes &- 1)
  for c in 0..<columns {
    var sum = sums[c]
    for turn in 1..<V.turns { sum = sum.adding(sums[turn &* columns &+ c]) }
    if adjacent {
      let y = a.y + (first &+ c &* Int(a.yColumn)) &* V.scalarBytes
      sum = sum.adding(V.load(a.bias + first &* V.scalarBytes))
      if a.beta != 0 { sum = sum.adding(beta, times: V.load(y)) }
      sum.bounded(lower, upper).store(y)
    } else {
      sum.store(a.scratch)
      V.scatter(a, rows: rows, column: c)
    }
  }
}

/// Each number of columns has its own unrolled body.
@inline(__always)
func multiplyWindows<V: WindowVector>(_ a: UnsafePointer<lcn_window_args>, _ vector: V.Type) {
  let most = V.mostColumns
  switch a.pointee.columns {
  case 1: multiplyWindows(a, vector, columns: 1)
  case 2: multiplyWindows(a, vector, columns: 2)
  case 3: multiplyWindows(a, vector, columns: 3)
  case 4: multiplyWindows(a, vector, columns: 4)
  case 5 where most >= 5: multiplyWindows(a, vector, columns: 5)
  case 6 where most >= 6: multiplyWindows(a, vector, columns: 6)
  case 7 where most >= 7: multiplyWindows(a, vector, columns: 7)
  default: if most >= 8 { multiplyWindows(a, vector, columns: 8) }
  }
}

#if LACUNA_V4
  public func window16x32F32(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self)
  }
  public func window16x16F32(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self)
  }
  public func window8x16F64(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self)
  }
#elseif LACUNA_V3
  public func window8x16F32(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x8.self)
  }
#endif

#if LACUNA_V4
  /// The walk over weights of which only those in use are stored: each step spreads the next few over
  /// the lanes of its mask. Fewer bytes, more instructions: for weights that do not fit the caches.
  @inline(__always)
  private func multiplyCompressed(_ arguments: UnsafePointer<lcn_window_args>, columns: Int) {
    typealias V = WindowF32x16
    let a = arguments.pointee
    let windowBytes = columns &* V.blockBytes
    var values = a.values
    var places = UnsafeRawPointer(a.places)
    var (bases, masks) = (a.bases, a.masks)
    let (lower, upper) = (V(repeating: a.lower), V(repeating: a.upper))
    let beta = V(repeating: a.beta)
    let zero = InlineArray<24, V>(repeating: .zero)
    for g in 0..<Int(a.groups) {
      var sums = zero
      for _ in 0..<Int(a.bundles[g]) {
        var word = V.loadPlaces(places)
        // Ahead by eight bundles or so: the stream is longer than the caches.
        lcn_prefetch_lines(values + prefetchDistance, 6)
        lcn_prefetch_lines(places + prefetchDistance / 6, 1)
        for q in 0..<6 {
          let mask = UInt32(masks[q])
          let w = V(lcn_expand16(values, mask))
          values += 4 &* Int(lcn_bit_count(mask))
          let window = a.x + Int(bases[q]) &* windowBytes
          for c in 0..<columns {
            let low = window + c &* V.blockBytes
            let i = (q % V.turns) &* columns &+ c
            sums[i].v = lcn_fma16_lanes(
              w.v, V.pick(low, low + windowBytes, word).v, sums[i].v, mask)
          }
          word = V.next(word)
        }
        places += V.placesBytes
        bases += 6
        masks += 6
      }
      finish(a, group: g, columns: columns, sums, lower, upper, beta)
    }
  }

  /// Bytes ahead of the weights in use.
  private var prefetchDistance: Int { 1536 }

  public func window16x32CompressedF32(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: multiplyCompressed(a, columns: 1)
    case 2: multiplyCompressed(a, columns: 2)
    case 3: multiplyCompressed(a, columns: 3)
    case 4: multiplyCompressed(a, columns: 4)
    case 5: multiplyCompressed(a, columns: 5)
    case 6: multiplyCompressed(a, columns: 6)
    case 7: multiplyCompressed(a, columns: 7)
    default: multiplyCompressed(a, columns: 8)
    }
  }
#endif
