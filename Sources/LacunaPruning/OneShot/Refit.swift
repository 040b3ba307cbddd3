// min over the weights that a mask keeps of (ŵ − w)·(H + λI)·(ŵ − w)ᵀ, for each row ŵ
//
// The normal equations of a row's kept columns S: ŵ_S·(H + λI)_SS = (w·(H + λI))_S. With λ = 0 this
// is the least-squares fit of the layer's dense outputs; λ pulls what the samples leave open back
// to the trained weights.

import LacunaFormats
import LacunaOperations

/// How the weights that a mask keeps are fitted to the dense outputs again.
public enum Refit: Hashable, Sendable {
  /// Whatever is less work: Cholesky when a row keeps few weights or many rows share their mask.
  case automatic
  /// `posv` on the kept columns of each row: exact. O(rows · kept³ / 3)
  case cholesky
  /// Conjugate gradients on all rows at once, preconditioned with the diagonal (Meng et al.,
  /// "ALPS", 2024).
  ///
  /// Ends when every row's residual is down to `tolerance` of its first one, or after so many
  /// products with H.
  case conjugateGradients(iterations: Int = 50, tolerance: Double = 1e-6)

  /// Products with H that ``automatic`` expects of conjugate gradients.
  static let expectedIterations = 50.0
}

/// The weights of a layer that a mask keeps, refitted.
struct MaskFit {
  let layer: OneShotLayer
  let mask: BitMask
  let damped: AlignedBuffer<Double>
  let damping: Double

  /// - Throws: ``OneShotError/notPositiveDefinite(layer:inputs:samples:damping:)`` when a row's
  ///   equations are singular even at the largest damping.
  init(_ layer: OneShotLayer, mask: BitMask) {
    (self.layer, self.mask) = (layer, mask)
    damping = layer.damping * layer.calibration.meanSquare
    damped = layer.calibration.damped(by: damping)
  }

  /// The refitted weights, starting from `start` where the method iterates.
  func weights(
    _ refit: Refit, startingFrom start: [Float]
  ) throws(OneShotError) -> OneShotSolution {
    let (n, rows) = (Double(layer.columns), Double(layer.rows))
    let fit =
      switch refit {
      case .automatic:
        choleskyWork() <= 2 * Refit.expectedIterations * rows * n * n
          ? Refit.cholesky : .conjugateGradients()
      case .cholesky, .conjugateGradients: refit
      }
    switch fit {
    case .conjugateGradients(let iterations, let tolerance):
      let solved = ConjugateGradients(
        layer: layer, mask: mask, damped: damped, iterations: iterations, tolerance: tolerance
      ).solved(from: start)
      return OneShotSolution(mask: mask, weights: solved, damping: damping, precision: .double)
    case .automatic, .cholesky: return try choleskyFit()
    }
  }

  /// Runs of rows with the same mask, which share one factor.
  private var runs: [Range<Int>] {
    var runs: [Range<Int>] = []
    let width = mask.wordsPerRow
    for i in 0..<layer.rows {
      if let last = runs.last,
        mask.words[(i - 1) * width..<i * width] == mask.words[i * width..<(i + 1) * width]
      {
        runs[runs.count - 1] = last.lowerBound..<i + 1
      } else {
        runs.append(i..<i + 1)
      }
    }
    return runs
  }

  private func kept(inRow i: Int) -> [Int] { (0..<layer.columns).filter { mask[i, $0] } }

  private func choleskyWork() -> Double {
    let width = mask.wordsPerRow
    return runs.reduce(0) { sum, run in
      let words = mask.words[run.lowerBound * width..<(run.lowerBound + 1) * width]
      let kept = Double(words.reduce(0) { $0 + $1.nonzeroBitCount })
      return sum + kept * kept * (kept / 3 + 2 * Double(run.count))
    }
  }

  private func choleskyFit() throws(OneShotError) -> OneShotSolution {
    let (n, rows) = (layer.columns, layer.rows)
    // w·(H + λI): the right-hand sides of all rows.
    let trained = AlignedBuffer<Double>(uninitialized: rows * n)
    for i in 0..<rows * n { trained.pointer[i] = Double(layer.weights.pointer[i]) }
    let right = AlignedBuffer<Double>(uninitialized: rows * n)
    TiledAlgebra.product(
      m: rows, n: n, k: n, a: trained.pointer, lda: n, b: damped.pointer, ldb: n,
      c: right.pointer, ldc: n)
    var result = [Float](repeating: 0, count: rows * n)
    let runs = runs
    // The damping that each run took; negative where none sufficed.
    var used = [Double](repeating: 0, count: runs.count)
    result.withUnsafeMutableBufferPointer { result in
      used.withUnsafeMutableBufferPointer { used in
        let (result, used) = (result, used)
        TiledAlgebra.inParallel(tasks: runs.count) { task in
          used[task] = solve(runs[task], right: right.pointer, into: result.baseAddress!)
        }
      }
    }
    if used.contains(where: { $0 < 0 }) {
      throw .notPositiveDefinite(
        layer: layer.name, inputs: n, samples: layer.calibration.samples,
        damping: layer.calibration.meanSquare)
    }
    return OneShotSolution(
      mask: mask, weights: result, damping: used.max() ?? damping, precision: .double)
  }

  /// Solves the rows of one run; returns λ, or −1 when the equations stay singular.
  private func solve(
    _ run: Range<Int>, right: UnsafePointer<Double>, into result: UnsafeMutablePointer<Float>
  ) -> Double {
    let n = layer.columns
    let columns = kept(inRow: run.lowerBound)
    let k = columns.count
    if k == 0 { return damping }
    let equations = AlignedBuffer<Double>(uninitialized: k * k)
    let solution = AlignedBuffer<Double>(uninitialized: run.count * k)
    for lambda in dampings(layer.damping, mean: layer.calibration.meanSquare) {
      let more = lambda - damping
      for (a, i) in columns.enumerated() {
        for b in 0...a { equations.pointer[a * k + b] = damped.pointer[i * n + columns[b]] }
        equations.pointer[a * k + a] += more
      }
      for (r, i) in run.enumerated() {
        for (a, j) in columns.enumerated() {
          solution.pointer[r * k + a] =
            right[i * n + j] + more * Double(layer.weights.pointer[i * n + j])
        }
      }
      let info = LAPACK.posv(
        n: k, rows: run.count, a: equations.pointer, lda: k, b: solution.pointer, ldb: k)
      let isFirm =
        info == 0
        && hasFirmPivots(equations.pointer, n: k) {
          damped.pointer[columns[$0] * n + columns[$0]] + more
        }
      if isFirm && solution.elements.allSatisfy({ Float($0).isFinite }) {
        for (r, i) in run.enumerated() {
          for (a, j) in columns.enumerated() {
            result[i * n + j] = Float(solution.pointer[r * k + a])
          }
        }
        return lambda
      }
    }
    return -1
  }
}
