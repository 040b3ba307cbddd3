// min ‖(Ŵ − W)·X‖² with Ŵ on the allowed patterns, by ADMM on a copy that has them; then a fit on
// the mask
//
//     W⁺ ← (W·H − V + ρ·D)·(H + ρI)⁻¹        the unconstrained half
//     D⁺ ← P(W⁺ + V/ρ)                       its projection: the largest stay
//     V⁺ ← V + ρ·(W⁺ − D⁺)                   the price of disagreeing
//
// ρ rises every third step, by as much as the mask still moves, until it moves no more: at large ρ
// the two halves agree. Inputs are scaled to unit norm before, so that the first projection is
// Wanda's and ρ has one scale for all layers.
//
// The paper decomposes H once into eigenvectors, with which each step is two products. A Cholesky
// factor for each ρ, thus every third step, is less work: an eigendecomposition costs as much as
// about thirty factors, on one thread.

import LacunaFormats
import LacunaOperations

/// ADMM for the mask, conjugate gradients for the weights (Meng et al., "ALPS: Improved
/// Optimization for Highly Sparse One-Shot Pruning", 2024).
///
/// The slowest and best of the methods: O(rows · columns²) per step, some tens of steps.
public struct ALPS: OneShotMethod {
  /// "alps".
  public var name: String { "alps" }
  /// All products of the inputs.
  public var needs: Calibration.Moments? { .single }
  /// Most steps of ADMM.
  public var steps: Int
  /// ρ at the beginning, for inputs of unit norm.
  public var penalty: Float

  /// ADMM of so many steps at most, from a penalty of one's own.
  ///
  /// - Parameters:
  ///   - steps: At least 1.
  ///   - penalty: More than 0; the paper's 0.1.
  /// - Throws: ``OneShotError/invalidParameter(name:value:allowed:)``
  public init(steps: Int, penalty: Float = 0.1) throws(OneShotError) {
    if steps < 1 {
      throw .invalidParameter(name: "steps of ALPS", value: "\(steps)", allowed: "at least 1")
    }
    if !(penalty > 0 && penalty.isFinite) {
      throw .invalidParameter(
        name: "penalty of ALPS", value: "\(penalty)", allowed: "more than 0 and finite")
    }
    (self.steps, self.penalty) = (steps, penalty)
  }

  /// 300 steps at most, from ρ = 0.1, as in the paper.
  public init() { (steps, penalty) = (300, 0.1) }

  /// The mask that ADMM settles on, and the weights fitted on it; whole rows go by what they cost.
  public func prune(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution {
    if case .rows = layer.structure {
      let mask = try layer.rowMask(costs: layer.calibration.energies(of: layer.weights, layer.rows))
      return OneShotSolution(mask: mask, weights: layer.masked(mask))
    }
    let split = try SplitWeights(layer, penalty: penalty)
    let (mask, start) = try split.run(steps: steps)
    return try MaskFit(layer, mask: mask).weights(Self.lastFit, startingFrom: start)
  }

  /// ADMM ends next to the fit on its mask: on a layer 128×1536 with correlated inputs at 50 % its
  /// error was 1.0001 times that of exact equations, and five products with H took what was left.
  /// Those equations, one Cholesky for each row, were more than half of the time at 384×1536.
  private static let lastFit = Refit.conjugateGradients(iterations: 15, tolerance: 1e-3)
}

/// The state of ADMM on one layer, inputs scaled to unit norm.
private final class SplitWeights {
  private let layer: OneShotLayer
  private let rows: Int, n: Int
  /// Norm of each input, and H with unit diagonal (1 + λ).
  private let scale: [Float]
  private let h: AlignedBuffer<Float>
  /// W·H, D, V, and W⁺ + V/ρ.
  private let target: AlignedBuffer<Float>, d: AlignedBuffer<Float>
  private let v: AlignedBuffer<Float>, w: AlignedBuffer<Float>
  private var penalty: Float
  private var factor: AlignedBuffer<Float>

  init(_ layer: OneShotLayer, penalty: Float) throws(OneShotError) {
    (self.layer, rows, n, self.penalty) = (layer, layer.rows, layer.columns, penalty)
    let calibration = layer.calibration
    let damping = layer.damping * calibration.meanSquare
    let damped = calibration.damped(by: damping)
    let norms = calibration.squaredNorms
    // Dead inputs become 0: they lose every comparison.
    scale = norms.map { $0 > 0 ? Float(($0 + damping).squareRoot()) : 0 }
    h = AlignedBuffer(uninitialized: n * n)
    for i in 0..<n {
      let row = 1 / damped.pointer[i * n + i].squareRoot()
      for j in 0..<n {
        h.pointer[i * n + j] =
          Float(damped.pointer[i * n + j] * row / damped.pointer[j * n + j].squareRoot())
      }
    }
    d = AlignedBuffer(uninitialized: layer.count)
    for i in 0..<layer.count { d.pointer[i] = layer.weights.pointer[i] * scale[i % n] }
    target = AlignedBuffer(uninitialized: layer.count)
    v = AlignedBuffer(count: layer.count)
    w = AlignedBuffer(uninitialized: layer.count)
    factor = AlignedBuffer(uninitialized: n * n)
    TiledAlgebra.product(
      m: rows, n: n, k: n, a: d.pointer, lda: n, b: h.pointer, ldb: n, c: target.pointer, ldc: n)
  }

  /// The mask at the end, and the weights that ADMM left on it.
  func run(steps: Int) throws(OneShotError) -> (mask: BitMask, weights: [Float]) {
    try refactor()
    let scores = AlignedBuffer<Float>(uninitialized: layer.count)
    RowStrips.forEach(rows: rows) { strip in
      for i in strip.lowerBound * n..<strip.upperBound * n {
        scores.pointer[i] = d.pointer[i].magnitude
      }
    }
    var mask = try project(scores)
    var old = mask
    for step in 1...steps {
      half(scores)
      mask = try project(scores)
      agree(on: mask)
      if step % 3 == 0 {
        let moved = zip(mask.words, old.words).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        if moved == 0 { break }
        old = mask
        let kept = mask.keptCount
        penalty *= moved * 10 >= kept ? 1.3 : (moved * 200 >= kept ? 1.2 : 1.1)
        try refactor()
      }
    }
    let weights = RowStrips.array(rows: rows, columns: n) { strip, target in
      for i in strip {
        for j in 0..<n {
          let place = i * n + j
          // A dead input that nothing lost its place to keeps its weight.
          target[place] =
            scale[j] > 0
            ? d.pointer[place] / scale[j] : (mask[i, j] ? layer.weights.pointer[place] : 0)
        }
      }
    }
    return (mask, weights)
  }

  /// W⁺, and w = W⁺ + V/ρ: what D⁺ drops of it is what V⁺ is made of. Strips of rows stay in cache
  /// from the right-hand side to the score.
  private func half(_ scores: AlignedBuffer<Float>) {
    let (penalty, inverse) = (penalty, 1 / penalty)
    let strip = TiledAlgebra.rowsPerSolve
    TiledAlgebra.inParallel(tasks: (rows + strip - 1) / strip) { task in
      let (first, count) = (task * strip, min(strip, rows - task * strip))
      let range = first * n..<(first + count) * n
      for i in range {
        w.pointer[i] = target.pointer[i] - v.pointer[i] + penalty * d.pointer[i]
      }
      TiledAlgebra.solve(rows: count, n: n, lower: factor.pointer, w.pointer + first * n)
      for i in range {
        w.pointer[i] += v.pointer[i] * inverse
        scores.pointer[i] = w.pointer[i].magnitude
      }
    }
  }

  /// D⁺ and V⁺.
  private func agree(on mask: BitMask) {
    let penalty = penalty
    mask.words.withUnsafeBufferPointer { words in
      RowStrips.forEach(rows: rows) { strip in
        RowStrips.select(
          strip, words.baseAddress!, wordsPerRow: mask.wordsPerRow, columns: n, w.pointer,
          into: d.pointer)
        for i in strip.lowerBound * n..<strip.upperBound * n {
          v.pointer[i] = penalty * (w.pointer[i] - d.pointer[i])
        }
      }
    }
  }

  private func project(_ scores: AlignedBuffer<Float>) throws(OneShotError) -> BitMask {
    try chosenMask(
      scores, rows: rows, columns: n, structure: layer.structure, sparsity: layer.sparsity,
      comparison: .layer, name: layer.name)
  }

  /// L of H + ρI.
  private func refactor() throws(OneShotError) {
    factor.pointer.update(from: h.pointer, count: n * n)
    for i in 0..<n { factor.pointer[i * n + i] += penalty }
    if TiledAlgebra.cholesky(n: n, factor.pointer) != 0 {
      throw .notPositiveDefinite(
        layer: layer.name, inputs: n, samples: layer.calibration.samples, damping: Double(penalty))
    }
  }
}
