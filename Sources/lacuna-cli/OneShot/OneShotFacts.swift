// What `lacuna prune --method` reports: a line for each layer

import Lacuna

/// The result of one-shot pruning.
struct OneShotFacts: Encodable {
  /// Seconds of all products of one sample on one thread.
  struct Latency: Encodable {
    var dense: Double
    var predicted: Double
    var measured: Double

    init(_ report: NetworkLatencyReport) {
      (dense, predicted) = (report.denseSeconds, report.predictedSeconds)
      measured = report.measuredSeconds
    }
  }

  var output: String
  var method: String
  var sparsity: Double
  var seconds: Double
  var layers: [OneShotLayerReport]
  /// Of a latency budget.
  var latency: Latency?
  /// What a reader should know of the calibration.
  var notes: [String]

  init(output: String, layers: [OneShotLayerReport]) {
    (self.output, self.layers) = (output, layers)
    method = layers.first?.method ?? ""
    let weights = layers.reduce(0) { $0 + $1.weights }
    let kept = layers.reduce(0) { $0 + $1.kept }
    sparsity = weights == 0 ? 0 : 1 - Double(kept) / Double(weights)
    seconds = layers.reduce(0) { $0 + $1.seconds }
    notes =
      layers.filter { $0.samples < OneShotSettings.samplesPerInput * $0.columns }.map {
        "\($0.name.printable()): \($0.samples) samples for \($0.columns) inputs, "
          + ($0.samples < $0.columns
            ? "damping decides the rest"
            : "fewer than \(OneShotSettings.samplesPerInput) for each: the fit follows them")
      }
      + layers.filter { $0.deadInputs > 0 }.map {
        "\($0.name.printable()): \($0.deadInputs) inputs never change"
      }
  }

  var text: String {
    var table = TextTable(
      ["layer", "shape", "samples", "structure", "sparsity", "mask error", "error", "seconds"],
      leading: [0, 3])
    func percent(_ value: Double?) -> String {
      value.map { Numeral.percent($0, digits: 3) } ?? ""
    }
    for layer in layers {
      table.append([
        layer.name, "\(layer.rows)×\(layer.columns)", Numeral.grouped(layer.samples),
        layer.structure, Numeral.percent(layer.sparsity, digits: 2), percent(layer.errorOfMask),
        percent(layer.error), Numeral.fixed(layer.seconds, digits: 2),
      ])
    }
    var lines = notes
    if let latency {
      lines.append(
        "products of one sample: \(Numeral.duration(seconds: latency.dense)) dense, "
          + "\(Numeral.duration(seconds: latency.predicted)) predicted, "
          + "\(Numeral.duration(seconds: latency.measured)) measured")
    }
    return table.rendered() + "\n\n" + lines.map { $0 + "\n" }.joined()
      + "\(output.printable()): \(Numeral.percent(sparsity, digits: 2)) of these weights are zero; "
      + "errors are of outputs, squared, relative"
  }
}
