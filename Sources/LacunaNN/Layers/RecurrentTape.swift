// What a recurrent layer remembers of some samples between its forward and its backward pass, and both passes.
//
// With s = W·x + b, q = R·h_{t−1} + b′ and g_t = ∂loss/∂h_t, which collects what comes from above and from step t + 1:
//
//     ds_t, dq_t from g_t by the cell;   g_{t−1} += Rᵀ·dq_t + what the cell passes on
//     dX = dS·W,   dW = dSᵀ·X,   dR = Σ dq_t·h_{t−1}ᵀ,   db = Σ ds_t,   db′ = Σ dq_t
//
// s and q differ only in the candidate of a GRU, whose rows of q are kept apart; elsewhere q is added to s at once.
// Rows of all steps lie as `PackedSequences` says: a step is one product for the samples that have it, and products
// that need no order are one for all steps.

import LacunaFormats
import LacunaOperations

/// Memory and passes of one part of a mini-batch. For one thread at a time.
final class RecurrentTape {
  let unit: RecurrentUnit
  let units: Int, features: Int
  /// Whether states before the first step are zeros, else what ``firstHidden`` and ``firstCell`` hold.
  let startsFromZeros: Bool
  private var gateRows: Int { unit.gates * units }
  /// Rows whose share of R·h is added to s: all, or those of the gates of a GRU.
  private var joined: Int { unit == .gru ? 2 * units : gateRows }
  private(set) var packing = PackedSequences(lengths: [1])

  /// [rows, features]: what the steps read, to be written before the forward pass; behind a backward pass that was
  /// asked for it the gradient.
  let x: AlignedBuffer<Float>
  /// [rows, gates · units]: s, then the gates, then ds.
  private let sums: AlignedBuffer<Float>
  /// [rows, units] of a GRU: R_h·h + b′ of the candidate, then dq of it; of an LSTM c.
  private let second: AlignedBuffer<Float>
  /// [rows, units]: h behind a step, and before it.
  private let hidden: AlignedBuffer<Float>, before: AlignedBuffer<Float>
  /// [samples, units], by place: the states before the first step.
  let firstHidden: AlignedBuffer<Float>, firstCell: AlignedBuffer<Float>
  /// [samples, units], by place: before the backward pass ∂loss/∂ of each sample's last states from outside; then g of
  /// the current step; behind it ∂loss/∂ of the first states, where these are no zeros.
  let carried: AlignedBuffer<Float>, carriedCell: AlignedBuffer<Float>
  /// Of W, R, b and b′, one behind the other.
  private let gradients: AlignedBuffer<Float>

  /// - Parameter cells: steps of all samples together, at most.
  init(
    unit: RecurrentUnit, units: Int, features: Int, cells: Int, samples: Int,
    startsFromZeros: Bool = true
  ) {
    (self.unit, self.units, self.features) = (unit, units, features)
    self.startsFromZeros = startsFromZeros
    let rows = unit.gates * units
    x = AlignedBuffer(count: cells * features)
    sums = AlignedBuffer(count: cells * rows)
    second = AlignedBuffer(count: cells * units)
    hidden = AlignedBuffer(count: cells * units)
    before = AlignedBuffer(count: cells * units)
    firstHidden = AlignedBuffer(count: samples * units)
    firstCell = AlignedBuffer(count: samples * units)
    carried = AlignedBuffer(count: samples * units)
    carriedCell = AlignedBuffer(count: samples * units)
    gradients = AlignedBuffer(count: rows * (features + units + 2))
  }

  /// The gradients of W, R and b, and of b′ where there is one.
  var gradientPointers: [UnsafeMutablePointer<Float>] {
    let bias = gateRows * (features + units)
    return ([0, gateRows * features, bias] + (unit == .gru ? [bias + gateRows] : [])).map {
      gradients.pointer + $0
    }
  }

  /// Takes samples whose steps lie as `packing` says; ``x`` is to be written next.
  func begin(_ packing: PackedSequences) { self.packing = packing }

  /// h behind the step at a row.
  @inline(__always)
  func state(row: Int) -> UnsafeMutablePointer<Float> { hidden.pointer + row * units }
  /// c of an LSTM behind the step at a row.
  @inline(__always)
  func cell(row: Int) -> UnsafeMutablePointer<Float> { second.pointer + row * units }

  private func step(_ t: Int) -> (step: CellStep, cell: UnsafePointer<Float>) {
    let row = packing.starts[t]
    return (
      CellStep(
        units: units, samples: packing.counts[t], sums: sums.pointer + row * gateRows,
        second: cell(row: row), before: before.pointer + row * units, after: state(row: row)),
      UnsafePointer(t == 0 ? firstCell.pointer : cell(row: packing.starts[t - 1]))
    )
  }

  func forward(_ weights: RecurrentParameters) {
    let (h, rows, joined) = (units, gateRows, joined)
    let (w, r) = (weights.kernel.values.pointer, weights.recurrentKernel.values.pointer)
    for i in 0..<packing.rows {
      let row = sums.pointer + i * rows
      copy(row, weights.bias.values.pointer, rows)
      guard let recurrentBias = weights.recurrentBias?.values.pointer else { continue }
      for j in 0..<joined { row[j] += recurrentBias[j] }
      copy(second.pointer + i * h, recurrentBias + joined, h)
    }
    BLAS.gemm(
      m: packing.rows, n: rows, k: features, a: x.pointer, lda: features, b: w, ldb: features,
      transposeB: true, beta: 1, c: sums.pointer, ldc: rows)
    for t in 0..<packing.steps {
      let n = packing.counts[t]
      let (cell, cellBefore) = step(t)
      let from = before.pointer + packing.starts[t] * h
      copy(from, t == 0 ? firstHidden.pointer : state(row: packing.starts[t - 1]), n * h)
      if t > 0 || !startsFromZeros {
        BLAS.gemm(
          m: n, n: joined, k: h, a: from, lda: h, b: r, ldb: h, transposeB: true, beta: 1,
          c: cell.sums, ldc: rows)
        if unit == .gru {
          BLAS.gemm(
            m: n, n: h, k: h, a: from, lda: h, b: r + joined * h, ldb: h, transposeB: true,
            beta: 1, c: cell.second, ldc: h)
        }
      }
      switch unit {
      case .gru: cell.gruForward()
      case .lstm: cell.lstmForward(c: cellBefore)
      }
    }
  }

  /// Gradients of the weights, and of x where asked for.
  ///
  /// - Parameter above: adds to g what comes from above for the samples of a step.
  func backward(
    _ weights: RecurrentParameters, needsInput: Bool,
    above: (_ t: Int, _ g: UnsafeMutablePointer<Float>) -> Void = { _, _ in }
  ) {
    let (h, rows, joined) = (units, gateRows, joined)
    let r = weights.recurrentKernel.values.pointer
    let g = carried.pointer
    for t in stride(from: packing.steps - 1, through: 0, by: -1) {
      above(t, g)
      let n = packing.counts[t]
      let (cell, cellBefore) = step(t)
      switch unit {
      case .gru: cell.gruBackward(g)
      case .lstm: cell.lstmBackward(g, dc: carriedCell.pointer, c: cellBefore)
      }
      if t == 0 && startsFromZeros { break }
      BLAS.gemm(
        m: n, n: h, k: joined, a: cell.sums, lda: rows, b: r, ldb: h, beta: 1, c: g, ldc: h)
      if unit == .gru {
        BLAS.gemm(
          m: n, n: h, k: h, a: cell.second, lda: h, b: r + joined * h, ldb: h, beta: 1, c: g,
          ldc: h)
      }
    }
    weightGradients()
    if !needsInput { return }
    // x has been used: its memory takes the gradient.
    BLAS.gemm(
      m: packing.rows, n: features, k: rows, a: sums.pointer, lda: rows,
      b: weights.kernel.values.pointer, ldb: features, c: x.pointer, ldc: features)
  }

  private func weightGradients() {
    let (h, rows, joined) = (units, gateRows, joined)
    let place = gradientPointers
    zero(gradients.pointer, gradients.count)
    BLAS.gemm(
      m: rows, n: features, k: packing.rows, a: sums.pointer, lda: rows, transposeA: true,
      b: x.pointer, ldb: features, c: place[0], ldc: features)
    // A state of zeros before the first step adds nothing.
    let first = startsFromZeros ? packing.counts[0] : 0
    let later = packing.rows - first
    if later > 0 {
      BLAS.gemm(
        m: joined, n: h, k: later, a: sums.pointer + first * rows, lda: rows, transposeA: true,
        b: before.pointer + first * h, ldb: h, c: place[1], ldc: h)
    }
    accumulateRows(place[2], sums.pointer, rows: packing.rows, rows, stride: rows)
    if unit == .gru {
      if later > 0 {
        BLAS.gemm(
          m: h, n: h, k: later, a: second.pointer + first * h, lda: h, transposeA: true,
          b: before.pointer + first * h, ldb: h, c: place[1] + joined * h, ldc: h)
      }
      copy(place[3], place[2], joined)
      accumulateRows(place[3] + joined, second.pointer, rows: packing.rows, h, stride: h)
    }
  }
}
