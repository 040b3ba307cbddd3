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
  /// One list per parameter, of all values; where a mask stands still, those it keeps are in ``gathered``.
  private let moments: [[AlignedBuffer<Float>]]
  /// By the number of the parameter.
  private var gathered: [Int: GatheredMoments] = [:]

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
    for i in parameters.indices { gather(i) }
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
        let (w, g) = (parameters[i].values.pointer, parameters[i].trainedGradient.pointer)
        if let gathered = gathered[i] {
          let v = gathered.moments[0].pointer
          for k in range {
            v[k] = momentum * v[k] + g[k]
            w[Int(gathered.kept.positions[k])] -= learningRate * v[k]
          }
          return
        }
        let v = moments[i][0].pointer
        for j in range {
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
        let (w, g) = (parameters[i].values.pointer, parameters[i].trainedGradient.pointer)
        if let gathered = gathered[i] {
          return adamStep(
            w: w, g: g, m: gathered.moments[0].pointer, v: gathered.moments[1].pointer,
            positions: gathered.kept.positions, range, adam)
        }
        adamStep(w: w, g: g, m: moments[i][0].pointer, v: moments[i][1].pointer, range, adam)
      }
    }
  }

  /// Brings moments together, or back, where a parameter's mask has changed.
  private func gather(_ i: Int) {
    let kept = parameters[i].kept
    if gathered[i]?.kept === kept { return }
    gathered.removeValue(forKey: i)?.scatter(to: moments[i])
    gathered[i] = kept.map { GatheredMoments($0, of: moments[i]) }
  }

  /// The moments of each parameter's values, by its name.
  var state: [String: [[Float]]] {
    for (i, gathered) in gathered { gathered.scatter(to: moments[i]) }
    return Dictionary(
      uniqueKeysWithValues: zip(parameters, moments).map { p, moments in
        (p.name, moments.map { Array($0.elements) })
      })
  }

  /// Goes on from a ``state`` after `step` steps.
  ///
  /// - Throws: ``ModelError`` when a parameter's moments are missing or of another size.
  func restore(_ state: [String: [[Float]]], step: Int) throws(ModelError) {
    for (p, own) in zip(parameters, moments) {
      guard let saved = state[p.name], saved.count == own.count else {
        throw .missingTensor("moments of \(p.name)")
      }
      for (buffer, values) in zip(own, saved) {
        if values.count != buffer.count {
          throw .tensorShape(
            name: "moment of \(p.name)", expected: p.shape, found: [values.count])
        }
        _ = buffer.elements.update(from: values)
      }
    }
    gathered = [:]
    self.step = step
  }
}

/// Moments of the values that a standing mask keeps, side by side: read where they are spread over all values, they would
/// take ten times their memory's time.
private struct GatheredMoments {
  let kept: KeptValues
  let moments: [AlignedBuffer<Float>]

  init(_ kept: KeptValues, of all: [AlignedBuffer<Float>]) {
    self.kept = kept
    moments = all.map { all in
      let own = AlignedBuffer<Float>(count: kept.count)
      kept.gather(all.pointer, into: own.pointer)
      return own
    }
  }

  func scatter(to all: [AlignedBuffer<Float>]) {
    for (own, all) in zip(moments, all) { kept.scatter(own.pointer, to: all.pointer) }
  }
}

@inline(never)
private func adamStep(
  w: UnsafeMutablePointer<Float>, g: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
  v: UnsafeMutablePointer<Float>, _ range: Range<Int>, _ step: AdamStep
) {
  let end = range.upperBound
  var j = range.lowerBound
  while j + Lanes.scalarCount <= end {
    let change = step.change(load(g + j), m + j, v + j)
    store(load(w + j) - change, w + j)
    j += Lanes.scalarCount
  }
  while j < end {
    w[j] -= step.change(of: g[j], m + j, v + j)
    j += 1
  }
}

/// The same on some of the values: all but `w` lies side by side.
@inline(never)
private func adamStep(
  w: UnsafeMutablePointer<Float>, g: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
  v: UnsafeMutablePointer<Float>, positions: [Int32], _ range: Range<Int>, _ step: AdamStep
) {
  positions.withUnsafeBufferPointer { positions in
    let end = range.upperBound
    var k = range.lowerBound
    while k + Lanes.scalarCount <= end {
      let change = step.change(load(g + k), m + k, v + k)
      for lane in 0..<Lanes.scalarCount { w[Int(positions[k + lane])] -= change[lane] }
      k += Lanes.scalarCount
    }
    while k < end {
      w[Int(positions[k])] -= step.change(of: g[k], m + k, v + k)
      k += 1
    }
  }
}

/// What Adam's update of some values needs besides them.
private struct AdamStep {
  let rate: Float, beta1: Float, beta2: Float, epsilon: Float

  /// What values lose; their moments move after the gradient.
  @inline(__always)
  func change(
    _ gradient: Lanes, _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>
  ) -> Lanes {
    let (first, second) = moved(gradient, load(m), load(v))
    store(first, m)
    store(second, v)
    return rate * first / (roots(second) + epsilon)
  }

  /// The same for one value.
  @inline(__always)
  func change(
    of gradient: Float, _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>
  ) -> Float {
    let (first, second) = moved(
      Lanes(repeating: gradient), Lanes(repeating: m.pointee), Lanes(repeating: v.pointee))
    (m.pointee, v.pointee) = (first[0], second[0])
    return (rate * first / (roots(second) + epsilon))[0]
  }

  @inline(__always)
  private func moved(_ gradient: Lanes, _ m: Lanes, _ v: Lanes) -> (first: Lanes, second: Lanes) {
    (
      m + (gradient - m) * (1 - beta1), v + (gradient * gradient - v) * (1 - beta2)
    )
  }
}
