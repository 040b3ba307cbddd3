// score = |w|, and score = |w|·‖x‖₂: masks without an update

import LacunaFormats
import LacunaOperations

/// Keeps the largest |w|: the baseline.
public struct Magnitude: OneShotMethod {
  /// "magnitude".
  public var name: String { "magnitude" }
  /// Nothing of the inputs.
  public var needs: Calibration.Moments? { nil }
  /// Among which weights one competes.
  public var comparison: Comparison

  /// By default all weights of the layer compete.
  public init(comparison: Comparison = .layer) { self.comparison = comparison }

  /// The mask of the largest |w|; weights that stay keep their values.
  public func prune(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution {
    let scores = layer.scores { w, score in
      for j in 0..<layer.columns { score[j] = w[j].magnitude }
    }
    let mask = try chosenMask(
      scores, rows: layer.rows, columns: layer.columns, structure: layer.structure,
      sparsity: layer.sparsity, comparison: comparison, name: layer.name)
    return OneShotSolution(mask: mask, weights: layer.masked(mask))
  }
}

/// Keeps the largest |w|·‖x‖₂ of each output row (Sun et al., "A Simple and Effective Pruning
/// Approach for Large Language Models", 2023).
///
/// The square of the score is what removing that weight alone costs, if nothing makes up for it.
/// ‖x‖₂ is the norm of the weight's input over all samples.
public struct Wanda: OneShotMethod {
  /// "wanda".
  public var name: String { "wanda" }
  /// The norm of each input.
  public var needs: Calibration.Moments? { .norms }
  /// Among which weights one competes; the paper compares within each row.
  public var comparison: Comparison

  /// By default the weights of a row compete, as in the paper.
  public init(comparison: Comparison = .row) { self.comparison = comparison }

  /// The mask of the largest |w|·‖x‖₂; weights that stay keep their values.
  public func prune(_ layer: OneShotLayer) throws(OneShotError) -> OneShotSolution {
    let mask = try chosenMask(
      layer.activationScores(), rows: layer.rows, columns: layer.columns,
      structure: layer.structure, sparsity: layer.sparsity, comparison: comparison,
      name: layer.name)
    return OneShotSolution(mask: mask, weights: layer.masked(mask))
  }
}

extension OneShotLayer {
  /// |w_ij|·‖x_j‖₂.
  func activationScores() -> AlignedBuffer<Float> {
    let norms = calibration.squaredNorms.map { Float($0.squareRoot()) }
    return norms.withUnsafeBufferPointer { norms in
      scores { w, score in for j in 0..<columns { score[j] = w[j].magnitude * norms[j] } }
    }
  }

  /// What `body` makes of each row of the weights.
  func scores(
    _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> AlignedBuffer<Float> {
    let scores = AlignedBuffer<Float>(uninitialized: count)
    RowStrips.forEach(rows: rows) { strip in
      for i in strip { body(weights.pointer + i * columns, scores.pointer + i * columns) }
    }
    return scores
  }
}
