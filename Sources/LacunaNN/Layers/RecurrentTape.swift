// What a recurrent layer remembers of some samples between its forward and its backward pass, and both passes.
//
// With s = W·x + b, q = R·h_{t−1} + b′ and g_t = ∂loss/∂h_t, which collects what comes from above and from step t + 1:
//
//     ds_t, dq_t from g_t by the cell;   g_{t−1} += Rᵀ·dq_t + what the cell passes on
//     dX = dS·W,   dW = dSᵀ·X,   dR = Σ dq_t·h_{t−1}ᵀ,   db = Σ ds_t,   db′ = Σ dq_t
//
// s and q differ only in the candidate of a GRU, whose rows of q are kept apart; elsewhere q is added to s at once.

import LacunaFormats
import LacunaOperations

/// Memory and passes of one part of a mini-batch. For one thread at a time.
final class RecurrentTape {
  let unit: RecurrentUnit
  let units: Int, features: Int, steps: Int
  var rows: Int { unit.gates * units }
  /// Rows whose share of R·h is added to s: all, or those of the gates of a GRU.
  private var joined: Int { unit == .gru ? 2 * units : rows }
  private(set) var samples = 0

  /// [steps, samples, features]
  private let x: AlignedBuffer<Float>
  /// [steps, samples, rows]: s, then the gates, then ds.
  private let sums: AlignedBuffer<Float>
  /// [steps, samples, units] of a GRU: R_h·h + b′ of the candidate, then dq of it; of an LSTM c.
  private let second: AlignedBuffer<Float>
  /// [steps, samples, units]
  private let hidden: AlignedBuffer<Float>
  /// [samples, units]: g of the current step, and ∂loss/∂c.
  private let carried: AlignedBuffer<Float>, carriedCell: AlignedBuffer<Float>
  private let zeros: AlignedBuffer<Float>
  /// Of W, R, b and b′, one behind the other.
  let gradients: AlignedBuffer<Float>

  init(unit: RecurrentUnit, units: Int, features: Int, steps: Int, samples: Int) {
    (self.unit, self.units, self.features, self.steps) = (unit, units, features, steps)
    let (cells, rows) = (steps * samples, unit.gates * units)
    x = AlignedBuffer(count: cells * features)
    sums = AlignedBuffer(count: cells * rows)
    second = AlignedBuffer(count: cells * units)
    hidden = AlignedBuffer(count: cells * units)
    carried = AlignedBuffer(count: samples * units)
    carriedCell = AlignedBuffer(count: samples * units)
    zeros = AlignedBuffer(count: samples * units)
    gradients = AlignedBuffer(count: rows * (features + units + 2))
  }

  /// Where the gradients of W, R, b and b′ begin.
  var gradientPlaces: [Int] {
    let bias = rows * (features + units)
    return [0, rows * features, bias, bias + rows]
  }

  /// Takes `[samples, steps, features]`.
  func load(_ from: UnsafePointer<Float>, samples: Int) {
    self.samples = samples
    for t in 0..<steps {
      for b in 0..<samples {
        copy(
          x.pointer + (t * samples + b) * features, from + (b * steps + t) * features, features)
      }
    }
  }

  /// Gives the last state `[samples, units]`, or all `[samples, steps, units]`.
  func store(_ y: UnsafeMutablePointer<Float>, _ output: RecurrentOutput) {
    if output == .last { return copy(y, state(steps - 1), samples * units) }
    for t in 0..<steps {
      for b in 0..<samples { copy(y + (b * steps + t) * units, state(t) + b * units, units) }
    }
  }

  private func state(_ t: Int) -> UnsafeMutablePointer<Float> {
    hidden.pointer + t * samples * units
  }

  func forward(
    w: UnsafePointer<Float>, r: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    recurrentBias: UnsafePointer<Float>?
  ) {
    let (n, h, rows, joined) = (samples, units, rows, joined)
    for i in 0..<steps * n {
      let row = sums.pointer + i * rows
      copy(row, bias, rows)
      guard let recurrentBias else { continue }
      for j in 0..<joined { row[j] += recurrentBias[j] }
      copy(second.pointer + i * h, recurrentBias + joined, h)
    }
    BLAS.gemm(
      m: steps * n, n: rows, k: features, a: x.pointer, lda: features, b: w, ldb: features,
      transposeB: true, beta: 1, c: sums.pointer, ldc: rows)
    for t in 0..<steps {
      let s = sums.pointer + t * n * rows
      let extra = second.pointer + t * n * h
      if t > 0 {
        BLAS.gemm(
          m: n, n: joined, k: h, a: state(t - 1), lda: h, b: r, ldb: h, transposeB: true, beta: 1,
          c: s, ldc: rows)
        if unit == .gru {
          BLAS.gemm(
            m: n, n: h, k: h, a: state(t - 1), lda: h, b: r + joined * h, ldb: h,
            transposeB: true, beta: 1, c: extra, ldc: h)
        }
      }
      let before = t > 0 ? UnsafePointer(state(t - 1)) : UnsafePointer(zeros.pointer)
      let cell = CellStep(
        units: h, samples: n, sums: s, second: extra, before: before, after: state(t))
      switch unit {
      case .gru: cell.gruForward()
      case .lstm:
        cell.lstmForward(c: t > 0 ? UnsafePointer(extra - n * h) : UnsafePointer(zeros.pointer))
      }
    }
  }

  /// Gradients of the weights, and of x unless `dx` is nil.
  func backward(
    _ dy: UnsafePointer<Float>, _ output: RecurrentOutput, w: UnsafePointer<Float>,
    r: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>?
  ) {
    let (n, h, rows, joined) = (samples, units, rows, joined)
    let g = carried.pointer
    zero(g, n * h)
    zero(carriedCell.pointer, n * h)
    for t in stride(from: steps - 1, through: 0, by: -1) {
      if output == .all {
        for b in 0..<n { accumulate(g + b * h, dy + (b * steps + t) * h, h) }
      } else if t == steps - 1 {
        copy(g, dy, n * h)
      }
      let s = sums.pointer + t * n * rows
      let extra = second.pointer + t * n * h
      let before = t > 0 ? UnsafePointer(state(t - 1)) : UnsafePointer(zeros.pointer)
      let cell = CellStep(
        units: h, samples: n, sums: s, second: extra, before: before, after: state(t))
      switch unit {
      case .gru: cell.gruBackward(g)
      case .lstm:
        cell.lstmBackward(
          g, dc: carriedCell.pointer,
          c: t > 0 ? UnsafePointer(extra - n * h) : UnsafePointer(zeros.pointer))
      }
      if t == 0 { break }
      BLAS.gemm(
        m: n, n: h, k: joined, a: s, lda: rows, b: r, ldb: h, beta: 1, c: g, ldc: h)
      if unit == .gru {
        BLAS.gemm(
          m: n, n: h, k: h, a: extra, lda: h, b: r + joined * h, ldb: h, beta: 1, c: g, ldc: h)
      }
    }
    weightGradients()
    guard let dx else { return }
    // x has been used: its memory takes the gradient.
    BLAS.gemm(
      m: steps * n, n: features, k: rows, a: sums.pointer, lda: rows, b: w, ldb: features,
      c: x.pointer, ldc: features)
    for t in 0..<steps {
      for b in 0..<n {
        copy(dx + (b * steps + t) * features, x.pointer + (t * n + b) * features, features)
      }
    }
  }

  private func weightGradients() {
    let (n, h, rows, joined) = (samples, units, rows, joined)
    let place = gradientPlaces.map { gradients.pointer + $0 }
    zero(gradients.pointer, gradients.count)
    BLAS.gemm(
      m: rows, n: features, k: steps * n, a: sums.pointer, lda: rows, transposeA: true,
      b: x.pointer, ldb: features, c: place[0], ldc: features)
    // The state before the first step is zero.
    let later = (steps - 1) * n
    if later > 0 {
      BLAS.gemm(
        m: joined, n: h, k: later, a: sums.pointer + n * rows, lda: rows, transposeA: true,
        b: hidden.pointer, ldb: h, c: place[1], ldc: h)
    }
    accumulateRows(place[2], sums.pointer, rows: steps * n, rows, stride: rows)
    if unit == .gru {
      if later > 0 {
        BLAS.gemm(
          m: h, n: h, k: later, a: second.pointer + n * h, lda: h, transposeA: true,
          b: hidden.pointer, ldb: h, c: place[1] + joined * h, ldc: h)
      }
      copy(place[3], place[2], joined)
      accumulateRows(place[3] + joined, second.pointer, rows: steps * n, h, stride: h)
    }
  }
}
