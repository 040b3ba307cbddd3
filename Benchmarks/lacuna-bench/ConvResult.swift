// What a convolution measured, and the sum over the layers of a network.

import Lacuna

struct ConvResult {
  var layer: ConvLayer
  var sparsity: Double
  var stored: Int
  var block: BlockSize
  var dtype: BenchType
  var layout: ImageLayout
  var threads: Int
  var cache: CacheState
  var kernel: String
  var denseKernel: String
  var sparse: Timing
  /// This library's best dense convolution, and OpenBLAS on patches.
  var dense: Timing
  var patches: Timing
  var peak: Double
  var check: ErrorCheck

  /// Operations on nonzeros only.
  var gflops: Double {
    let pixels = Double(layer.shape.shape.pixels * layer.shape.images)
    return 2 * Double(stored) * pixels / sparse.median / 1e9
  }

  var row: Row {
    Row(fields: [
      ("op", .text("conv")), ("layer", .text(layer.name)),
      ("shape", .text(layer.shape.listElement)), ("count", .integer(layer.count)),
      ("sparsity", .number(sparsity)), ("nnz", .integer(stored)), ("block", .text("\(block)")),
      ("dtype", .text(dtype.rawValue)), ("threads", .integer(threads)),
      ("layout", .text(layout.rawValue)), ("cache", .text(cache.rawValue)),
      ("isa", .text(ISA.selected.rawValue)), ("kernel", .text(kernel)),
      ("seconds", .number(sparse.median)), ("secondsMin", .number(sparse.minimum)),
      ("runs", .integer(sparse.runs)), ("denseSeconds", .number(dense.median)),
      ("denseKernel", .text(denseKernel)), ("im2colSeconds", .number(patches.median)),
      ("denseCore", .text(BLAS.coreName)), ("speedup", .number(dense.median / sparse.median)),
      ("gflops", .number(gflops)), ("peakShare", .number(gflops / peak)),
      ("maxError", .number(check.maxError)), ("errorBound", .number(check.bound)),
    ])
  }

  static let tableHeader = [
    "shape", "count", "sparsity", "block", "type", "sparse", "dense", "im2col", "speed-up", "GF/s",
    "kernel", "dense kernel",
  ]
  static let tableWidths = [32, 5, 8, 6, 5, 9, 9, 9, 8, 7, 18, 18]

  var tableCells: [String] {
    [
      layer.shape.listElement, "\(layer.count)", Numeral.percent(sparsity), "\(block)",
      dtype.rawValue, Numeral.duration(seconds: sparse.median),
      Numeral.duration(seconds: dense.median), Numeral.duration(seconds: patches.median),
      Numeral.fixed(dense.median / sparse.median, digits: 2) + "×",
      Numeral.fixed(gflops, digits: 1), kernel, denseKernel,
    ]
  }
}

/// Seconds of all layers of a network, each as often as the network has it.
struct ConvSum {
  private var layers = 0
  private var seconds = 0.0, dense = 0.0, patches = 0.0

  mutating func add(_ result: ConvResult) {
    let count = Double(result.layer.count)
    layers += result.layer.count
    seconds += count * result.sparse.median
    dense += count * result.dense.median
    patches += count * result.patches.median
  }

  func row(sparsity: Double, block: BlockSize, dtype: BenchType, layout: ImageLayout) -> Row {
    Row(fields: [
      ("op", .text("conv-sum")), ("layers", .integer(layers)), ("sparsity", .number(sparsity)),
      ("block", .text("\(block)")), ("dtype", .text(dtype.rawValue)),
      ("layout", .text(layout.rawValue)), ("seconds", .number(seconds)),
      ("denseSeconds", .number(dense)), ("im2colSeconds", .number(patches)),
      ("speedup", .number(dense / seconds)),
    ])
  }

  func tableCells(sparsity: Double, block: BlockSize, dtype: BenchType) -> [String] {
    [
      "sum of \(layers) layers", "", Numeral.percent(sparsity), "\(block)", dtype.rawValue,
      Numeral.duration(seconds: seconds), Numeral.duration(seconds: dense),
      Numeral.duration(seconds: patches), Numeral.fixed(dense / seconds, digits: 2) + "×", "", "",
      "",
    ]
  }
}
