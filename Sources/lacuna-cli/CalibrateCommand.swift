// `lacuna calibrate MODEL`: the ranges of a network's activations, for products of bytes.

import ArgumentParser
import Lacuna

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract:
      "Find the ranges of a compact model's activations, so that it runs in bytes from layer to layer.",
    discussion: """
      The model runs over training images, and the range of what each layer with weights reads is kept in its file. With \
      --arithmetic i8 layers then hand bytes to each other; without ranges each product measures its own.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var data: DataOptions

  @Argument(
    help: "A model that `lacuna compress --bits 8` wrote.",
    completion: .file(extensions: ["lacuna"]))
  var model: String

  @Option(help: "Training images to look at, from the first on.")
  var images = 1024

  @Option(
    help: """
      How a range is chosen: minmax (nothing is cut off), percentile (see --share) or entropy (least divergence of the \
      distributions).
      """)
  var method = Method.minmax

  @Option(help: "The share of numbers that percentile keeps. [0.9999]")
  var share: Double?

  @Option(
    name: .shortAndLong, help: "The model to write; may be the one that is read.",
    completion: .file())
  var output: String

  enum Method: String, ExpressibleByArgument, CaseIterable, Encodable {
    case minmax, percentile, entropy
  }

  func validate() throws {
    try check("--images", images, in: OptionRange.images)
    if method != .percentile {
      try refuse([("--share", share != nil)], "is for --method percentile")
    }
    if let share, !(share > 0 && share <= 1) {
      throw ValidationError("--share is \(share), must be above 0 and at most 1")
    }
  }

  private var rangeMethod: RangeMethod {
    switch method {
    case .minmax: .minMax
    case .percentile: .percentile(share ?? 0.9999)
    case .entropy: .entropy
    }
  }

  func run() throws {
    try checkWritable(output)
    let stored = try CompressedModel(try LacunaFile(contentsOf: model))
    let training = try data.load().training.prefix(images)
    let calibrated = try stored.calibrated(
      on: training.images.map { Float($0) / 255 }, by: rangeMethod)
    try calibrated.save(to: output)
    let ranges = try calibrated.activationRanges()
    let result = CalibrationResult(
      output: output, method: method, images: training.count,
      layers: stored.architecture.layers.compactMap { layer in
        ranges[layer.name].map { .init(name: layer.name, low: $0.low, high: $0.high) }
      })
    try common.show(result) { result.text }
  }
}

/// What `lacuna calibrate` reports.
struct CalibrationResult: Encodable {
  var output: String
  var method: CalibrateCommand.Method
  var images: Int
  var layers: [Layer]

  /// The range of what a layer reads.
  struct Layer: Encodable {
    var name: String
    var low: Float, high: Float
  }

  var text: String {
    var table = TextTable(["layer", "from", "to"], leading: [0])
    for layer in layers {
      table.append([
        layer.name, Numeral.short(Double(layer.low)), Numeral.short(Double(layer.high)),
      ])
    }
    return table.rendered()
      + "\n\n\(output.printable()): ranges of \(images) images by \(method.rawValue)"
  }
}
