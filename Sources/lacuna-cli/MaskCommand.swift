// `lacuna mask`: which weights of one array to keep.

import ArgumentParser
import Lacuna

struct MaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mask",
    abstract: "Compute the mask of one weight array: 1 keeps a weight, 0 drops it.",
    discussion: """
      The weights with the largest magnitudes are kept, exactly as many as --sparsity leaves. An array \
      of any rank is seen as a matrix [out, in]: the first dimension by all others. The mask is written \
      as uint8 0 and 1 in the shape of the input.

      --compat tfmot reproduces TensorFlow Model Optimization: all weights that tie with the threshold \
      are kept, the array is [in, out] or HWIO and blocks are meant in that layout, and --pattern \
      groups run along the input channels of each tap.
      """)

  enum Ties: String, ExpressibleByArgument, CaseIterable {
    case exact, keep
  }

  @OptionGroup var common: CommonOptions

  @Argument(help: "The weights: a .npy file.", completion: .file(extensions: ["npy"]))
  var input: String

  @Option(
    help: """
      The fraction of weights, blocks or whatever is dropped as one, 0 or more and below 1. Not beside \
      --pattern and --window, which decide themselves.
      """)
  var sparsity: Double?

  @Option(
    help: ArgumentHelp("Keep or drop whole blocks of R rows by C columns.", valueName: "RxC"),
    transform: BlockSize.init(argument:))
  var block: BlockSize?

  @Option(help: "What stands for a block's magnitude: avg, max, l1 or l2. [avg]")
  var pool: Pooling?

  @OptionGroup var groups: GroupOptions

  @Option(
    help: """
      What happens to weights that tie with the threshold: exactly as many as asked survive, lowest \
      index first, or all of them do. [exact; keep with --compat]
      """)
  var ties: Ties?

  @Option(help: "Follow another toolkit in every detail: tfmot.")
  var compat: Compatibility?

  @Option(name: .shortAndLong, help: "The mask to write: a .npy file.", completion: .file())
  var output: String

  func validate() throws {
    if block != nil && groups.isTyped {
      throw ValidationError("--block, --pattern and --window exclude each other: give one")
    }
    if block == nil {
      try refuse([("--pool", pool != nil)], "needs --block: single weights are not pooled")
    }
    try checkSparsity("--sparsity", sparsity)
    if !groups.isTyped {
      if sparsity == nil {
        throw ValidationError("how many? give --sparsity, --pattern or --window")
      }
    } else {
      try refuse(
        [("--sparsity", sparsity != nil)],
        "has no effect beside --pattern and --window, which decide themselves")
      try refuse(
        [("--ties", ties != nil)],
        "has no effect beside --pattern and --window: ties keep the lower index there")
    }
  }

  /// The granularity asked for.
  private var granularity: Granularity {
    groups.granularity ?? block.map { .block($0, pooling: pool ?? .average) } ?? .element
  }

  func run() throws {
    let target = groups.sparsity ?? sparsity!
    let array = try ArrayFile(contentsOf: input).onlyNumbers()
    let policy = ties ?? (compat == .tfmot ? .keep : .exact)
    let outcome = try array.mask(
      sparsity: target, granularity: granularity, ties: policy == .keep ? .keepTies : .exactK,
      layout: compat == .tfmot ? .tensorFlow : .outputMajor, name: input)
    try NPY.write(
      try NumericArray(shape: array.shape, values: .u8(outcome.mask.bytes)), to: output)
    let result = MaskFacts(
      input: input, output: output, shape: array.shape, target: target, outcome: outcome)
    try common.show(result) { result.text }
  }
}

extension Compatibility: ExpressibleByArgument {}

/// What `lacuna mask` reports.
struct MaskFacts: Encodable {
  var input: String
  var output: String
  var shape: [Int]
  var weights: Int
  var kept: Int
  var target: Double
  var sparsity: Double
  /// The score of the last kept weight or block; null where groups decide.
  var threshold: Double?
  var cells: Int
  var keptCells: Int

  init(input: String, output: String, shape: [Int], target: Double, outcome: MaskOutcome) {
    (self.input, self.output, self.shape, self.target) = (input, output, shape, target)
    weights = outcome.mask.rows * outcome.mask.columns
    kept = outcome.mask.keptCount
    sparsity = outcome.mask.sparsity
    (threshold, cells, keptCells) = (outcome.threshold, outcome.cells, outcome.keptCells)
  }

  var text: String {
    let size = shape.map(String.init).joined(separator: "×")
    let limit = threshold.map { ", threshold \(Numeral.short($0))" } ?? ""
    return
      "\(output.printable()): \(Numeral.grouped(kept)) of \(Numeral.grouped(weights)) weights kept (\(size)), "
      + "sparsity \(Numeral.percent(sparsity, digits: 2))\(limit)"
  }
}

extension NumericArray {
  /// The mask of this array in its own precision: f64 stays f64, all else is exact in f32 or rounded
  /// to it.
  func mask(
    sparsity: Double, granularity: Granularity, ties: TiePolicy, layout: WeightLayout, name: String
  ) throws -> MaskOutcome {
    if case .f64(let values) = values {
      return try values.withUnsafeBufferPointer {
        try magnitudeMask(
          $0, shape: shape, sparsity: sparsity, granularity: granularity, ties: ties,
          layout: layout, name: name)
      }
    }
    let values: [Float]
    do throws(DataProblem) { values = try floats() } catch {
      throw FileError.malformed(path: name, error)
    }
    return try values.withUnsafeBufferPointer {
      try magnitudeMask(
        $0, shape: shape, sparsity: sparsity, granularity: granularity, ties: ties, layout: layout,
        name: name)
    }
  }
}

extension BitMask {
  /// One byte per weight, 1 or 0, row-major.
  var bytes: [UInt8] {
    (0..<rows).flatMap { i in (0..<columns).map { self[i, $0] ? 1 : 0 } }
  }
}
