// y = γ · (x − μ) / √(σ² + ε) + β per channel, μ and σ² over batch, rows and columns (Ioffe and
// Szegedy, 2015).

import LacunaFormats

/// Batch normalisation over the last axis. Training uses the batch's statistics and moves the
/// running ones towards them; inference uses the running ones.
final class BatchNormalization: Layer {
  let name: String
  let inputShape: Shape
  var outputShape: Shape { inputShape }
  let momentum: Float
  let epsilon: Float
  let gamma: Parameter
  let beta: Parameter
  let movingMean: Parameter
  let movingVariance: Parameter
  var parameters: [Parameter] { [gamma, beta, movingMean, movingVariance] }
  var isSampleWise: Bool { false }

  /// Per slice: two sums per channel.
  private var partials = AlignedBuffer<Float>(count: 0)
  /// Per channel, of the batch: mean, 1/√(σ² + ε), and two factors of the backward pass.
  private let mean: AlignedBuffer<Float>
  private let inverse: AlignedBuffer<Float>
  private let scale: AlignedBuffer<Float>
  private let shift: AlignedBuffer<Float>
  private var slices = 1

  init(_ name: String, input: Shape, momentum: Float, epsilon: Float) {
    (self.name, inputShape, self.momentum, self.epsilon) = (name, input, momentum, epsilon)
    let c = input.channels
    gamma = Parameter("\(name)/gamma", .scale, [c], filledWith: 1)
    beta = Parameter("\(name)/beta", .shift, [c])
    movingMean = Parameter("\(name)/moving_mean", .statistic, [c])
    movingVariance = Parameter("\(name)/moving_variance", .statistic, [c], filledWith: 1)
    mean = AlignedBuffer(count: c)
    inverse = AlignedBuffer(count: c)
    scale = AlignedBuffer(count: c)
    shift = AlignedBuffer(count: c)
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    self.slices = slices
    partials = AlignedBuffer(count: slices * 2 * inputShape.channels)
  }

  func forward(_ a: Activations, _ pass: Pass) {
    let c = inputShape.channels
    if pass.isTraining { updateStatistics(a.x, pass) }
    for j in 0..<c {
      let m = pass.isTraining ? mean.pointer[j] : movingMean.values.pointer[j]
      if !pass.isTraining {
        inverse.pointer[j] = 1 / (movingVariance.values.pointer[j] + epsilon).squareRoot()
      }
      scale.pointer[j] = gamma.values.pointer[j] * inverse.pointer[j]
      shift.pointer[j] = beta.values.pointer[j] - m * scale.pointer[j]
    }
    pass.threads.split(pass.batch, parts: slices) { [self] samples in
      let rows = samples.count * inputShape.pixels
      var (x, y) = (
        a.x + samples.lowerBound * inputShape.count, a.y + samples.lowerBound * inputShape.count
      )
      let (scale, shift) = (scale.pointer, shift.pointer)
      for _ in 0..<rows {
        for j in 0..<c { y[j] = x[j] * scale[j] + shift[j] }
        x += c
        y += c
      }
    }
  }

  /// Mean and variance of each slice around its own mean, joined by Chan, Golub and LeVeque's
  /// update: no cancellation however far the mean is from zero.
  private func updateStatistics(_ x: UnsafeMutablePointer<Float>, _ pass: Pass) {
    let (c, pixels, count) = (inputShape.channels, inputShape.pixels, pass.batch)
    let parts = max(1, min(slices, count))
    pass.threads.run(tasks: parts) { [self] part, _ in
      let samples = count * part / parts..<count * (part + 1) / parts
      let rows = samples.count * pixels
      let first = x + samples.lowerBound * inputShape.count
      let sums = partials.pointer + part * 2 * c
      let squares = sums + c
      zero(sums, 2 * c)
      accumulateRows(sums, first, rows: rows, c, stride: c)
      for j in 0..<c { sums[j] /= Float(rows) }
      for r in 0..<rows {
        let row = first + r * c
        for j in 0..<c {
          let d = row[j] - sums[j]
          squares[j] += d * d
        }
      }
    }
    for j in 0..<c {
      var (n, m, squares) = (0.0, 0.0, 0.0)
      for part in 0..<parts {
        let rows = Double((count * (part + 1) / parts - count * part / parts) * pixels)
        let delta = Double(partials.pointer[part * 2 * c + j]) - m
        let total = n + rows
        squares += Double(partials.pointer[part * 2 * c + c + j]) + delta * delta * n * rows / total
        m += delta * rows / total
        n = total
      }
      let variance = squares / n
      mean.pointer[j] = Float(m)
      inverse.pointer[j] = Float(1 / (variance + Double(epsilon)).squareRoot())
      movingMean.values.pointer[j] += (Float(m) - movingMean.values.pointer[j]) * (1 - momentum)
      movingVariance.values.pointer[j] +=
        (Float(variance) - movingVariance.values.pointer[j]) * (1 - momentum)
    }
  }

  // With x̂ = (x − μ)/√(σ² + ε):  ∂γ = Σ dy·x̂,  ∂β = Σ dy,
  // dx = γ/√(σ² + ε) · (dy − ∂β/n − x̂·∂γ/n).
  func backward(_ a: Activations, _ pass: Pass) {
    let (c, pixels, count) = (inputShape.channels, inputShape.pixels, pass.batch)
    let parts = max(1, min(slices, count))
    pass.threads.run(tasks: parts) { [self] part, _ in
      let samples = count * part / parts..<count * (part + 1) / parts
      let rows = samples.count * pixels
      var (x, dy) = (
        a.x + samples.lowerBound * inputShape.count, a.dy + samples.lowerBound * inputShape.count
      )
      let (mean, inverse) = (mean.pointer, inverse.pointer)
      let sums = partials.pointer + part * 2 * c
      let products = sums + c
      zero(sums, 2 * c)
      for _ in 0..<rows {
        for j in 0..<c {
          sums[j] += dy[j]
          products[j] += dy[j] * ((x[j] - mean[j]) * inverse[j])
        }
        x += c
        dy += c
      }
    }
    for j in 0..<c {
      var (sum, product) = (0.0, 0.0)
      for part in 0..<parts {
        sum += Double(partials.pointer[part * 2 * c + j])
        product += Double(partials.pointer[part * 2 * c + c + j])
      }
      beta.gradient.pointer[j] = Float(sum)
      gamma.gradient.pointer[j] = Float(product)
    }
    guard let dx = a.dx else { return }
    let n = Float(count * pixels)
    // dx = p · dy + q · x + r, with p in `scale`, q and r in the first partial sums.
    let (p, q, r) = (scale.pointer, partials.pointer, partials.pointer + c)
    for j in 0..<c {
      p[j] = gamma.values.pointer[j] * inverse.pointer[j]
      q[j] = -p[j] * inverse.pointer[j] * gamma.gradient.pointer[j] / n
      r[j] = -p[j] * beta.gradient.pointer[j] / n - q[j] * mean.pointer[j]
    }
    pass.threads.split(count, parts: slices) { [self] samples in
      let rows = samples.count * pixels
      var (x, dy, d) = (
        a.x + samples.lowerBound * inputShape.count,
        a.dy + samples.lowerBound * inputShape.count,
        dx + samples.lowerBound * inputShape.count
      )
      for _ in 0..<rows {
        for j in 0..<c { d[j] = p[j] * dy[j] + (q[j] * x[j] + r[j]) }
        x += c
        dy += c
        d += c
      }
    }
  }
}
