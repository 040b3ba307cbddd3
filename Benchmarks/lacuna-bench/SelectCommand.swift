// `lacuna-bench select`: the k-th largest magnitude, exact, in nanoseconds per weight.

import ArgumentParser
import Lacuna

struct SelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select", abstract: "Exact selection of the largest magnitudes.")

  @Option(help: ArgumentHelp("Numbers of weights, parted by commas.", valueName: "n,…"))
  var n = List([65_536, 1_048_576, 3_211_264])

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of weights below the threshold.", valueName: "s,…"))
  var sparsities = List([0.5, 0.9])

  @Option(
    name: .customLong("dtype"), help: ArgumentHelp("Scalar types: f32, f64.", valueName: "t,…"))
  var dtypes = List([DType.f32])

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    try measure.refuseThreads("has no effect: selection runs on one thread")
  }

  func run() throws {
    try measure.prepare()
    var printer = RowPrinter(
      json: measure.json, header: SelectResult.tableHeader, widths: SelectResult.tableWidths)
    for dtype in dtypes.elements {
      for count in n.elements {
        for sparsity in sparsities.elements {
          let result = try SelectResult.measured(count, sparsity, dtype, measure)
          printer.show(result.row, result.tableCells)
        }
      }
    }
  }
}

/// One measured selection.
struct SelectResult {
  var n: Int
  var sparsity: Double
  var dtype: DType
  var timing: Timing
  /// One pass that only reads the weights.
  var reading: Timing

  static func measured(
    _ n: Int, _ sparsity: Double, _ dtype: DType, _ measure: MeasureOptions
  ) throws -> SelectResult {
    switch dtype {
    case .f32: try measured(Float.self, n, sparsity, measure)
    case .f64: try measured(Double.self, n, sparsity, measure)
    }
  }

  private static func measured<Scalar: BenchScalar>(
    _: Scalar.Type, _ n: Int, _ sparsity: Double, _ measure: MeasureOptions
  ) throws -> SelectResult {
    let weights: DenseMatrix<Scalar> = try randomDense(rows: 1, columns: n, seed: measure.seed)
    let k = max(1, Int((Double(n) * (1 - sparsity)).rounded()))
    let expected = weights.values.map(\.magnitude).sorted(by: >)[k - 1]
    return try weights.withUnsafeElements { weights in
      let found = try Selection.kthLargestMagnitude(weights, k: k)
      if found.threshold != expected {
        throw Failure(
          .software, "select \(n) \(sparsity): found \(found.threshold), expected \(expected)")
      }
      let timings = Stopwatch(budget: measure.time, cache: measure.cache).time([
        { _ = try? Selection.kthLargestMagnitude(weights, k: k) },
        { readOnce(UnsafeRawBufferPointer(weights)) },
      ])
      return SelectResult(
        n: n, sparsity: sparsity, dtype: Scalar.dtype, timing: timings[0], reading: timings[1])
    }
  }

  /// The row of the kernel table that makes the pass.
  private var kernelName: String {
    KernelTable.selected.kernel(.selectBracket, dtype: dtype)?.name ?? ""
  }

  var row: Row {
    Row(fields: [
      ("op", .text("select")), ("n", .integer(n)), ("sparsity", .number(sparsity)),
      ("dtype", .text(dtype.rawValue)), ("threads", .integer(1)),
      ("isa", .text(ISA.selected.rawValue)), ("kernel", .text(kernelName)),
      ("seconds", .number(timing.median)), ("secondsMin", .number(timing.minimum)),
      ("runs", .integer(timing.runs)), ("readSeconds", .number(reading.median)),
      ("nsPerWeight", .number(timing.median * 1e9 / Double(n))),
    ])
  }

  static let tableHeader = ["weights", "sparsity", "type", "time", "ns/weight", "reading once"]
  static let tableWidths = [10, 8, 5, 9, 9, 12]

  var tableCells: [String] {
    [
      Numeral.grouped(n), Numeral.percent(sparsity), dtype.rawValue,
      Numeral.duration(seconds: timing.median),
      Numeral.fixed(timing.median * 1e9 / Double(n), digits: 3),
      Numeral.duration(seconds: reading.median),
    ]
  }
}
