// h_t = cell(W·x_t + b + R·h_{t−1} + b′) for all steps of a sequence, and its gradient backward through time.

import LacunaFormats
import LacunaOperations

/// An LSTM or GRU over sequences `[steps, features]`, from a state of zeros.
///
/// Weights are `[gates · units, features]` and `[gates · units, units]` with the gates in ONNX's order; a GRU has a
/// second bias, which its reset gate reaches. A mini-batch is cut into parts that threads take; inside of a part,
/// memory is ordered by steps, so that each step is one product for all its samples and the products that need no
/// order (W·x, and the gradients of both matrices) are one for all steps.
final class RecurrentLayer: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let unit: RecurrentUnit
  let units: Int
  let output: RecurrentOutput
  let kernel: Parameter, recurrentKernel: Parameter
  let bias: Parameter, recurrentBias: Parameter?
  var parameters: [Parameter] {
    [kernel, recurrentKernel, bias] + (recurrentBias.map { [$0] } ?? [])
  }
  var isSampleWise: Bool { false }

  /// Parts of a mini-batch. Fixed, so that sums do not depend on the number of threads.
  private static let parts = 4
  private var tapes: [RecurrentTape] = []

  init(
    _ name: String, input: Shape, unit: RecurrentUnit, units: Int, output: RecurrentOutput,
    random: inout RandomStream
  ) {
    (self.name, inputShape, self.unit, self.units) = (name, input, unit, units)
    self.output = output
    outputShape =
      output == .all
      ? Shape(height: input.height, width: 1, channels: units) : Shape(features: units)
    let rows = unit.gates * units
    kernel = Parameter("\(name)/kernel", .kernel, [rows, input.channels])
    recurrentKernel = Parameter("\(name)/recurrent_kernel", .kernel, [rows, units])
    bias = Parameter("\(name)/bias", .bias, [rows])
    recurrentBias = unit == .gru ? Parameter("\(name)/recurrent_bias", .bias, [rows]) : nil
    kernel.initializeUniform(fanIn: input.channels, fanOut: units, from: &random)
    recurrentKernel.initializeUniform(fanIn: units, fanOut: units, from: &random)
    if unit == .lstm {
      // Cells remember at first (Jozefowicz et al., 2015).
      for j in 2 * units..<3 * units { bias.values.pointer[j] = 1 }
    }
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    let most = (batch + Self.parts - 1) / Self.parts
    tapes = (0..<Self.parts).map { _ in
      RecurrentTape(
        unit: unit, units: units, features: inputShape.channels, steps: inputShape.height,
        samples: most)
    }
  }

  private func forEachPart(_ pass: Pass, _ body: (RecurrentTape, Range<Int>) -> Void) {
    let (parts, tapes) = (min(Self.parts, pass.batch), tapes)
    pass.threads.run(tasks: parts) { part, _ in
      body(tapes[part], pass.batch * part / parts..<pass.batch * (part + 1) / parts)
    }
  }

  func forward(_ a: Activations, _ pass: Pass) {
    forEachPart(pass) { [self] tape, samples in
      tape.load(a.x + samples.lowerBound * inputShape.count, samples: samples.count)
      tape.forward(
        w: kernel.values.pointer, r: recurrentKernel.values.pointer, bias: bias.values.pointer,
        recurrentBias: recurrentBias?.values.pointer)
      tape.store(a.y + samples.lowerBound * outputShape.count, output)
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    forEachPart(pass) { [self] tape, samples in
      tape.backward(
        a.dy + samples.lowerBound * outputShape.count, output, w: kernel.values.pointer,
        r: recurrentKernel.values.pointer,
        dx: a.dx.map { $0 + samples.lowerBound * inputShape.count })
    }
    let used = tapes[..<min(Self.parts, pass.batch)]
    for (parameter, place) in zip(parameters, used[0].gradientPlaces) {
      let g = parameter.gradient.pointer
      for (n, tape) in used.enumerated() {
        let from = tape.gradients.pointer + place
        if n == 0 { copy(g, from, parameter.count) } else { accumulate(g, from, parameter.count) }
      }
    }
  }
}
