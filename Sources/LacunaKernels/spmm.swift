// Y[i, 0..<T] ← bound(start[i] + Σ_s w[s]·X[index[s], 0..<T]) for strips of R output rows, T registers.
//
// One step loads T registers of a panel row and R weights, and does R·T multiply-adds into R·T
// accumulators that stay in registers. A strip of one row uses each loaded register once: its X operands
// are folded into the multiply-adds. Wider strips load them first and use each R times.

import CSIMD

typealias Arguments = UnsafePointer<lcn_spmm_args>

/// One step: the panel row at `row`, R weights from `weights` on.
///
/// With four rows and three registers the sums, the panel row and one weight take all 16 registers of AVX2. Weights of
/// 16 bits take two instructions each; the compiler put those of all four steps first and kept sums in memory
/// meanwhile, which took twice as long as f32 does. There each weight, and the panel row, follows the sums before it.
@inline(__always)
private func step<W: StripWeight, V, let R: Int, let T: Int, let RT: Int>(
  _: W.Type, _ sums: inout InlineArray<RT, V>, _ shape: InlineArray<R, Void>.Type,
  _ columns: InlineArray<T, V>, row address: UnsafeRawPointer, weights: UnsafePointer<W.Stored>
) where V == W.Sum {
  // A base register of its own: with the index folded into every operand the loads are 15 % slower.
  var row = lcn_opaque(address)
  if R == 1 {
    let w = W.spread(weights)
    for t in 0..<T { sums[t] = sums[t].adding(w, times: V.load(row, t)) }
  } else {
    var weights = UnsafeRawPointer(weights)
    if R == 4 { for t in 0..<T { row = W.ordered(row, after: sums[3 &* T &+ t]) } }
    var loaded = columns
    for t in 0..<T { loaded[t] = V.load(row, t) }
    for r in 0..<R {
      let w = W.spread(weights.assumingMemoryBound(to: W.Stored.self) + r)
      for t in 0..<T {
        sums[r &* T &+ t] = sums[r &* T &+ t].adding(w, times: loaded[t])
        if R == 4 { weights = W.ordered(weights, after: sums[r &* T &+ t]) }
      }
    }
  }
}

/// All steps of one strip.
///
/// Four 16-bit indices come with one load, a quad ahead of their use: loads whose address is known
/// when they are issued run at nearly the full rate, those that wait for an index at three quarters.
@inline(__always)
private func accumulate<W: StripWeight, V, let R: Int, let T: Int, let RT: Int>(
  _: W.Type, _ sums: inout InlineArray<RT, V>, _ shape: InlineArray<R, Void>.Type,
  _ columns: InlineArray<T, V>, steps: Int, x: UnsafeRawPointer, xStride: Int,
  weights: inout UnsafePointer<W.Stored>, quads: inout UnsafeRawPointer, next: inout UInt64
) where V == W.Sum {
  var rounds = steps &>> 2
  while rounds > 0 {
    rounds &-= 1
    let quad = next
    quads += 8
    next = quads.load(as: UInt64.self)
    let (i0, i1) = (Int(quad & 0xffff), Int(quad &>> 16 & 0xffff))
    let (i2, i3) = (Int(quad &>> 32 & 0xffff), Int(quad &>> 48))
    step(W.self, &sums, shape, columns, row: x + i0 &* xStride, weights: weights)
    step(W.self, &sums, shape, columns, row: x + i1 &* xStride, weights: weights + R)
    step(W.self, &sums, shape, columns, row: x + i2 &* xStride, weights: weights + 2 &* R)
    step(W.self, &sums, shape, columns, row: x + i3 &* xStride, weights: weights + 3 &* R)
    weights += 4 &* R
  }
  let rest = steps & 3
  if rest == 0 { return }
  let quad = next
  quads += 8
  next = quads.load(as: UInt64.self)
  step(W.self, &sums, shape, columns, row: x + Int(quad & 0xffff) &* xStride, weights: weights)
  if rest > 1 {
    let row = x + Int(quad &>> 16 & 0xffff) &* xStride
    step(W.self, &sums, shape, columns, row: row, weights: weights + R)
    if rest > 2 {
      let row = x + Int(quad &>> 32 & 0xffff) &* xStride
      step(W.self, &sums, shape, columns, row: row, weights: weights + 2 &* R)
    }
  }
  weights += 4 &* R
}

/// Strips between asking for rows of Y or of a residual and using them: about 200 ns. As many row numbers are readable behind the last.
private let targetDistance = 8

/// One region for a strip height R and a panel of T registers. Not checked: anything.
///
/// Every instance is a concrete function of `spmm_instances.swift`: a generic instance that is not
/// inlined would be a weak symbol.
@inline(__always)
func multiplyRegion<W: StripWeight, V, let R: Int, let T: Int, let RT: Int>(
  _ a: UnsafePointer<lcn_spmm_args>, _: W.Type, _ shape: InlineArray<R, Void>.Type,
  _ columns: InlineArray<T, V>, _ zero: InlineArray<RT, V>
) where V == W.Sum {
  let a = a.pointee
  var weights = a.weights.assumingMemoryBound(to: W.Stored.self)
  var quads = UnsafeRawPointer(a.indices)
  var next = quads.load(as: UInt64.self)
  var rows = a.rows
  let finish = V.finish(a)
  let tail = Int(a.columns) &- (T &- 1) &* V.count
  let asks = a.fetchesTarget != 0 || a.fetchesResidual != 0 || a.next.share > 0
  var (following, asked) = (a.next, Int64(0))
  for g in 0..<Int(a.groupCount) {
    let steps = Int(a.groups[2 &* g])
    for _ in 0..<Int(a.groups[2 &* g &+ 1]) {
      let row = Int(rows.pointee)
      var sums = zero
      let partial = a.partial + row &* Int(a.partialStride)
      if asks {
        if a.fetchesTarget != 0 {
          let later = a.y + Int(rows[targetDistance]) &* Int(a.yStride)
          for r in 0..<R {
            let row = later + r &* Int(a.yStride)
            for t in 0..<T { lcn_prefetch_write(row + t &* MemoryLayout<V>.size) }
          }
        }
        if a.fetchesResidual != 0 {
          let later = a.residual! + Int(rows[targetDistance]) &* Int(a.yStride)
          for r in 0..<R {
            let row = later + r &* Int(a.yStride)
            for t in 0..<T { lcn_prefetch(row + t &* MemoryLayout<V>.size) }
          }
        }
        lcn_ask(&following, Int64(T &* MemoryLayout<V>.size), &asked)
      }
      rows += 1
      if a.startsFromBias != 0 {
        for r in 0..<R {
          let start = V.start(a, row: row &+ r)
          for t in 0..<T { sums[r &* T &+ t] = start }
        }
      } else {
        for r in 0..<R {
          for t in 0..<T {
            sums[r &* T &+ t] = V.load(partial + r &* Int(a.partialStride), t)
          }
        }
      }
      accumulate(
        W.self, &sums, shape, columns, steps: steps, x: a.x, xStride: Int(a.xStride),
        weights: &weights,
        quads: &quads, next: &next)
      if a.finishes == 0 {
        V.storeStrip(sums, shape, columns, at: partial, stride: Int(a.partialStride))
      } else {
        V.finish(
          &sums, shape, columns, row: row, partial: partial, partialStride: Int(a.partialStride),
          y: a.y + row &* Int(a.yStride), yStride: Int(a.yStride), tail: tail, finish)
      }
    }
  }
}
