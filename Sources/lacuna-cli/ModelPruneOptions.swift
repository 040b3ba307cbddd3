// Which weights of a model file are pruned, in what pattern, and how they are stored.

import ArgumentParser
import Lacuna

/// `--include`, `--pattern`, `--window`, `--compat`, `--sparse`.
struct ModelPruneOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Prune only tensors of this name; * matches any characters. May be repeated.",
      valueName: "pattern"))
  var include: [String] = []

  @OptionGroup var groups: GroupOptions

  @Option(
    help: """
      Follow another toolkit: tfmot keeps all weights that tie with the threshold, and its blocks and arrays are \
      [in, out].
      """)
  var compat: Compatibility?

  @Flag(
    help: """
      Store pruned weights in the format's own sparse encoding where it has one: sparse_initializer in ONNX, \
      behind DENSIFY in TFLite.
      """)
  var sparse = false

  /// The options and whether they were typed.
  var typed: [(name: String, isTyped: Bool)] {
    [("--include", !include.isEmpty), ("--compat", compat != nil), ("--sparse", sparse)]
      + groups.typed
  }

  /// The pruning that was asked for.
  func pruning(
    sparsity: Double, granularity: GranularityOptions, budget: Budget, limit: Int?
  ) -> ModelPruning {
    ModelPruning(
      sparsity: groups.sparsity ?? sparsity,
      granularity: groups.granularity ?? granularity.granularity, budget: budget,
      ties: compat == .tfmot ? .keepTies : .exactK, parameterLimit: limit, include: include,
      exclude: granularity.exclude,
      layout: compat == .tfmot ? .tensorFlow : .outputMajor,
      storage: sparse ? .sparse : .asBefore)
  }
}
