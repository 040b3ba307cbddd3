// `lacuna prune --method … --report FILE.html`: layers in numbers and pictures on one page

import Lacuna

/// The page of one run.
struct OneShotPage {
  var facts: OneShotFacts
  var input: String

  /// Layers that are drawn; the others stand in the table.
  private static let drawn = 24

  /// Writes the page.
  ///
  /// - Parameter weights: The new weights of a layer, row-major.
  func write(to path: String, weights: (String) throws -> [Float]) throws {
    try AtomicFile.write(Array(page(weights).html().utf8), to: path)
  }

  private func page(_ weights: (String) throws -> [Float]) throws -> ReportPage {
    let percent = Numeral.percent(facts.sparsity, digits: 1)
    var page = ReportPage(
      title: "\(percent) of the weights are gone",
      summary: "\(input), pruned at once by \(facts.method), without training.")
    let worst = facts.layers.compactMap(\.error).max()
    page.opening = [
      .keyFigures([
        .init(percent, "of \(Numeral.grouped(facts.layers.reduce(0) { $0 + $1.weights })) weights"),
        .init(
          worst.map { Numeral.percent($0, digits: 2) } ?? "unknown", "largest layer error",
          detail: "of outputs, squared, relative"),
        .init(Numeral.duration(seconds: facts.seconds), "of computing"),
      ])
    ]
    page.sections = [table, errors, try pictures(weights)]
    page.footer = "lacuna \(LacunaTool.version)"
    return page
  }

  private var table: ReportPage.Section {
    var table = ReportTable(
      [
        "layer", "shape", "samples", "structure", "kept", "sparsity", "error of the mask", "error",
        "time",
      ],
      caption:
        "Errors are ‖(W − Ŵ)·X‖² / ‖W·X‖² on the calibration inputs: of the trained weights under the "
        + "mask, and of the weights that were written.", wordColumns: [0, 3])
    func percent(_ value: Double?) -> String {
      value.map { Numeral.percent($0, digits: 3) } ?? ""
    }
    table.rows = facts.layers.map { layer in
      [
        layer.name, "\(layer.rows)×\(layer.columns)", Numeral.grouped(layer.samples),
        layer.structure, Numeral.grouped(layer.kept), Numeral.percent(layer.sparsity, digits: 2),
        percent(layer.errorOfMask), percent(layer.error), Numeral.duration(seconds: layer.seconds),
      ]
    }
    return .init(
      "Layers", [ReportPage.Block.table(table)] + facts.notes.map { ReportPage.Block.note($0) })
  }

  private var errors: ReportPage.Section {
    let groups = facts.layers.compactMap { layer -> BarChart.Group? in
      guard let mask = layer.errorOfMask, let error = layer.error else { return nil }
      return .init(
        layer.name,
        [
          .init("mask alone", mask, tone: .muted), .init("as written", error, tone: .blue),
        ])
    }
    return .init(
      "What the outputs lost",
      [
        .figure(
          [
            BarChart(
              title: "Layer errors",
              axis: Axis("error of the layer's outputs", format: .percent), groups: groups
            ).picture(width: 804)
          ],
          caption: "What the mask alone would cost, and what is left of it after the weights moved."
        )
      ])
  }

  private func pictures(_ weights: (String) throws -> [Float]) throws -> ReportPage.Section {
    let largest = facts.layers.sorted { $0.weights > $1.weights }.prefix(Self.drawn).map(\.name)
    var pictures: [Picture] = []
    for layer in facts.layers where largest.contains(layer.name) {
      let own = try weights(layer.name)
      pictures.append(
        own.withUnsafeBufferPointer {
          WeightPicture.densities(
            $0, rows: layer.rows, columns: layer.columns, title: layer.name, width: 246)
        })
    }
    let rest = facts.layers.count - pictures.count
    return .init(
      "Where weights are left",
      [
        .figure(
          pictures,
          caption:
            "Outputs from top to bottom, inputs from left to right; paper where none is left."
            + (rest > 0 ? " The \(rest) smallest layers are not drawn." : "")),
        .figure([WeightPicture.densityScale()], caption: "Share of the weights that are left."),
      ])
  }
}
