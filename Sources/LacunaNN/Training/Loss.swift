// L = mean over samples of −Σ q·log softmax(z), ∂L/∂z = (softmax(z) − q) / batch; q = (1 − ε)·onehot + ε / classes.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Softmax followed by cross-entropy.
public enum SoftmaxCrossEntropy {
  /// Sum of the losses of `batch` samples, how many answers were right, and how many count; writes ∂(mean
  /// loss)/∂logits when `gradient` is given.
  ///
  /// Not checked: labels are below `classes`, pointers hold `batch · classes` floats.
  /// - Parameters:
  ///   - ignored: the label of samples that do not count: they have no loss and a gradient of zeros.
  ///   - smoothing: ε, the share of an answer that goes to all classes alike.
  /// - Complexity: O(batch · classes)
  package static func evaluate(
    logits: UnsafePointer<Float>, labels: [UInt8], classes: Int, ignoring ignored: UInt8? = nil,
    smoothing: Float = 0, gradient: UnsafeMutablePointer<Float>? = nil
  ) -> (lossSum: Double, correct: Int, count: Int) {
    var (lossSum, correct) = (0.0, 0)
    let count = ignored.map { label in labels.count { $0 != label } } ?? labels.count
    let share = 1 / Float(max(count, 1))
    let everyone = smoothing / Float(max(classes, 1))
    for (sample, label) in labels.enumerated() {
      if label == ignored {
        gradient.map { zero($0 + sample * classes, classes) }
        continue
      }
      let z = logits + sample * classes
      var best = 0
      for j in 1..<max(classes, 1) where z[j] > z[best] { best = j }
      if best == Int(label) { correct += 1 }
      var sum: Float = 0
      for j in 0..<classes { sum += expf(z[j] - z[best]) }
      var loss = logf(sum) + z[best] - z[Int(label)]
      if smoothing > 0 {
        var total: Float = 0
        for j in 0..<classes { total += z[j] - z[Int(label)] }
        loss -= everyone * total
      }
      lossSum += Double(loss)
      if let gradient {
        let g = gradient + sample * classes
        let scale = share / sum
        for j in 0..<classes { g[j] = expf(z[j] - z[best]) * scale - everyone * share }
        g[Int(label)] -= (1 - smoothing) * share
      }
    }
    return (lossSum, correct, count)
  }
}
