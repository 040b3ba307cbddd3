// What `lacuna prune --method` reports: a line for each layer

import Lacuna

/// The result of one-shot pruning.
struct OneShotFacts: Encodable {
  var output: String
  var method: String
  var sparsity: Double
  var seconds: Double
  var layers: [OneShotLayerReport]

  init(output: String, layers: [OneShotLayerReport]) {
    (self.output, self.layers) = (output, layers)
    method = layers.first?.method ?? ""
    let weights = layers.reduce(0) { $0 + $1.weights }
    let kept = layers.reduce(0) { $0 + $1.kept }
    sparsity = weights == 0 ? 0 : 1 - Double(kept) / Double(weights)
    seconds = layers.reduce(0) { $0 + $1.seconds }
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
    var notes: [String] = []
    for layer in layers where layer.samples < layer.columns {
      notes.append(
        "\(layer.name): \(layer.samples) samples for \(layer.columns) inputs, "
          + "damping decides the rest"
      )
    }
    for layer in layers where layer.deadInputs > 0 {
      notes.append("\(layer.name): \(layer.deadInputs) inputs are zero in every sample")
    }
    return table.rendered() + "\n\n" + notes.map { $0 + "\n" }.joined()
      + "\(output): \(Numeral.percent(sparsity, digits: 2)) of these weights are zero; "
      + "errors are of outputs, squared, relative"
  }
}
