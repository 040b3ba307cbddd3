// Y[row(g,l), c] ← bound(bias + β·Y + Σ_s w[s,l]·X[base[s] + place[s,l], c]) for groups g of rows, one per lane l.
//
// The weights of `lanes` rows are walked together. A step loads one weight per lane and a window of two
// adjacent blocks of inputs, picks each lane's input by a register permute, and does one multiply-add:
// no gather, no horizontal sum, and no branch inside a group. Windows drift: each step names its own
// first block, so a lane that has few weights in one window runs ahead in the next. See
// `WindowPacker.swift` for the schedule.

import CSIMD

/// Bytes ahead of the stream of weights that are asked for: two pages. Hardware prefetchers stop at the
/// end of a page. Measured at 4096×4096, 90 % sparse, from memory: 1 KB ahead 30 GB/s, 2 KB 34, 4 KB 39,
/// 8 KB 45.
private var prefetchDistance: Int { 8192 }

/// One step of all columns. `number` is a constant after inlining, so that the sums stay in registers.
@inline(__always)
private func step<W: LaneWeight, V>(
  _: W.Type, _ number: Int, _ sums: inout InlineArray<24, V>, _ values: UnsafeRawPointer,
  _ word: inout V.Places,
  _ a: lcn_window_args, _ bases: UnsafePointer<UInt16>, columns: Int
) where V == W.Lanes {
  let windowBytes = columns &* V.blockBytes
  let w = W.load(values + number &* V.lanes &* W.bytes)
  let window = a.x + Int(bases[number]) &* windowBytes
  let turn = (number % V.turns) &* columns
  for c in 0..<columns {
    let low = window + c &* V.blockBytes
    sums[turn &+ c] = sums[turn &+ c].adding(w, times: V.pick(low, low + windowBytes, word))
  }
  word = V.next(word)
}

#if LACUNA_V3
  /// Asks for what all three streams hold ``prefetchDistance`` ahead of the weights.
  @inline(__always)
  private func prefetchBundle<W: LaneWeight>(
    _: W.Type, _ values: UnsafeRawPointer, _ places: UnsafeRawPointer,
    _ bases: UnsafePointer<UInt16>
  ) {
    typealias V = W.Lanes
    let bytes = V.stepsPerBundle &* V.lanes &* W.bytes
    let ahead = prefetchDistance / bytes
    lcn_prefetch_lines(values + prefetchDistance, CInt(bytes / 64))
    lcn_prefetch_lines(places + ahead &* V.placesBytes, 1)
    lcn_prefetch_lines(bases + ahead &* V.stepsPerBundle, 1)
  }
#endif

/// All groups for `columns` columns of X, columns · turns ≤ 24.
@inline(__always)
func multiplyWindows<W: LaneWeight>(
  _ arguments: UnsafePointer<lcn_window_args>, _: W.Type, columns: Int
) {
  typealias V = W.Lanes
  let a = arguments.pointee
  var values = a.values
  var places = UnsafeRawPointer(a.places)
  var bases = a.bases
  let (lower, upper) = (V(repeating: a.lower), V(repeating: a.upper))
  let beta = V(repeating: a.beta)
  for g in 0..<Int(a.groups) {
    var sums = InlineArray<24, V>(repeating: .zero)
    for _ in 0..<Int(a.bundles[g]) {
      #if LACUNA_V3
        // AVX-512 has a kernel of its own for weights that come from memory.
        prefetchBundle(W.self, values, places, bases)
      #endif
      var word = V.loadPlaces(places)
      step(W.self, 0, &sums, values, &word, a, bases, columns: columns)
      step(W.self, 1, &sums, values, &word, a, bases, columns: columns)
      step(W.self, 2, &sums, values, &word, a, bases, columns: columns)
      step(W.self, 3, &sums, values, &word, a, bases, columns: columns)
      step(W.self, 4, &sums, values, &word, a, bases, columns: columns)
      step(W.self, 5, &sums, values, &word, a, bases, columns: columns)
      if V.stepsPerBundle == 8 {
        step(W.self, 6, &sums, values, &word, a, bases, columns: columns)
        step(W.self, 7, &sums, values, &word, a, bases, columns: columns)
      }
      values += V.stepsPerBundle &* V.lanes &* W.bytes
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
  // A loop of its own, short enough to be unrolled: an array that is indexed by a variable would keep
  // the sums in memory all along.
  var totals = InlineArray<8, V>(repeating: .zero)
  for c in 0..<columns {
    var sum = sums[c]
    for turn in 1..<V.turns { sum = sum.adding(sums[turn &* columns &+ c]) }
    totals[c] = sum
  }
  for c in 0..<columns {
    var sum = totals[c]
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

#if LACUNA_V4
  /// A step that spreads the next few weights over the lanes of its mask, and moves behind them.
  @inline(__always)
  private func compressedStep<W: CompressedWeight>(
    _: W.Type, _ number: Int, _ sums: inout InlineArray<24, WindowF32x16>,
    _ values: inout UnsafeRawPointer,
    _ word: inout __m512i, _ a: lcn_window_args, _ bases: UnsafePointer<UInt16>,
    _ masks: UnsafePointer<UInt16>, columns: Int
  ) {
    typealias V = WindowF32x16
    let windowBytes = columns &* V.blockBytes
    let mask = UInt32(masks[number])
    let w = W.expand(values, mask)
    values += W.bytes &* Int(lcn_bit_count(mask))
    let window = a.x + Int(bases[number]) &* windowBytes
    let turn = (number % V.turns) &* columns
    for c in 0..<columns {
      let low = window + c &* V.blockBytes
      sums[turn &+ c].v = lcn_fma16_lanes(
        w, V.pick(low, low + windowBytes, word).v, sums[turn &+ c].v, mask)
    }
    word = V.next(word)
  }

  /// The walk over weights of which only those in use are stored: fewer bytes, more instructions, for
  /// weights that come from memory.
  @inline(__always)
  func multiplyCompressed<W: CompressedWeight>(
    _ arguments: UnsafePointer<lcn_window_args>, _: W.Type, columns: Int
  ) {
    typealias V = WindowF32x16
    let a = arguments.pointee
    var values = a.values
    var places = UnsafeRawPointer(a.places)
    var (bases, masks) = (a.bases, a.masks)
    let (lower, upper) = (V(repeating: a.lower), V(repeating: a.upper))
    let beta = V(repeating: a.beta)
    for g in 0..<Int(a.groups) {
      var sums = InlineArray<24, V>(repeating: .zero)
      for _ in 0..<Int(a.bundles[g]) {
        var word = V.loadPlaces(places)
        lcn_prefetch_lines(values + prefetchDistance, W.bytes == 4 ? 6 : 3)
        lcn_prefetch_lines(places + prefetchDistance / 4, 1)
        compressedStep(W.self, 0, &sums, &values, &word, a, bases, masks, columns: columns)
        compressedStep(W.self, 1, &sums, &values, &word, a, bases, masks, columns: columns)
        compressedStep(W.self, 2, &sums, &values, &word, a, bases, masks, columns: columns)
        compressedStep(W.self, 3, &sums, &values, &word, a, bases, masks, columns: columns)
        compressedStep(W.self, 4, &sums, &values, &word, a, bases, masks, columns: columns)
        compressedStep(W.self, 5, &sums, &values, &word, a, bases, masks, columns: columns)
        places += V.placesBytes
        bases += 6
        masks += 6
      }
      finish(a, group: g, columns: columns, sums, lower, upper, beta)
    }
  }
#endif
