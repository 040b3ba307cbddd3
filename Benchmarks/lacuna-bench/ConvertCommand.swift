// `lacuna-bench convert`: dense ↔ sparse conversions, against reading the dense matrix once.

import ArgumentParser
import Lacuna

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Conversions among formats, and packing for a plan.")

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp("m = out, k = in; several parted by commas.", valueName: "MxK,…"))
  var shapes = List([VectorShape(shape: Shape(m: 1024, k: 3136, n: 1))])

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of zeros, parted by commas.", valueName: "s,…"))
  var sparsities = List([0.5, 0.9])

  @Option(
    name: .customLong("block"),
    help: ArgumentHelp("Block shapes for BSR, output rows by input columns.", valueName: "RxC,…"))
  var blocks = List([try! BlockSize(4, 4)])

  @Option(
    name: .customLong("dtype"), help: ArgumentHelp("Scalar types: f32, f64.", valueName: "t,…"))
  var dtypes = List([DType.f32])

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    try measure.refuseThreads("has no effect: conversions run on one thread")
    for shape in shapes.elements { try shape.shape.checkSize("--shape") }
  }

  func run() throws {
    try measure.prepare()
    var printer = RowPrinter(
      json: measure.json, header: ConvertResult.tableHeader, widths: ConvertResult.tableWidths)
    for dtype in dtypes.elements {
      for shape in shapes.elements {
        for block in blocks.elements {
          for sparsity in sparsities.elements {
            let product = ProductCase(
              shape: shape.shape, sparsity: sparsity, block: block, dtype: BenchType(dtype),
              layout: .columns)
            for result in try product.convertedInEveryWay(dtype, measure) {
              printer.show(result.row, result.tableCells)
            }
          }
        }
      }
    }
  }
}

/// One measured conversion.
struct ConvertResult {
  var product: ProductCase
  var conversion: String
  var timing: Timing
  /// One pass that only reads the dense matrix.
  var reading: Timing

  var row: Row {
    Row(fields: [
      ("op", .text("convert")), ("m", .integer(product.shape.m)),
      ("k", .integer(product.shape.k)), ("n", .integer(product.shape.n)),
      ("sparsity", .number(product.sparsity)), ("block", .text("\(product.block)")),
      ("dtype", .text(product.dtype.rawValue)), ("threads", .integer(1)),
      ("isa", .text(ISA.selected.rawValue)), ("kernel", .text(conversion)),
      ("seconds", .number(timing.median)), ("secondsMin", .number(timing.minimum)),
      ("runs", .integer(timing.runs)), ("readSeconds", .number(reading.median)),
      ("readings", .number(timing.median / reading.median)),
    ])
  }

  static let tableHeader = ["m×k", "sparsity", "type", "time", "× reading", "conversion"]
  static let tableWidths = [12, 8, 5, 9, 9, 21]

  var tableCells: [String] {
    [
      "\(product.shape.m)×\(product.shape.k)", Numeral.percent(product.sparsity),
      product.dtype.rawValue, Numeral.duration(seconds: timing.median),
      Numeral.fixed(timing.median / reading.median, digits: 1), conversion,
    ]
  }
}

extension ProductCase {
  /// Checks and times every conversion of this case's weights.
  func convertedInEveryWay(
    _ dtype: DType, _ measure: MeasureOptions
  ) throws -> [ConvertResult] {
    switch dtype {
    case .f32: try converted(Float.self, measure)
    case .f64: try converted(Double.self, measure)
    }
  }

  private func converted<Scalar: BenchScalar>(
    _: Scalar.Type, _ measure: MeasureOptions
  ) throws -> [ConvertResult] {
    let mask = try randomMask(
      rows: shape.m, columns: shape.k, block: block, sparsity: sparsity, seed: measure.seed)
    var dense: DenseMatrix<Scalar> = try randomDense(
      rows: shape.m, columns: shape.k, seed: measure.seed &+ 1)
    try mask.apply(to: &dense)
    let (csr, bsr) = (CSRMatrix(dense: dense), BSRMatrix(dense: dense, block: block))
    if csr.dense() != dense || bsr.dense() != dense || CSRMatrix(bsr) != csr
      || csr.transposed().transposed() != csr || BitMask(nonzerosOf: dense) != mask
      || Conversion.csr(dense) != csr || Conversion.bsr(dense, block: block) != bsr
      || Conversion.nonzeros(of: dense) != mask
    {
      throw Failure(.software, "convert \(shape.listElement) \(sparsity) \(block): wrong result")
    }
    // `let` copies for the closures: they run one after the other, but the compiler cannot know.
    let (weights, options) = (dense, PlanOptions(threads: 1, deterministic: true))
    let conversions: [(String, () -> Void)] = [
      ("dense→mask", { keep(Conversion.nonzeros(of: weights)) }),
      ("dense→csr", { keep(Conversion.csr(weights)) }),
      ("dense→bsr \(block)", { keep(Conversion.bsr(weights, block: block)) }),
      ("dense→csr, no kernels", { keep(CSRMatrix(dense: weights)) }),
      ("csr→dense", { keep(csr.dense()) }),
      ("csr→csrᵀ", { keep(csr.transposed()) }),
      ("csr→bsr \(block)", { keep(BSRMatrix(csr, block: block)) }),
      (
        "dense→csr→plan",
        { keep(try? Plan(Conversion.csr(weights), width: 256, options: options)) }
      ),
      (
        "dense→csr→plan, n = 1",
        { keep(try? Plan(Conversion.csr(weights), width: 1, options: options)) }
      ),
      (
        "dense→bsr→plan",
        { keep(try? Plan(Conversion.bsr(weights, block: block), width: 256, options: options)) }
      ),
    ]
    return weights.withUnsafeElements { elements in
      conversions.map { name, convert in
        let timings = Stopwatch(
          budget: measure.time / Double(conversions.count), cache: measure.cache
        ).time([convert, { readOnce(UnsafeRawBufferPointer(elements)) }])
        return ConvertResult(
          product: self, conversion: name, timing: timings[0], reading: timings[1])
      }
    }
  }
}
