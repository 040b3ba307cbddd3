// `lacuna prune --method …`: how weights are pruned at once from calibration inputs

import ArgumentParser
import Lacuna

/// `--method`, `--calibration` and what goes with them.
struct OneShotOptions: ParsableArguments {
  enum Allocation: String, ExpressibleByArgument, CaseIterable {
    case uniform, global, owl
    case leastError = "least-error"
  }

  enum Structure: String, ExpressibleByArgument, CaseIterable {
    case rows, columns
  }

  @Option(
    help: """
      Prune at once, without training, from the inputs of --calibration: magnitude, wanda, \
      sparsegpt, obs or alps.
      """)
  var method: OneShotMethodName?

  @Option(
    help: ArgumentHelp(
      "Inputs to calibrate with.",
      discussion: """
        For a file with one weight matrix: a .npy file of activations [samples, inputs], or a \
        folder of such files. For one with several: an .npz or safetensors file with arrays of the \
        weights' names, or a folder with NAME.npy or NAME/*.npy for each. For a network of this \
        library: a folder of IDX images, or samples in .npy files.
        """, valueName: "file"), completion: .file())
  var calibration: String?

  @Option(
    help: """
      Use at most so many samples of a network's --calibration. [twice as many as the widest layer \
      has inputs, at least 1024]
      """)
  var samples: Int?

  @Option(help: "Patches of each image that calibrate a convolution. [32]")
  var patches: Int?

  @Option(help: "Prune whole rows (outputs) or columns (inputs).")
  var structure: Structure?

  @Option(
    help: """
      Which outputs the layers of a network keep: those of the dense network, with biases that \
      change too, or their own on what they get by now: dense or own. [dense; own for magnitude \
      and wanda]
      """)
  var aim: OneShotAim?

  @Option(
    help: """
      How the layers share --sparsity: uniform, global, owl, or least-error, which measures about \
      ten sparsities of each. [uniform]
      """)
  var allocation: Allocation?

  @Option(
    help: ArgumentHelp(
      "The sparsity of one layer, in place of --sparsity. May be repeated.", valueName: "NAME=S"),
    transform: LayerSparsity.init(argument:))
  var layerSparsity: [LayerSparsity] = []

  @Option(
    help: ArgumentHelp(
      """
      Choose sparsities of a network's layers so that the products of one sample take at most so \
      many microseconds on this machine.
      """, valueName: "µs"))
  var latency: Double?

  @Flag(
    help: "Fit what is left to the dense outputs again; sparsegpt, wanda and magnitude gain by it.")
  var refit = false

  @Option(
    help: """
      What is added to the diagonal of the inputs' products, as a fraction of its mean: 0 to 1. \
      [\(OneShotSettings.usualDamping)]
      """)
  var damping: Double?

  @Option(
    help: ArgumentHelp(
      "Also write a page with numbers and pictures of each layer.", valueName: "FILE.html"),
    completion: .file(extensions: ["html"]))
  var report: String?

  func validate() throws {
    try check("--samples", samples, in: OptionRange.images)
    try check("--patches", patches, in: OptionRange.patches)
    try check("--damping", damping, in: 0...1)
    try check("--latency", latency, in: OptionRange.microseconds)
    if method == nil {
      try refuse(
        [
          ("--calibration", calibration != nil), ("--structure", structure != nil),
          ("--refit", refit), ("--damping", damping != nil), ("--report", report != nil),
        ] + shares + forNetworks, "needs --method")
    }
    try refuse(
      [("--layer-sparsity", allocation != nil && !layerSparsity.isEmpty)],
      "and --allocation exclude each other")
    if latency != nil {
      try refuse(
        shares + [("--structure", structure != nil)],
        "has no effect beside --latency, which chooses itself")
    }
  }

  private var shares: [(name: String, isTyped: Bool)] {
    [("--allocation", allocation != nil), ("--layer-sparsity", !layerSparsity.isEmpty)]
  }

  /// The options that files without a network have no use for.
  var forNetworks: [(name: String, isTyped: Bool)] {
    [
      ("--samples", samples != nil), ("--patches", patches != nil), ("--aim", aim != nil),
      ("--latency", latency != nil),
    ]
  }

  /// The settings of one layer.
  func settings(
    _ method: OneShotMethodName, sparsity: Double, granularity: GranularityOptions,
    groups: GroupOptions
  ) -> OneShotSettings {
    var structure = groups.granularity ?? granularity.granularity
    switch self.structure {
    case .rows: structure = .rows()
    case .columns: structure = .columns()
    case nil: break
    }
    return OneShotSettings(
      method: method.method, sparsity: groups.isTyped ? nil : sparsity,
      structure: structure, refit: refit ? .automatic : nil,
      damping: damping ?? OneShotSettings.usualDamping)
  }

  /// How the layers share the sparsity.
  var budget: OneShotBudget {
    if !layerSparsity.isEmpty {
      return .perLayer(
        Dictionary(layerSparsity.map { ($0.name, $0.sparsity) }, uniquingKeysWith: { $1 }))
    }
    return switch allocation {
    case nil, .uniform: .uniform
    case .global: .global
    case .owl: .outliers()
    case .leastError: .leastError
    }
  }
}

/// `NAME=S`.
struct LayerSparsity: Equatable {
  var name: String
  var sparsity: Double

  init(argument: String) throws {
    guard let sign = argument.lastIndex(of: "="),
      let sparsity = Double(argument[argument.index(after: sign)...]), sparsity >= 0, sparsity < 1
    else {
      throw ValidationError("\(argument) is not of the form NAME=S, S of 0 or more and below 1")
    }
    (name, self.sparsity) = (String(argument[..<sign]), sparsity)
  }
}

extension OneShotMethodName: ExpressibleByArgument {}
extension OneShotAim: ExpressibleByArgument {}
