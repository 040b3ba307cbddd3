// What the demonstration keeps of a training run to draw it afterwards: a point per step, a few frames.

import Lacuna

/// What one step did.
struct StepRecord: Encodable {
  var step: Int
  /// Mean loss of the step's mini-batch.
  var batchLoss: Double
  /// Mean over the epoch so far.
  var accuracy: Double
  var sparsity: Double
}

/// Collects the steps of a run, and pictures of a part of one tensor as it is pruned.
final class DemoRecorder {
  private(set) var steps: [StepRecord] = []
  private(set) var frames: [Picture] = []
  private let watched: Parameter?
  private let largest: Float
  private var sparsityOfLastFrame = -1.0

  /// - Parameter watched: the tensor whose pictures are kept; nil for none.
  init(watching watched: Parameter? = nil) {
    self.watched = watched
    largest = watched.map { strongMagnitude($0.values.elements) } ?? 0
    capture(sparsity: 0)
  }

  func record(_ progress: TrainingProgress) {
    steps.append(
      StepRecord(
        step: progress.step, batchLoss: progress.batchLoss, accuracy: progress.accuracy,
        sparsity: progress.sparsity))
    // A frame for each twentieth of the weights that go, and one at the very end.
    let isLast = progress.step == progress.totalSteps
    if progress.sparsity >= sparsityOfLastFrame + 0.05 || isLast {
      capture(sparsity: progress.sparsity)
    }
  }

  private func capture(sparsity: Double) {
    guard let watched else { return }
    sparsityOfLastFrame = sparsity
    var frame = WeightPicture.closeUp(
      UnsafeBufferPointer(watched.values.elements), rows: watched.rows, columns: watched.columns,
      title: "", extent: (56, 150), largest: largest, square: 5)
    frame.content += Mark.text(
      "\(Numeral.percent(sparsity, digits: 0)) pruned", x: 0, y: frame.height + 22,
      style: "series-name")
    frame.height += 30
    frames.append(frame)
  }
}

/// The magnitude that only one weight in a hundred exceeds: stronger ones all get the full colour.
func strongMagnitude(_ weights: UnsafeMutableBufferPointer<Float>) -> Float {
  // Every 97th weight tells the percentile well enough for a colour.
  let sample = stride(from: 0, to: weights.count, by: weights.count > 9700 ? 97 : 1)
    .map { weights[$0].magnitude }.sorted()
  return sample.isEmpty ? 1 : sample[sample.count * 99 / 100]
}
