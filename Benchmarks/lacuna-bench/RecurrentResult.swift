// What a recurrent layer measured.

import Lacuna

struct RecurrentResult {
  var word: RecurrentWord
  var sparsity: Double
  var stored: Int
  var block: BlockSize
  var isQuantized: Bool
  var threads: Int
  var cache: CacheState
  var rate: Int
  var kernel: String
  var sparse: Timing
  /// OpenBLAS with the same element-wise part.
  var dense: Timing
  var check: ErrorCheck

  /// Seconds of one step of all sequences.
  var stepSeconds: Double { sparse.median / Double(word.steps) }
  /// Seconds of computing for a second of `rate` steps: below 1 a core is faster than real time.
  var realTimeFactor: Double { stepSeconds * Double(rate) }
  private var dtype: String { isQuantized ? "i8" : "f32" }

  var row: Row {
    Row(fields: [
      ("op", .text("recurrent")), ("shape", .text(word.listElement)),
      ("cell", .text("\(word.shape.cell)")), ("inputs", .integer(word.shape.inputs)),
      ("hidden", .integer(word.shape.hidden)), ("steps", .integer(word.steps)),
      ("batch", .integer(word.batch)), ("sparsity", .number(sparsity)), ("nnz", .integer(stored)),
      ("block", .text("\(block)")), ("dtype", .text(dtype)), ("threads", .integer(threads)),
      ("cache", .text(cache.rawValue)), ("isa", .text(ISA.selected.rawValue)),
      ("kernel", .text(kernel)), ("seconds", .number(sparse.median)),
      ("secondsMin", .number(sparse.minimum)), ("runs", .integer(sparse.runs)),
      ("denseSeconds", .number(dense.median)), ("denseCore", .text(BLAS.coreName)),
      ("speedup", .number(dense.median / sparse.median)), ("stepSeconds", .number(stepSeconds)),
      ("rate", .integer(rate)), ("realTimeFactor", .number(realTimeFactor)),
      ("maxError", .number(check.maxError)), ("errorBound", .number(check.bound)),
    ])
  }

  static let tableHeader = [
    "shape", "sparsity", "block", "type", "sparse", "dense", "speed-up", "a step", "real time",
    "kernels",
  ]
  static let tableWidths = [26, 8, 6, 5, 9, 9, 8, 9, 9, 24]

  var tableCells: [String] {
    [
      word.listElement, Numeral.percent(sparsity), "\(block)", dtype,
      Numeral.duration(seconds: sparse.median), Numeral.duration(seconds: dense.median),
      Numeral.fixed(dense.median / sparse.median, digits: 2) + "×",
      Numeral.duration(seconds: stepSeconds), Numeral.fixed(realTimeFactor, digits: 3), kernel,
    ]
  }
}
