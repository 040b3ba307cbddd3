// The block kernels for registers of eight floats: a step of 16 weights is two of them.
//
// What bounds it are loads: two of weights, and one of X for each of its columns where C is 8 at most, for twice as many
// multiply-adds. One column has sums that take four turns, two have two, because a multiply-add waits four cycles for
// the one before it; from three columns on there are enough of them.

import CSIMD

#if LACUNA_V3
  /// How weights are read into half a register of the block kernels.
  typealias BlockF32 = VectorF32
  typealias BlockBF16 = WeightBF16
  typealias BlockF16 = WeightF16

  /// The sums of a strip for one column of X: 16 lanes.
  struct BlockVector {
    var low: VectorF32, high: VectorF32
    @inline(__always) static var zero: Self { Self(low: .zero, high: .zero) }

    @inline(__always) func adding(_ a: Self) -> Self {
      Self(low: VectorF32(low.lanes + a.low.lanes), high: VectorF32(high.lanes + a.high.lanes))
    }
  }

  /// One step: a part of a block, and as much of each column of X.
  @inline(__always)
  private func blockStep<W: StripWeight, let C: Int>(
    _: W.Type, _ number: Int, _ sums: inout InlineArray<C, BlockVector>, _ a: lcn_block_args,
    _ weights: UnsafeRawPointer, _ indices: UnsafePointer<UInt16>, blockColumns: Int
  ) where W.Sum == VectorF32 {
    let x = a.x + 4 &* blockColumns &* Int(indices[number])
    let (low, high) = (W.load(weights, 2 &* number), W.load(weights, 2 &* number &+ 1))
    for c in 0..<C {
      let column = x + 4 &* c &* Int(a.xColumn)
      sums[c].low = sums[c].low.adding(
        low, times: VectorF32(lcn_spread8(column, Int64(blockColumns), 0)))
      sums[c].high = sums[c].high.adding(
        high, times: VectorF32(lcn_spread8(column, Int64(blockColumns), 1)))
    }
  }

  /// All strips, for C columns of X.
  @inline(__always)
  func multiplyBlocks<W: StripWeight, let C: Int>(
    _ arguments: UnsafePointer<lcn_block_args>, _: W.Type, _ zero: InlineArray<C, BlockVector>,
    blockColumns: Int
  ) where W.Sum == VectorF32 {
    let bytes = MemoryLayout<W.Stored>.size
    let a = arguments.pointee
    var (weights, indices) = (a.weights, a.indices)
    let height = 16 / blockColumns
    for strip in 0..<Int(a.strips) {
      var (sums0, sums1, sums2, sums3) = (zero, zero, zero, zero)
      let count = Int(a.counts[strip])
      var rounds = count &>> 2
      while rounds > 0 {
        rounds &-= 1
        lcn_prefetch_lines(weights + 8192, CInt(bytes))
        blockStep(W.self, 0, &sums0, a, weights, indices, blockColumns: blockColumns)
        if C == 1 {
          blockStep(W.self, 1, &sums1, a, weights, indices, blockColumns: blockColumns)
          blockStep(W.self, 2, &sums2, a, weights, indices, blockColumns: blockColumns)
          blockStep(W.self, 3, &sums3, a, weights, indices, blockColumns: blockColumns)
        } else if C == 2 {
          blockStep(W.self, 1, &sums1, a, weights, indices, blockColumns: blockColumns)
          blockStep(W.self, 2, &sums0, a, weights, indices, blockColumns: blockColumns)
          blockStep(W.self, 3, &sums1, a, weights, indices, blockColumns: blockColumns)
        } else {
          blockStep(W.self, 1, &sums0, a, weights, indices, blockColumns: blockColumns)
          blockStep(W.self, 2, &sums0, a, weights, indices, blockColumns: blockColumns)
          blockStep(W.self, 3, &sums0, a, weights, indices, blockColumns: blockColumns)
        }
        weights += 64 &* bytes
        indices += 4
      }
      let rest = count & 3
      for step in 0..<rest {
        blockStep(W.self, step, &sums0, a, weights, indices, blockColumns: blockColumns)
      }
      weights += 16 &* bytes &* rest
      indices += rest
      let row = Int(a.firstRows[strip])
      let left = Int(a.rows) &- row
      // The last block of rows may have whole strips outside the matrix.
      if left <= 0 { continue }
      var totals = sums0
      if C <= 2 { for c in 0..<C { totals[c] = totals[c].adding(sums1[c]) } }
      if C == 1 { for c in 0..<C { totals[c] = totals[c].adding(sums2[c].adding(sums3[c])) } }
      for c in 0..<C {
        lcn_fold8(a.scratch, totals[c].low.lanes, totals[c].high.lanes, Int64(blockColumns))
        finishStrip(a, row: row, column: c, count: left < height ? left : height)
      }
    }
  }

  /// `count` sums in the scratch memory become results.
  @inline(__always)
  private func finishStrip(_ a: lcn_block_args, row: Int, column: Int, count: Int) {
    let (lower, upper, beta) = (Float(a.lower), Float(a.upper), Float(a.beta))
    let sums = a.scratch.assumingMemoryBound(to: Float.self)
    let bias = a.bias.assumingMemoryBound(to: Float.self) + row
    let y =
      a.y.assumingMemoryBound(to: Float.self) + (row &* Int(a.yRow) &+ column &* Int(a.yColumn))
    var i = 0
    if a.yRow == 1 {
      while i &+ 4 <= count {
        lcn_finish4(sums + i, bias + i, y + i, beta, lower, upper)
        i &+= 4
      }
    }
    while i < count {
      let target = y + i &* Int(a.yRow)
      var v = sums[i] + bias[i]
      if beta != 0 { v += beta * target.pointee }
      target.pointee = bounded(v, lower, upper)
      i &+= 1
    }
  }
#endif
