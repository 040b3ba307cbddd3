// One layer at inference: reads activations in one layout, writes them in another.

import LacunaFormats
import LacunaOperations

/// A layer prepared for a fixed number of samples.
protocol InferenceStep: AnyObject {
  /// The layer's name.
  var name: String { get }
  /// The layout that it reads; its border, if it has one, holds zeros.
  var input: ActivationLayout { get }
  /// The kernel that runs it, empty for a layer without weights.
  var kernelName: String { get }
  /// Computes all samples. `thread` picks scratch memory: threads that run a step at once have one
  /// each.
  func run(_ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, thread: Int)
}

extension InferenceStep {
  var kernelName: String { "" }
}

/// A fully connected layer: `Y[out, samples] = act(W · X[in, samples] + b)`.
final class DenseStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  private let plan: PlanCore
  private let samples: Int

  var kernelName: String { plan.body.name }

  init(_ name: String, input: Shape, samples: Int, plan: PlanCore) {
    (self.name, self.plan, self.samples) = (name, plan, samples)
    self.input = ActivationLayout(Shape(features: input.count), samples: samples)
  }

  func run(_ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, thread: Int) {
    plan.run(ProductCall(x: x, xStride: samples, y: y, yStride: samples, width: samples))
  }
}

/// `y = x · scale[c] + shift[c]`, then a ReLU when asked; also a plain copy into another layout.
final class AffineStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  let output: ActivationLayout
  private let samples: Int
  private let scale: [Float]
  private let shift: [Float]
  private let relu: Bool

  /// Empty `scale` and `shift` copy.
  init(
    _ name: String, input: ActivationLayout, output: ActivationLayout, samples: Int,
    scale: [Float] = [], shift: [Float] = [], relu: Bool = false
  ) {
    (self.name, self.input, self.output, self.samples) = (name, input, output, samples)
    (self.scale, self.shift, self.relu) = (scale, shift, relu)
  }

  func run(_ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, thread: Int) {
    let shape = input.shape
    let isContiguous = input.pixelStride == samples && output.pixelStride == samples
    // A row of the image at once where both sides hold it without gaps, else pixel by pixel.
    let (runs, length) = isContiguous ? (1, shape.width * samples) : (shape.width, samples)
    for c in 0..<shape.channels {
      let (a, b) = scale.isEmpty ? (1, 0) : (scale[c], shift[c])
      for row in 0..<shape.height {
        for run in 0..<runs {
          let from = x + input.index(c, row, run)
          let to = y + output.index(c, row, run)
          if scale.isEmpty && !relu {
            copy(to, from, length)
          } else {
            for i in 0..<length {
              let value = from[i] * a + b
              to[i] = relu ? rectified(value) : value
            }
          }
        }
      }
    }
  }
}
