// Y[i, c] ← bound(bias[i] + β·Y[i, c] + Σ_b W_b[i, :]·X[C·index[b]…, c]) for blocks whose parts fill a register.
//
// One register holds 16/C rows of a block with C columns. The C inputs are repeated to fill a register,
// one multiply-add does the part, and the C partial sums of a row are added when the strip ends.

import CSIMD

#if LACUNA_V4
  /// A register of the block kernels, and how weights are read into one.
  typealias BlockVector = WindowF32x16
  typealias BlockF32 = WindowF32x16
  typealias BlockBF16 = LaneBF16
  typealias BlockF16 = LaneF16

  /// One step: a register of weights, and as much of each column of X.
  @inline(__always)
  private func blockStep<W: LaneWeight, let C: Int>(
    _: W.Type, _ number: Int, _ sums: inout InlineArray<C, WindowF32x16>, _ a: lcn_block_args,
    _ weights: UnsafeRawPointer, _ indices: UnsafePointer<UInt16>, blockColumns: Int
  ) where W.Lanes == BlockVector {
    let x = a.x + 4 &* blockColumns &* Int(indices[number])
    let w = W.load(weights + 16 &* W.bytes &* number)
    for c in 0..<C {
      sums[c].v = lcn_block_step16(
        sums[c].v, w.v, lcn_spread16(x + 4 &* c &* Int(a.xColumn), Int64(blockColumns)))
    }
  }

  /// All strips, for C columns of X; a sum is kept in four registers that take turns, because a
  /// multiply-add waits four cycles for the one before it.
  @inline(__always)
  func multiplyBlocks<W: LaneWeight, let C: Int>(
    _ arguments: UnsafePointer<lcn_block_args>, _: W.Type, _ zero: InlineArray<C, WindowF32x16>,
    blockColumns: Int
  ) where W.Lanes == BlockVector {
    let a = arguments.pointee
    var (weights, indices) = (a.weights, a.indices)
    let height = 16 / blockColumns
    for strip in 0..<Int(a.strips) {
      var (sums0, sums1, sums2, sums3) = (zero, zero, zero, zero)
      let count = Int(a.counts[strip])
      var rounds = count &>> 2
      while rounds > 0 {
        rounds &-= 1
        lcn_prefetch_lines(weights + 8192, CInt(W.bytes))
        blockStep(W.self, 0, &sums0, a, weights, indices, blockColumns: blockColumns)
        blockStep(W.self, 1, &sums1, a, weights, indices, blockColumns: blockColumns)
        blockStep(W.self, 2, &sums2, a, weights, indices, blockColumns: blockColumns)
        blockStep(W.self, 3, &sums3, a, weights, indices, blockColumns: blockColumns)
        weights += 64 &* W.bytes
        indices += 4
      }
      let rest = count & 3
      if rest > 0 { blockStep(W.self, 0, &sums0, a, weights, indices, blockColumns: blockColumns) }
      if rest > 1 { blockStep(W.self, 1, &sums1, a, weights, indices, blockColumns: blockColumns) }
      if rest > 2 { blockStep(W.self, 2, &sums2, a, weights, indices, blockColumns: blockColumns) }
      weights += 16 &* W.bytes &* rest
      indices += rest
      let row = Int(a.firstRows[strip])
      let left = Int(a.rows) &- row
      // The last block of rows may have whole strips outside the matrix.
      if left <= 0 { continue }
      // A loop of its own, short enough to be unrolled: an array that is indexed by a variable would
      // keep the sums in memory all along.
      var totals = zero
      for c in 0..<C {
        totals[c] = sums0[c].adding(sums1[c]).adding(sums2[c].adding(sums3[c]))
      }
      for c in 0..<C {
        finishStrip(
          a, lcn_fold16(totals[c].v, Int64(blockColumns)), row: row, column: c,
          count: left < height ? left : height)
      }
    }
  }

  @inline(__always)
  private func finishStrip(
    _ a: lcn_block_args, _ sum: __m512, row: Int, column: Int, count: Int
  ) {
    let (lower, upper, beta) = (Float(a.lower), Float(a.upper), Float(a.beta))
    let bias = a.bias.assumingMemoryBound(to: Float.self) + row
    let y =
      a.y.assumingMemoryBound(to: Float.self) + (row &* Int(a.yRow) &+ column &* Int(a.yColumn))
    if a.yRow == 1 {
      lcn_finish_first16(sum, Int64(count), bias, y, beta, lower, upper)
      return
    }
    lcn_store16(a.scratch, sum)
    let sums = a.scratch.assumingMemoryBound(to: Float.self)
    for i in 0..<count {
      let target = y + i &* Int(a.yRow)
      var v = sums[i] + bias[i]
      if beta != 0 { v += beta * target.pointee }
      target.pointee = bounded(v, lower, upper)
    }
  }
#endif

/// The plain twin, for any C.
@inline(__always)
private func multiplyPlainBlocks<W: SingleWeight>(_ a: UnsafePointer<lcn_block_args>, _: W.Type)
where W.Value == Float {
  let a = a.pointee
  let (width, height) = (Int(a.blockColumns), 16 / Int(a.blockColumns))
  let x = a.x.assumingMemoryBound(to: Float.self)
  let y = a.y.assumingMemoryBound(to: Float.self)
  let bias = a.bias.assumingMemoryBound(to: Float.self)
  let (lower, upper, beta) = (Float(a.lower), Float(a.upper), Float(a.beta))
  for column in 0..<Int(a.columns) {
    var step = 0
    for strip in 0..<Int(a.strips) {
      for r in 0..<height {
        let row = Int(a.firstRows[strip]) + r
        if row >= Int(a.rows) { continue }
        let target = y + (row * Int(a.yRow) + column * Int(a.yColumn))
        var sum = bias[row]
        if beta != 0 { sum += beta * target.pointee }
        for s in step..<(step + Int(a.counts[strip])) {
          let w = a.weights.assumingMemoryBound(to: W.Stored.self) + (16 * s + r * width)
          let inputs = x + (column * Int(a.xColumn) + width * Int(a.indices[s]))
          for j in 0..<width { sum += W.value(w[j]) * inputs[j] }
        }
        target.pointee = bounded(sum, lower, upper)
      }
      step += Int(a.counts[strip])
    }
  }
}

func blocksReferenceF32(_ a: UnsafePointer<lcn_block_args>) {
  multiplyPlainBlocks(a, SingleF32.self)
}
func blocksReferenceBF16(_ a: UnsafePointer<lcn_block_args>) {
  multiplyPlainBlocks(a, WeightBF16.self)
}
func blocksReferenceF16(_ a: UnsafePointer<lcn_block_args>) {
  multiplyPlainBlocks(a, WeightF16.self)
}
