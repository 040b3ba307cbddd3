// Which weights of a model file are pruned, in what pattern, and how they are stored.

import ArgumentParser
import Lacuna

/// `--include`, `--pattern`, `--window`, `--sparse`.
struct ModelPruneOptions: ParsableArguments {
  /// Formats whose arrays are pruned as arrays unless one of these options is given.
  static let arrays: [ModelFormat] = [.npy, .npz, .safetensors]

  @Option(
    help: ArgumentHelp(
      "Prune only tensors of this name; * matches any characters. May be repeated.",
      valueName: "pattern"))
  var include: [String] = []

  @Option(
    help: ArgumentHelp("Keep N of each M consecutive inputs, such as 2:4.", valueName: "N:M"),
    transform: GroupOption.init(argument:))
  var pattern: GroupOption?

  @Option(
    help: ArgumentHelp(
      "Keep exactly N of each window of 16, 32 or 64 inputs, such as 2:16.", valueName: "N:W"),
    transform: GroupOption.init(argument:))
  var window: GroupOption?

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
    [
      ("--include", !include.isEmpty), ("--pattern", pattern != nil), ("--window", window != nil),
      ("--compat", compat != nil),
      ("--sparse", sparse),
    ]
  }

  var isTyped: Bool { typed.contains(where: \.isTyped) }

  func validate() throws {
    if pattern != nil && window != nil {
      throw ValidationError("--pattern and --window exclude each other: give one")
    }
    try pattern?.check("--pattern")
    try window?.check("--window")
    try window?.checkWindow()
  }

  /// The pruning that was asked for.
  func pruning(
    sparsity: Double, granularity: GranularityOptions, budget: Budget, limit: Int?
  ) -> ModelPruning {
    var pruning = ModelPruning(
      sparsity: sparsity, granularity: granularity.granularity, budget: budget,
      ties: compat == .tfmot ? .keepTies : .exactK, parameterLimit: limit, include: include,
      exclude: granularity.exclude,
      layout: compat == .tfmot ? .tensorFlow : .outputMajor,
      storage: sparse ? .sparse : .asBefore)
    if let group = pattern ?? window {
      pruning.sparsity = group.sparsity
      pruning.granularity =
        pattern == nil
        ? .window(keep: group.keep, of: group.of) : .pattern(keep: group.keep, of: group.of)
    }
    return pruning
  }
}
