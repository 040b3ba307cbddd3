// SGD: v ← μ·v + g, w ← w − η·v.   Adam: m, v ← running means of g, g²; w ← w − η'·m / (√v + ε).

import LacunaFormats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How weights follow their gradients.
public enum OptimiserSettings: Hashable, Codable, Sendable {
  /// Stochastic gradient descent with heavy-ball momentum.
  case sgd(momentum: Float)
  /// Kingma and Ba, 2015, with both bias corrections folded into the step size as Keras does.
  case adam(beta1: Float, beta2: Float, epsilon: Float)

  /// Adam with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁷.
  public static let adam = OptimiserSettings.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)

  /// Tensors of the same size as a weight that the optimiser keeps for it.
  var momentCount: Int {
    switch self {
    case .sgd: 1
    case .adam: 2
    }
  }
}

/// An optimiser with its state: running moments of each trainable parameter and a step counter.
public final class Optimiser {
  /// Which optimiser it is, with its constants.
  public let settings: OptimiserSettings
  /// Steps applied so far.
  public internal(set) var step = 0
  let parameters: [Parameter]
  /// One list per parameter.
  let moments: [[AlignedBuffer<Float>]]

  /// Elements per task: a task's weights, gradients and moments fit the second-level cache.
  private static let tile = 32_768

  init(_ settings: OptimiserSettings, _ parameters: [Parameter]) {
    self.settings = settings
    self.parameters = parameters.filter(\.isTrainable)
    moments = self.parameters.map { p in
      (0..<settings.momentCount).map { _ in AlignedBuffer(count: p.count) }
    }
  }

  /// Moves every parameter against its gradient: all of its values, or those that a standing mask keeps.
  func apply(learningRate: Float, _ workers: Workers) {
    step += 1
    var tiles: [(parameter: Int, range: Range<Int>)] = []
    for (i, p) in parameters.enumerated() {
      let count = p.kept?.count ?? p.count
      for first in stride(from: 0, to: count, by: Self.tile) {
        tiles.append((i, first..<min(first + Self.tile, count)))
      }
    }
    switch settings {
    case .sgd(let momentum):
      workers.run(tasks: tiles.count) { task, _ in
        let (i, range) = tiles[task]
        if let kept = parameters[i].kept {
          let (w, g) = (parameters[i].values.pointer, parameters[i].gradient.pointer)
          let v = moments[i][0].pointer
          for k in range {
            let j = Int(kept[k])
            v[j] = momentum * v[j] + g[j]
            w[j] -= learningRate * v[j]
          }
          return
        }
        let v = moments[i][0].pointer + range.lowerBound
        let w = parameters[i].values.pointer + range.lowerBound
        let g = parameters[i].gradient.pointer + range.lowerBound
        for j in 0..<range.count {
          v[j] = momentum * v[j] + g[j]
          w[j] -= learningRate * v[j]
        }
      }
    case .adam(let beta1, let beta2, let epsilon):
      let t = Double(step)
      let rate = Float(
        Double(learningRate) * (1 - pow(Double(beta2), t)).squareRoot()
          / (1 - pow(Double(beta1), t)))
      let adam = AdamStep(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon)
      workers.run(tasks: tiles.count) { task, _ in
        let (i, range) = tiles[task]
        if let kept = parameters[i].kept {
          return adamStep(
            w: parameters[i].values.pointer, g: parameters[i].gradient.pointer,
            m: moments[i][0].pointer, v: moments[i][1].pointer, kept: kept[range], adam)
        }
        adamStep(
          w: parameters[i].values.pointer + range.lowerBound,
          g: parameters[i].gradient.pointer + range.lowerBound,
          m: moments[i][0].pointer + range.lowerBound,
          v: moments[i][1].pointer + range.lowerBound, count: range.count, adam)
      }
    }
  }
}

@inline(never)
private func adamStep(
  w: UnsafeMutablePointer<Float>, g: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
  v: UnsafeMutablePointer<Float>, count: Int, _ step: AdamStep
) {
  for j in 0..<count { step.move(j, w, g, m, v) }
}

/// The same on the values at some places.
@inline(never)
private func adamStep(
  w: UnsafeMutablePointer<Float>, g: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
  v: UnsafeMutablePointer<Float>, kept: ArraySlice<Int32>, _ step: AdamStep
) {
  kept.withUnsafeBufferPointer { kept in
    for k in 0..<kept.count { step.move(Int(kept[k]), w, g, m, v) }
  }
}

/// What Adam's update of one value needs besides the value.
private struct AdamStep {
  let rate: Float, beta1: Float, beta2: Float, epsilon: Float

  @inline(__always)
  func move(
    _ j: Int, _ w: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>,
    _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>
  ) {
    let gradient = g[j]
    let first = m[j] + (gradient - m[j]) * (1 - beta1)
    let second = v[j] + (gradient * gradient - v[j]) * (1 - beta2)
    m[j] = first
    v[j] = second
    w[j] -= rate * first / (second.squareRoot() + epsilon)
  }
}
