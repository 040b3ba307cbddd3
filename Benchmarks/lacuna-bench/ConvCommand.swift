// `lacuna-bench conv`: sparse convolutions against this library's dense ones and OpenBLAS on patches.

import ArgumentParser
import Lacuna

struct ConvCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conv",
    abstract: "Sparse convolutions against dense ones and cblas_?gemm on patches.")

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "Images, channels, height, width, filters, kernel height and width, stride, padding, groups; several parted "
        + "by commas. [1x64x56x56x64x3x3x1x1x1]", valueName: "NxCxHxWxKxRxSxSTRIDExPADxGROUPS,…"))
  var shapes: List<ConvShape>?

  @Option(
    name: .customLong("shapes"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Files of layers, such as Benchmarks/shapes/conv-*.txt; their sums come last.",
      valueName: "file"))
  var shapeFiles: [String] = []

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of zeros, parted by commas.", valueName: "s,…"))
  var sparsities = List([0.9])

  @Option(
    name: .customLong("block"),
    help: ArgumentHelp("Block shapes, filters by inputs.", valueName: "RxC,…"))
  var blocks = List([BlockSize.element])

  @Option(
    name: .customLong("dtype"),
    help: ArgumentHelp("Types: f32, f64, i8 (weights and images of bytes).", valueName: "t,…"))
  var dtypes = List([BenchType.f32])

  @Option(help: "nchw: channels first, as ONNX; nhwc: channels last, as TensorFlow.")
  var layout: ImageLayout = .nchw

  @OptionGroup var choice: ChoiceOptions

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    for type in dtypes.elements where type == .bf16 || type == .f16 {
      throw ValidationError("--dtype \(type.rawValue): convolutions are of f32, f64 or i8")
    }
    for shape in shapes?.elements ?? [] { try shape.checkSize("--shape") }
  }

  func run() throws {
    try measure.prepare()
    var layers = (shapes?.elements ?? []).map {
      ConvLayer(name: "", count: 1, shape: $0, isDense: false)
    }
    for file in shapeFiles { layers += try ConvLayer.read(file) }
    if layers.isEmpty {
      let usual = ConvShape(listElement: "1x64x56x56x64x3x3x1x1x1")!
      layers = [ConvLayer(name: "", count: 1, shape: usual, isDense: false)]
    }
    let options = choice.plans(threads: measure.threads)
    var printer = RowPrinter(
      json: measure.json, header: ConvResult.tableHeader, widths: ConvResult.tableWidths)
    for dtype in dtypes.elements {
      for block in blocks.elements {
        for sparsity in sparsities.elements {
          var sum = ConvSum()
          for layer in layers {
            let one = ConvCase(
              layer: layer, sparsity: layer.isDense ? 0 : sparsity,
              block: layer.isDense ? .element : block, dtype: dtype, layout: layout)
            let result = try one.measured(measure, options)
            printer.show(result.row, result.tableCells)
            sum.add(result)
          }
          if !shapeFiles.isEmpty {
            let row = sum.row(sparsity: sparsity, block: block, dtype: dtype, layout: layout)
            printer.show(row, sum.tableCells(sparsity: sparsity, block: block, dtype: dtype))
          }
        }
      }
    }
  }
}

extension ImageLayout: ExpressibleByArgument {}

/// A convolution to measure.
struct ConvCase: Sendable {
  var layer: ConvLayer
  var sparsity: Double
  var block: BlockSize
  var dtype: BenchType
  var layout: ImageLayout

  func measured(_ measure: MeasureOptions, _ options: PlanOptions) throws -> ConvResult {
    switch dtype {
    case .f32: try measured(Float.self, measure, options)
    case .f64: try measured(Double.self, measure, options)
    case .i8: try measuredBytes(measure, options)
    case .bf16, .f16: preconditionFailure("refused before")
    }
  }

  /// Makes random weights and images, checks all three convolutions, and times them in turn.
  private func measured<Scalar: BenchScalar>(
    _: Scalar.Type, _ measure: MeasureOptions, _ options: PlanOptions
  ) throws -> ConvResult {
    let (shape, images) = (layer.shape.shape, layer.shape.images)
    let mask = try randomMask(
      rows: shape.filters, columns: shape.patch, block: block, sparsity: sparsity,
      seed: measure.seed)
    var dense: DenseMatrix<Scalar> = try randomDense(
      rows: shape.filters, columns: shape.patch, seed: measure.seed &+ 1)
    try mask.apply(to: &dense)
    var generator = SplitMix64(seed: measure.seed &+ 2)
    let x: [Scalar] = (0..<images * shape.inputCount).map { _ in generator.nonzero() }
    let sparse: Convolution<Scalar> =
      sparsity == 0
      ? try Convolution(
        dense: dense, shape: shape, layout: layout, images: images, options: options)
      : block == .element
        ? try Convolution(
          CSRMatrix(dense: dense), shape: shape, layout: layout, images: images, options: options)
        : try Convolution(
          BSRMatrix(dense: dense, block: block), shape: shape, layout: layout, images: images,
          options: options)
    var others = options
    others.kernel = nil
    let best = try Convolution(
      dense: dense, shape: shape, layout: layout, images: images, options: others)
    others.kernel = "im2col"
    let patches = try Convolution(
      dense: dense, shape: shape, layout: layout, images: images, options: others)
    BLAS.threads = measure.threads
    let reference = ConvReference(layer.shape, layout, weights: dense, x: x)
    let checks = try [sparse, best, patches].map { plan in
      try reference.check(plan(x), "\(plan.kernelName) \(layer.shape.listElement)")
    }
    // An array of results each, so that the three do not share what is in the cache.
    let outputs = checks.map { _ in AlignedBuffer<Scalar>(count: images * shape.outputCount) }
    let pixels = aligned(x)
    let timings = Stopwatch(budget: measure.time, cache: measure.cache).time(
      zip([sparse, best, patches], outputs).map { plan, y in
        { plan.run(pixels.pointer, into: y.pointer, images: images) }
      })
    return ConvResult(
      layer: layer, sparsity: sparsity, stored: BitMask(nonzerosOf: dense).keptCount, block: block,
      dtype: dtype, layout: layout, threads: measure.threads, cache: measure.cache,
      kernel: sparse.kernelName, denseKernel: best.kernelName, sparse: timings[0],
      dense: timings[1], patches: timings[2],
      peak: dtype.peakGflops * Double(measure.threads), check: checks[0])
  }
}

/// Images as engines hand them over: an array begins in the middle of a line.
func aligned<Element: BitwiseCopyable>(_ elements: [Element]) -> AlignedBuffer<Element> {
  let buffer = AlignedBuffer<Element>(count: elements.count)
  _ = buffer.elements.update(fromContentsOf: elements)
  return buffer
}
