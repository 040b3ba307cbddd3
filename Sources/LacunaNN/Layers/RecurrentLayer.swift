// h_t = cell(W·x_t + b + R·h_{t−1} + b′) for all steps of a sequence, and its gradient backward through time.

import LacunaFormats
import LacunaOperations

/// An LSTM or GRU over sequences `[steps, features]`, from a state of zeros.
///
/// A mini-batch is cut into parts that threads take; inside of a part, memory is ordered by steps, so that each step
/// is one product for all its samples and the products that need no order (W·x, and the gradients of both matrices)
/// are one for all steps.
final class RecurrentLayer: Layer {
  let name: String
  let inputShape: Shape
  let outputShape: Shape
  let unit: RecurrentUnit
  let units: Int
  let output: RecurrentOutput
  let weights: RecurrentParameters
  var parameters: [Parameter] { weights.all }
  var isSampleWise: Bool { false }

  private let parts = BatchParts()
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
    weights = RecurrentParameters(
      name, unit: unit, features: input.channels, units: units, random: &random)
  }

  func prepare(batch: Int, workers: Int, slices: Int) {
    let most = parts.largest(of: batch)
    tapes = (0..<parts.count).map { _ in
      RecurrentTape(
        unit: unit, units: units, features: inputShape.channels, cells: inputShape.height * most,
        samples: most)
    }
  }

  func forward(_ a: Activations, _ pass: Pass) {
    let (steps, features) = (inputShape.height, inputShape.channels)
    parts.run(pass) { [self] part, samples in
      let (tape, n) = (tapes[part], samples.count)
      let x = a.x + samples.lowerBound * inputShape.count
      let y = a.y + samples.lowerBound * outputShape.count
      tape.begin(PackedSequences(lengths: Array(repeating: steps, count: n)))
      for t in 0..<steps {
        for b in 0..<n {
          copy(tape.x.pointer + (t * n + b) * features, x + (b * steps + t) * features, features)
        }
      }
      tape.forward(weights)
      if output == .last { return copy(y, tape.state(row: (steps - 1) * n), n * units) }
      for t in 0..<steps {
        for b in 0..<n {
          copy(y + (b * steps + t) * units, tape.state(row: t * n + b), units)
        }
      }
    }
  }

  func backward(_ a: Activations, _ pass: Pass) {
    let (steps, features, h) = (inputShape.height, inputShape.channels, units)
    parts.run(pass) { [self] part, samples in
      let (tape, n) = (tapes[part], samples.count)
      let dy = a.dy + samples.lowerBound * outputShape.count
      zero(tape.carriedCell.pointer, n * h)
      if output == .last {
        copy(tape.carried.pointer, dy, n * h)
        tape.backward(weights, needsInput: a.dx != nil)
      } else {
        zero(tape.carried.pointer, n * h)
        tape.backward(weights, needsInput: a.dx != nil) { t, g in
          for b in 0..<n { accumulate(g + b * h, dy + (b * steps + t) * h, h) }
        }
      }
      guard let dx = a.dx.map({ $0 + samples.lowerBound * inputShape.count }) else { return }
      for t in 0..<steps {
        for b in 0..<n {
          copy(dx + (b * steps + t) * features, tape.x.pointer + (t * n + b) * features, features)
        }
      }
    }
    parts.sum(parameters, pass) { tapes[$0].gradientPointers }
  }
}
