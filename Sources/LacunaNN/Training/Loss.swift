// L = mean over samples of −Σ q·log softmax(z), ∂L/∂z = (softmax(z) − q) / batch; q = (1 − ε)·onehot + ε / classes.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Softmax followed by cross-entropy.
public enum SoftmaxCrossEntropy {
  /// Logits below which threads are not worth waking.
  private static let part = 1 << 14

  /// Sum of the losses of `batch` samples, how many answers were right, and how many count; writes ∂(mean
  /// loss)/∂logits when `gradient` is given. Losses are added up in the order of the samples: the same bits for any
  /// number of threads.
  ///
  /// Not checked: labels are below `classes`, pointers hold `batch · classes` floats.
  /// - Parameters:
  ///   - ignored: the label of samples that do not count: they have no loss and a gradient of zeros.
  ///   - smoothing: ε, the share of an answer that goes to all classes alike.
  ///   - threads: share the samples; nil for the calling thread alone.
  /// - Complexity: O(batch · classes)
  package static func evaluate(
    logits: UnsafePointer<Float>, labels: [UInt16], classes: Int,
    ignoring ignored: UInt16? = nil, smoothing: Float = 0,
    gradient: UnsafeMutablePointer<Float>? = nil, threads: Workers? = nil
  ) -> (lossSum: Double, correct: Int, count: Int) {
    let count = ignored.map { label in labels.count { $0 != label } } ?? labels.count
    let answer = Answer(
      classes: classes, smoothing: smoothing, share: 1 / Float(max(count, 1)))
    var losses = [Float](repeating: 0, count: labels.count)
    var rights = [Bool](repeating: false, count: labels.count)
    losses.withUnsafeMutableBufferPointer { losses in
      rights.withUnsafeMutableBufferPointer { rights in
        // Each sample is written by one thread alone.
        nonisolated(unsafe) let (losses, rights) = (losses, rights)
        let all = { (range: Range<Int>) in
          for sample in range {
            let gradient = gradient.map { $0 + sample * classes }
            if labels[sample] == ignored {
              gradient.map { zero($0, classes) }
              continue
            }
            (losses[sample], rights[sample]) = answer.evaluate(
              logits + sample * classes, label: Int(labels[sample]), gradient)
          }
        }
        if let threads {
          threads.split(labels.count, parts: labels.count * classes / part, all)
        } else {
          all(0..<labels.count)
        }
      }
    }
    return (losses.reduce(0) { $0 + Double($1) }, rights.count { $0 }, count)
  }
}

/// What one answer costs.
private struct Answer {
  let classes: Int
  let smoothing: Float
  /// Of the mean that a sample has.
  let share: Float
  private var everyone: Float { smoothing / Float(max(classes, 1)) }

  /// The greatest logit; NaN where the first one is.
  private func greatest(_ z: UnsafePointer<Float>) -> Float {
    var lanes = SIMD16<Float>(repeating: z[0])
    let whole = classes & ~15
    for j in stride(from: 0, to: whole, by: 16) {
      let next = UnsafeRawPointer(z + j).loadUnaligned(as: SIMD16<Float>.self)
      lanes.replace(with: next, where: next .> lanes)
    }
    var top = z[0]
    for lane in lanes.indices where lanes[lane] > top { top = lanes[lane] }
    for j in whole..<classes where z[j] > top { top = z[j] }
    return top
  }

  /// The loss of a sample with these logits, and whether its label is the greatest of them, the first one of equals.
  func evaluate(
    _ z: UnsafePointer<Float>, label: Int, _ gradient: UnsafeMutablePointer<Float>?
  ) -> (loss: Float, isRight: Bool) {
    let top = greatest(z)
    var sum: Float = 0
    if let gradient {
      // Exponentials are what takes time: they are kept where the gradient goes.
      for j in 0..<classes {
        gradient[j] = expf(z[j] - top)
        sum += gradient[j]
      }
      let scale = share / sum
      for j in 0..<classes { gradient[j] = gradient[j] * scale - everyone * share }
      gradient[label] -= (1 - smoothing) * share
    } else {
      for j in 0..<classes { sum += expf(z[j] - top) }
    }
    var loss = logf(sum) + top - z[label]
    if smoothing > 0 {
      var total: Float = 0
      for j in 0..<classes { total += z[j] - z[label] }
      loss -= everyone * total
    }
    return (loss, z[label] == top && !(0..<label).contains { z[$0] == top })
  }
}
