// A training step in few bits: ŵ = round(w) while the network computes, then w again; ranges follow the mini-batches.

import LacunaFormats

/// What ``QuantizationSettings`` add to the steps of a ``Trainer``.
final class QuantizedStep {
  private let settings: QuantizationSettings
  private let network: SequentialModel
  private let kernels: [(parameter: Parameter, exact: AlignedBuffer<Float>)]
  /// Of what is rounded to bytes, in the order of the layers.
  private let inputs: [InputRounding]
  private let lastRangeStep: Int

  /// - Parameter steps: those of the whole run.
  /// - Throws: ``ModelError/invalidLayer(name:reason:)`` when activations are to be rounded in a network that is no
  ///   chain.
  init(
    _ settings: QuantizationSettings, _ network: SequentialModel, steps: Int
  ) throws(ModelError) {
    (self.settings, self.network) = (settings, network)
    lastRangeStep = settings.lastRangeStep(of: steps)
    kernels = network.parameters.filter { $0.role == .kernel }.map {
      ($0, AlignedBuffer(count: $0.count))
    }
    var roundings: [Int: InputRounding] = [:]
    if settings.roundsActivations {
      let names = Set(try network.architecture.layersOfBytes())
      for (i, layer) in network.layers.enumerated() where names.contains(layer.name) {
        roundings[i] = InputRounding(layer)
      }
    }
    inputs = roundings.sorted { $0.key < $1.key }.map(\.value)
    network.roundInputs(roundings)
  }

  /// The ranges so far, by layer; empty before the first step.
  var ranges: [String: ActivationBounds] {
    get {
      Dictionary(uniqueKeysWithValues: inputs.compactMap { i in i.range.map { (i.layer, $0) } })
    }
    set { for input in inputs { input.range = newValue[input.layer] } }
  }

  /// Rounds the kernels, before the forward pass of step number `step`, counted from 1.
  func begin(step: Int) {
    for input in inputs { input.observes = step <= lastRangeStep }
    for (parameter, exact) in kernels {
      exact.pointer.update(from: parameter.values.pointer, count: parameter.count)
      round(parameter)
    }
  }

  /// Gives the kernels their full precision back.
  func end() {
    for (parameter, exact) in kernels {
      parameter.values.pointer.update(from: exact.pointer, count: parameter.count)
    }
  }

  /// Moves the ranges by those of the mini-batch.
  ///
  /// - Throws: ``ModelError/calibration(layer:_:)`` when a layer read a NaN or an infinity.
  func moveRanges(batch: Int) throws(ModelError) {
    var found: [ActivationBounds] = []
    for input in inputs where input.observes {
      found.append(try input.observedRange(batch: batch))
    }
    let share = 1 - settings.rangeMomentum
    for (input, new) in zip(inputs, found) {
      guard let old = input.range else {
        input.range = new
        continue
      }
      input.range = ActivationBounds(
        old.low + share * (new.low - old.low)...old.high + share * (new.high - old.high))
    }
  }

  /// Leaves the kernels rounded: the weights of the finished run.
  func finish() {
    for (parameter, _) in kernels {
      // The largest weight of a row may come out a last bit off its multiple, and with it the scale that a file
      // would find. Rounded once more, that scale stays.
      round(parameter)
      round(parameter)
    }
  }

  private func round(_ parameter: Parameter) {
    let (columns, bits) = (parameter.columns, settings.weightBits)
    network.workers.split(parameter.rows, parts: parameter.count / 4096) { rows in
      for row in rows {
        WeightGrid.round(
          row: UnsafeMutableBufferPointer(
            start: parameter.values.pointer + row * columns, count: columns), bits: bits)
      }
    }
  }
}
