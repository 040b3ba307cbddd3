// `lacuna prune --method …`: how weights are pruned at once from calibration inputs

import ArgumentParser
import Lacuna

/// `--method`, `--calibration` and what goes with them.
struct OneShotOptions: ParsableArguments {
  enum Allocation: String, ExpressibleByArgument, CaseIterable {
    case uniform, global, owl
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
        For a weight matrix: a .npy file of activations [samples, inputs], or a folder of such \
        files. For a network: a folder of IDX images, or .npy samples.
        """, valueName: "file"), completion: .file())
  var calibration: String?

  @Option(help: "Use at most so many samples of a network's --calibration. [1024]")
  var samples: Int?

  @Option(help: "Patches of each image that calibrate a convolution. [32]")
  var patches: Int?

  @Option(help: "Prune whole rows (outputs) or columns (inputs).")
  var structure: Structure?

  @Option(help: "How the layers of a network share --sparsity: uniform, global or owl. [uniform]")
  var allocation: Allocation?

  @Flag(
    help: "Fit what is left to the dense outputs again; sparsegpt, wanda and magnitude gain by it.")
  var refit = false

  @Option(
    help: """
      What is added to the diagonal of the inputs' products, as a fraction of its mean: 0 to 1. \
      [\(OneShotSettings.usualDamping)]
      """)
  var damping: Double?

  func validate() throws {
    try check("--samples", samples, in: OptionRange.images)
    try check("--patches", patches, in: OptionRange.patches)
    try check("--damping", damping, in: 0...1)
    if method == nil {
      try refuse(typed + forNetworks, "needs --method")
    }
  }

  private var typed: [(name: String, isTyped: Bool)] {
    [
      ("--calibration", calibration != nil), ("--structure", structure != nil), ("--refit", refit),
      ("--damping", damping != nil),
    ]
  }

  /// The options that one matrix has no use for.
  var forNetworks: [(name: String, isTyped: Bool)] {
    [
      ("--samples", samples != nil), ("--patches", patches != nil),
      ("--allocation", allocation != nil),
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

  /// How the layers of a network share the sparsity.
  var budget: OneShotBudget {
    switch allocation {
    case nil, .uniform: .uniform
    case .global: .global
    case .owl: .outliers()
    }
  }
}

extension OneShotMethodName: ExpressibleByArgument {}
