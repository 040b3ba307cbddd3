// One layer at inference: reads activations in one layout, writes them in another.

import LacunaFormats
import LacunaOperations

/// A layer prepared for a fixed number of samples.
protocol InferenceStep: AnyObject {
  /// The layer's name.
  var name: String { get }
  /// The layout that it reads; its border, if it has one, holds zeros.
  var input: ActivationLayout { get }
  /// What the activations that it reads are in memory, and those that it writes.
  var reads: ActivationStore { get }
  var writes: ActivationStore { get }
  /// The kernel that runs it, empty for a layer without weights.
  var kernelName: String { get }
  /// Computes all samples. `thread` picks scratch memory: threads that run a step at once have one
  /// each.
  func run(_ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, thread: Int)
}

extension InferenceStep {
  var kernelName: String { "" }
}

/// A fully connected layer: `Y[out, samples] = act(W · X[in, samples] + b)`.
final class DenseStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  let reads: ActivationStore, writes: ActivationStore
  private let plan: PlanCore
  private let samples: Int

  var kernelName: String { plan.body.name }

  init(_ name: String, input: Shape, samples: Int, product: WeightedProduct) {
    (self.name, plan, self.samples) = (name, product.plan, samples)
    (reads, writes) = (product.reads, product.writes)
    self.input = ActivationLayout(Shape(features: input.count), samples: samples)
  }

  func run(_ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, thread: Int) {
    plan.run(ProductCall(x: x, xStride: samples, y: y, yStride: samples, width: samples))
  }
}

/// `y = x · scale[c] + shift[c]`, then a ReLU when asked, as floats or rounded to bytes; also a plain copy into another
/// layout.
final class AffineStep: InferenceStep {
  let name: String
  let input: ActivationLayout
  let output: ActivationLayout
  let reads: ActivationStore, writes: ActivationStore
  private let samples: Int
  private let scale: [Float]
  private let shift: [Float]
  private let relu: Bool

  /// Empty `scale` and `shift` copy. Bytes are copied and nothing else.
  init(
    _ name: String, input: ActivationLayout, output: ActivationLayout, samples: Int,
    reads: ActivationStore = .f32, writes: ActivationStore, scale: [Float] = [],
    shift: [Float] = [], relu: Bool = false
  ) {
    precondition(!reads.isBytes || reads == writes && scale.isEmpty && !relu, "bytes of \(name)")
    (self.name, self.input, self.output, self.samples) = (name, input, output, samples)
    (self.reads, self.writes) = (reads, writes)
    (self.scale, self.shift, self.relu) = (scale, shift, relu)
  }

  func run(_ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, thread: Int) {
    if case .u8(let bytes) = writes {
      let to = y.assumingMemoryBound(to: UInt8.self)
      if reads.isBytes {
        let from = x.assumingMemoryBound(to: UInt8.self)
        return eachRun { copy(to + $2, from + $1, $3) }
      }
      let from = x.assumingMemoryBound(to: Float.self)
      let rounded = ByteRounding(bytes)
      return eachRun { channel, source, target, count in
        let (a, b) = scale.isEmpty ? (1, 0) : (scale[channel], shift[channel])
        for i in 0..<count {
          let value = from[source + i] * a + b
          to[target + i] = rounded(relu ? rectified(value) : value)
        }
      }
    }
    let (from, to) = (x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self))
    if scale.isEmpty && !relu { return eachRun { copy(to + $2, from + $1, $3) } }
    eachRun { channel, source, target, count in
      let (a, b) = scale.isEmpty ? (1, 0) : (scale[channel], shift[channel])
      for i in 0..<count {
        let value = from[source + i] * a + b
        to[target + i] = relu ? rectified(value) : value
      }
    }
  }

  /// Calls `body` with a channel, where a run of its activations starts on either side, and how long it is: a row of
  /// the image where both sides hold it without gaps, else a pixel.
  @inline(__always)
  private func eachRun(_ body: (Int, Int, Int, Int) -> Void) {
    let shape = input.shape
    let isContiguous = input.pixelStride == samples && output.pixelStride == samples
    let (runs, length) = isContiguous ? (1, shape.width * samples) : (shape.width, samples)
    for c in 0..<shape.channels {
      for row in 0..<shape.height {
        for run in 0..<runs {
          body(c, input.index(c, row, run), output.index(c, row, run), length)
        }
      }
    }
  }
}
