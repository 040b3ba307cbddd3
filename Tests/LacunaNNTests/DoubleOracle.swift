// The network in double precision, with a bound on what float32 sums may differ by: |Δy| ≤ e(y).

import LacunaFormats
import LacunaNN

/// Activations of one sample with their error bound, NHWC.
struct Bounded {
  var values: [Double]
  var errors: [Double]
}

/// Plain loops in double precision over a model's float32 weights.
///
/// A float32 sum of n products differs from the exact one by at most γ(n + 1) · Σ|w·x| with
/// γ(n) = n·u / (1 − n·u), u = 2⁻²⁴, whatever its order. Errors of the inputs add Σ|w|·e(x). ReLU and
/// maximum do not enlarge an error.
enum DoubleOracle {
  static func gamma(_ n: Int) -> Double { Double(n) * 0x1p-24 / (1 - Double(n) * 0x1p-24) }

  static func run(_ model: SequentialModel, _ image: [Float]) -> Bounded {
    var x = Bounded(values: image.map(Double.init), errors: image.map { _ in 0 })
    var shape = model.inputShape
    func parameter(_ name: String) -> [Double] {
      model.parameter(named: name)!.values.elements.map(Double.init)
    }
    for layer in model.architecture.layers {
      switch layer {
      case .convolution(let name, let filters, let w, let relu):
        x = convolution(
          x, shape, parameter("\(name)/kernel"), parameter("\(name)/bias"), filters, w, relu,
          out: model.layers.first { $0.name == name }!.outputShape)
      case .dense(let name, let units, let relu):
        let (kernel, bias) = (parameter("\(name)/kernel"), parameter("\(name)/bias"))
        let n = x.values.count
        var y = Bounded(values: bias, errors: bias)
        for o in 0..<units {
          var (sum, size, carried) = (bias[o], abs(bias[o]), 0.0)
          for i in 0..<n where kernel[o * n + i] != 0 {
            let w = kernel[o * n + i]
            sum += w * x.values[i]
            size += abs(w) * (abs(x.values[i]) + x.errors[i])
            carried += abs(w) * x.errors[i]
          }
          y.values[o] = relu ? max(sum, 0) : sum
          y.errors[o] = carried + gamma(n + 2) * size
        }
        x = y
      case .maxPooling(let name, let w), .averagePooling(let name, let w):
        let isMax = if case .maxPooling = layer { true } else { false }
        x = pooling(x, shape, w, isMax, out: model.layers.first { $0.name == name }!.outputShape)
      case .batchNormalization(let name, _, let epsilon):
        let (g, b) = (parameter("\(name)/gamma"), parameter("\(name)/beta"))
        let (m, v) = (parameter("\(name)/moving_mean"), parameter("\(name)/moving_variance"))
        for i in x.values.indices {
          let c = i % g.count
          let scale = g[c] / (v[c] + Double(epsilon)).squareRoot()
          let (size, value) = (
            abs(scale * x.values[i]) + abs(b[c]) + abs(m[c] * scale), x.values[i]
          )
          x.values[i] = (value - m[c]) * scale + b[c]
          x.errors[i] = abs(scale) * x.errors[i] + gamma(8) * (size + abs(scale) * x.errors[i])
        }
      case .relu: x.values = x.values.map { max($0, 0) }
      case .flatten, .dropout: break
      case .depthwiseConvolution, .globalAveragePooling, .residual, .embedding, .recurrent,
        .encoderDecoder:
        preconditionFailure("\(layer.name) has tests of its own")
      }
      shape = model.layers.first { $0.name == layer.name }!.outputShape
    }
    return x
  }

  /// Image rows and columns under a window at output position (oy, ox).
  private static func window(
    _ w: Window2D, _ shape: Shape, _ out: Shape, _ oy: Int, _ ox: Int
  ) -> (y: Int, x: Int) {
    func before(_ size: Int, _ positions: Int, _ window: Int, _ stride: Int) -> Int {
      w.padding == .valid ? 0 : max((positions - 1) * stride + window - size, 0) / 2
    }
    return (
      oy * w.strideY - before(shape.height, out.height, w.height, w.strideY),
      ox * w.strideX - before(shape.width, out.width, w.width, w.strideX)
    )
  }

  private static func convolution(
    _ x: Bounded, _ shape: Shape, _ kernel: [Double], _ bias: [Double], _ filters: Int,
    _ w: Window2D, _ relu: Bool, out: Shape
  ) -> Bounded {
    var y = Bounded(values: [], errors: [])
    let c = shape.channels
    let patch = w.height * w.width * c
    for oy in 0..<out.height {
      for ox in 0..<out.width {
        let (top, left) = window(w, shape, out, oy, ox)
        for o in 0..<filters {
          var (sum, size, carried) = (bias[o], abs(bias[o]), 0.0)
          for ky in 0..<w.height where (0..<shape.height).contains(top + ky) {
            for kx in 0..<w.width where (0..<shape.width).contains(left + kx) {
              let at = ((top + ky) * shape.width + left + kx) * c
              let from = o * patch + (ky * w.width + kx) * c
              for i in 0..<c where kernel[from + i] != 0 {
                let weight = kernel[from + i]
                sum += weight * x.values[at + i]
                size += abs(weight) * (abs(x.values[at + i]) + x.errors[at + i])
                carried += abs(weight) * x.errors[at + i]
              }
            }
          }
          y.values.append(relu ? max(sum, 0) : sum)
          y.errors.append(carried + gamma(patch + 2) * size)
        }
      }
    }
    return y
  }

  private static func pooling(
    _ x: Bounded, _ shape: Shape, _ w: Window2D, _ isMax: Bool, out: Shape
  ) -> Bounded {
    var y = Bounded(values: [], errors: [])
    for oy in 0..<out.height {
      for ox in 0..<out.width {
        let (top, left) = window(w, shape, out, oy, ox)
        for c in 0..<shape.channels {
          var (best, sum, size, error, count) = (-Double.infinity, 0.0, 0.0, 0.0, 0)
          for iy in max(top, 0)..<min(top + w.height, shape.height) {
            for ix in max(left, 0)..<min(left + w.width, shape.width) {
              let at = (iy * shape.width + ix) * shape.channels + c
              best = max(best, x.values[at])
              sum += x.values[at]
              size += abs(x.values[at]) + x.errors[at]
              error = isMax ? max(error, x.errors[at]) : error + x.errors[at]
              count += 1
            }
          }
          let n = Double(count)
          y.values.append(isMax ? best : sum / n)
          y.errors.append(isMax ? error : (error + gamma(count + 3) * size) / n)
        }
      }
    }
    return y
  }
}
