// Y[batch, out] = act(X[batch, in] · Wᵀ + b) with W [out, in].

import LacunaFormats
import LacunaOperations

/// A fully connected layer with a kernel `[out, in]`, a bias and an optional ReLU.
final class DenseLayer: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let relu: Bool
  let kernel: Parameter
  let bias: Parameter?
  var parameters: [Parameter] { [kernel] + (bias.map { [$0] } ?? []) }
  var isSampleWise: Bool { false }

  /// The products at a mask that no longer changes.
  private var fixed: FixedMaskProducts?

  /// Columns of an output per task. Fixed, so that the sums do not depend on the number of threads.
  private static let tile = 256
  func tiles(_ columns: Int) -> Int { (columns + Self.tile - 1) / Self.tile }

  init(
    _ name: String, input: Shape, units: Int, relu: Bool, useBias: Bool,
    random: inout RandomStream
  ) {
    (self.name, inputShape, self.relu) = (name, input, relu)
    outputShape = Shape(features: units)
    kernel = Parameter("\(name)/kernel", .kernel, [units, input.count])
    bias = useBias ? Parameter("\(name)/bias", .bias, [units]) : nil
    kernel.initializeUniform(fanIn: input.count, fanOut: units, from: &random)
  }

  func fixMasks(_ masks: [String: BitMask], threads: Int) {
    fixed = masks[kernel.name].flatMap {
      FixedMaskProducts($0, threads: threads)
    }
    kernel.kept = fixed?.kept
  }

  func forward(_ a: Activations, _ pass: Pass) {
    let (n, inputs, outputs) = (pass.batch, inputShape.count, outputShape.count)
    if let fixed, pass.isTraining {
      fixed.forward(kernel, bias, x: a.x, y: a.y, batch: n, pass.threads)
      if relu { rectify(a.y, n * outputs) }
      return
    }
    pass.threads.split(outputs, parts: tiles(outputs)) { [self] out in
      let y = a.y + out.lowerBound
      BLAS.gemm(
        m: n, n: out.count, k: inputs, a: a.x, lda: inputs,
        b: kernel.values.pointer + out.lowerBound * inputs, ldb: inputs, transposeB: true,
        c: y, ldc: outputs)
      if let bias {
        addBias(
          y, bias.values.pointer + out.lowerBound, rows: n, out.count, relu: relu,
          stride: outputs)
      } else if relu {
        for r in 0..<n { rectify(y + r * outputs, out.count) }
      }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    let (n, outputs) = (pass.batch, outputShape.count)
    if relu {
      pass.threads.split(n, parts: (n * outputs) / 16384) { rows in
        maskByPositive(
          a.dy + rows.lowerBound * outputs, a.y + rows.lowerBound * outputs,
          rows.count * outputs)
      }
    }
    if let fixed {
      fixed.backward(kernel, x: a.x, dy: a.dy, dx: a.dx, batch: n, pass.threads)
    } else {
      denseBackward(a, pass)
    }
    if let bias {
      zero(bias.gradient.pointer, outputs)
      accumulateRows(bias.gradient.pointer, a.dy, rows: n, outputs, stride: outputs)
    }
  }

  private func denseBackward(_ a: Activations, _ pass: Pass) {
    let (n, inputs, outputs) = (pass.batch, inputShape.count, outputShape.count)
    if let dx = a.dx {
      pass.threads.split(inputs, parts: tiles(inputs)) { [self] columns in
        BLAS.gemm(
          m: n, n: columns.count, k: outputs, a: a.dy, lda: outputs,
          b: kernel.values.pointer + columns.lowerBound, ldb: inputs,
          c: dx + columns.lowerBound, ldc: inputs)
      }
    }
    pass.threads.split(outputs, parts: tiles(outputs)) { [self] out in
      BLAS.gemm(
        m: out.count, n: inputs, k: n, a: a.dy + out.lowerBound, lda: outputs, transposeA: true,
        b: a.x, ldb: inputs, c: kernel.gradient.pointer + out.lowerBound * inputs, ldc: inputs)
    }
  }
}
