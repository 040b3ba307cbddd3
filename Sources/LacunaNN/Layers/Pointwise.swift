// y = max(x, 0); y = x · keep / (1 − rate); y = x: layers without weights.

/// `y = max(x, 0)`; NaN passes.
final class ReLU: Layer {
  let name: String
  let inputShape: Shape
  var outputShape: Shape { inputShape }

  init(_ name: String, input: Shape) { (self.name, inputShape) = (name, input) }

  func forward(_ a: Activations, _ pass: Pass) {
    let count = inputShape.count
    for s in pass.samples {
      let (x, y) = (a.x + s * count, a.y + s * count)
      for i in 0..<count { y[i] = rectified(x[i]) }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    guard let dx = a.dx else { return }
    let count = inputShape.count
    for s in pass.samples {
      copy(dx + s * count, a.dy + s * count, count)
      maskByPositive(dx + s * count, a.y + s * count, count)
    }
  }
}

/// In training each feature is zeroed with probability `rate` and the others are scaled by
/// `1 / (1 − rate)`; in inference the identity.
///
/// The decision for a feature is a function of the seed, the step, the layer and its position, so
/// it does not depend on threads, and the backward pass draws it again instead of storing it.
final class Dropout: Layer {
  let name: String
  let inputShape: Shape
  var outputShape: Shape { inputShape }
  private let rate: Double
  private let stream: UInt64

  init(_ name: String, input: Shape, rate: Double, stream: UInt64) {
    (self.name, inputShape, self.rate, self.stream) = (name, input, rate, stream)
  }

  func forward(_ a: Activations, _ pass: Pass) {
    let count = inputShape.count
    for s in pass.samples { drop(a.x + s * count, a.y + s * count, sample: s, pass) }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    guard let dx = a.dx else { return }
    let count = inputShape.count
    for s in pass.samples { drop(a.dy + s * count, dx + s * count, sample: s, pass) }
  }

  private func drop(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, sample: Int, _ pass: Pass
  ) {
    let count = inputShape.count
    guard pass.isTraining else { return copy(y, x, count) }
    // Each number decides about two features.
    let random = RandomStream(seed: pass.random.key, stream)
    let threshold = UInt64(rate * 0x1p32)
    let scale = Float(1 / (1 - rate))
    let first = UInt64(sample) << 32
    for pair in 0..<count / 2 {
      let (i, bits) = (2 * pair, random[first + UInt64(pair)])
      y[i] = kept(x[i] * scale, bits & 0xFFFF_FFFF, threshold)
      y[i + 1] = kept(x[i + 1] * scale, bits >> 32, threshold)
    }
    if count % 2 == 1 {
      let bits = random[first + UInt64(count / 2)]
      y[count - 1] = kept(x[count - 1] * scale, bits & 0xFFFF_FFFF, threshold)
    }
  }

  /// `value`, or 0 where `random`, of 32 bits, is below the threshold. Branches that nobody can foresee would take most
  /// of the time.
  @inline(__always)
  private func kept(_ value: Float, _ random: UInt64, _ threshold: UInt64) -> Float {
    // The difference borrows: its upper half is all ones.
    Float(bitPattern: value.bitPattern & ~UInt32(truncatingIfNeeded: (random &- threshold) >> 32))
  }
}

/// Reads an image as a vector. The model gives both sides the same memory, so there is nothing to
/// do.
final class Flatten: Layer {
  let name: String
  let inputShape: Shape
  var outputShape: Shape { Shape(features: inputShape.count) }

  init(_ name: String, input: Shape) { (self.name, inputShape) = (name, input) }

  func forward(_ a: Activations, _ pass: Pass) {}
  func backward(_ a: Activations, _ pass: Pass) {}
}
