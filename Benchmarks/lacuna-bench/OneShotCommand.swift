// `lacuna-bench oneshot`: pruning a layer at once, beside the BLAS and LAPACK calls that it is made
// of.

import ArgumentParser
import Lacuna

struct OneShotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "oneshot", abstract: "One-shot pruning of a random layer.",
    discussion: """
      Times adding up the inputs and pruning, on all processors, and for sparsegpt the same \
      products, factors and solves without anything between them. The reported error is checked \
      against the samples; a wrong one ends the run with exit code 70.
      """)

  @Option(help: ArgumentHelp("Outputs by inputs, parted by commas.", valueName: "MxK,…"))
  var shape = List([OneShotShape(rows: 1024, columns: 1024)])

  @Option(help: "Calibration samples.")
  var samples = 2048

  @Option(
    name: .customLong("method"),
    help: ArgumentHelp("wanda, sparsegpt, obs, alps, magnitude.", valueName: "m,…"))
  var methods = List([OneShotMethodName.wanda, .sparsegpt])

  @Option(help: "The fraction to remove.")
  var sparsity = 0.5

  @Flag(help: "Add up and factor in double precision.")
  var double = false

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    try check("--samples", samples, in: 1...1 << 20)
    try checkSparsity("--sparsity", sparsity)
  }

  func run() throws {
    try measure.prepare()
    var printer = RowPrinter(
      json: measure.json, header: OneShotResultRow.tableHeader,
      widths: OneShotResultRow.tableWidths)
    for shape in shape.elements {
      for method in methods.elements {
        let result = try OneShotResultRow.measured(shape, method, self)
        printer.show(result.row, result.tableCells)
      }
    }
  }
}

/// `MxK`.
struct OneShotShape: ListElement {
  var rows: Int
  var columns: Int

  init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  init?(listElement: String) {
    let numbers = listElement.split(separator: "x", omittingEmptySubsequences: false).map {
      Int($0)
    }
    guard numbers.count == 2, let rows = numbers[0], let columns = numbers[1], rows > 0,
      columns > 0, rows < 1 << 24, columns <= 1 << 16, rows * columns <= 1 << 28
    else { return nil }
    (self.rows, self.columns) = (rows, columns)
  }

  var listElement: String { "\(rows)x\(columns)" }
}

extension OneShotMethodName: ListElement {
  init?(listElement: String) { self.init(rawValue: listElement) }
  var listElement: String { rawValue }
}

/// One measured layer.
struct OneShotResultRow {
  var shape: OneShotShape
  var samples: Int
  var method: OneShotMethodName
  var sparsity: Double
  var moments: Calibration.Moments
  var timing: Timing
  /// The BLAS and LAPACK calls alone; nil for methods that are not made of them.
  var calls: Timing?
  var error: Double?

  static func measured(
    _ shape: OneShotShape, _ method: OneShotMethodName, _ command: OneShotCommand
  ) throws -> OneShotResultRow {
    let (m, n, samples) = (shape.rows, shape.columns, command.samples)
    let needsProducts = method.method.needs == .single
    let moments: Calibration.Moments = needsProducts ? (command.double ? .double : .single) : .norms
    let weights: DenseMatrix<Float> = try randomDense(
      rows: m, columns: n, seed: command.measure.seed)
    let x: DenseMatrix<Float> = try randomDense(
      rows: samples, columns: n, seed: command.measure.seed &+ 1)
    var settings = OneShotSettings(method: method.method, sparsity: command.sparsity)
    func pruned() throws -> OneShotResult {
      let calibration = try Calibration(inputs: n, moments: moments)
      try x.withUnsafeElements {
        try calibration.add(CalibrationBatch($0, samples: samples, inputs: n))
      }
      return try weights.withUnsafeElements {
        try oneShot($0, rows: m, columns: n, calibration: calibration, settings: settings)
      }
    }
    let checked = try pruned()
    try check(checked, weights, x)
    settings.reportsErrors = false
    var operations: [() -> Void] = [{ _ = try? pruned() }]
    if method == .sparsegpt && moments == .single {
      operations.append(callsAlone(m: m, n: n, samples: samples, weights, x))
    }
    let timings = Stopwatch(budget: command.measure.time, cache: .warm).time(operations)
    return OneShotResultRow(
      shape: shape, samples: samples, method: method, sparsity: command.sparsity,
      moments: moments, timing: timings[0], calls: timings.count > 1 ? timings[1] : nil,
      error: checked.report.error)
  }

  /// Ends the run when the reported error is not that of the samples, on sixteen rows.
  private static func check(
    _ result: OneShotResult, _ weights: DenseMatrix<Float>, _ x: DenseMatrix<Float>
  ) throws {
    guard let error = result.report.error else { return }
    let rows = min(16, weights.rows)
    var (change, energy) = (0.0, 0.0)
    for s in 0..<x.rows {
      for i in 0..<rows {
        var (a, b) = (0.0, 0.0)
        for j in 0..<x.columns {
          let (w, value) = (Double(weights[i, j]), Double(x[s, j]))
          a += (w - Double(result.weights[i * x.columns + j])) * value
          b += w * value
        }
        (change, energy) = (change + a * a, energy + b * b)
      }
    }
    // All rows are alike: random weights on the same inputs.
    let sampled = energy > 0 ? change / energy : 0
    if abs(sampled - error) > 0.3 * error + 1e-6 {
      throw Failure(.software, "oneshot: error \(error) is reported, the samples say \(sampled)")
    }
  }

  /// What SparseGPT is made of: H, its factor, the inverse, and the product after each block of
  /// columns.
  private static func callsAlone(
    m: Int, n: Int, samples: Int, _ weights: DenseMatrix<Float>, _ x: DenseMatrix<Float>
  ) -> () -> Void {
    let h = AlignedBuffer<Float>(count: n * n)
    let inverse = AlignedBuffer<Float>(count: n * n)
    let errors = AlignedBuffer<Float>(count: m * 128)
    let w = AlignedBuffer<Float>(count: m * n)
    return {
      for i in 0..<n * n { h.pointer[i] = 0 }
      x.withUnsafeElements {
        TiledAlgebra.addSquare(
          n: n, samples: samples, x: $0.baseAddress!, ldx: n, transposed: true, to: h.pointer)
      }
      for i in 0..<n { h.pointer[i * n + i] += Float(samples) }
      _ = TiledAlgebra.cholesky(n: n, h.pointer)
      TiledAlgebra.inverse(n: n, lower: h.pointer, into: inverse.pointer)
      for first in stride(from: 0, to: n, by: 128) {
        let count = min(128, n - first)
        TiledAlgebra.product(
          m: m, n: n - first - count, k: count, alpha: -1, a: errors.pointer, lda: count,
          b: inverse.pointer + first * n + first + count, ldb: n, beta: 1,
          c: w.pointer + first + count, ldc: n)
      }
    }
  }

  var row: Row {
    Row(fields: [
      ("op", .text("oneshot")), ("m", .integer(shape.rows)), ("k", .integer(shape.columns)),
      ("samples", .integer(samples)), ("method", .text(method.rawValue)),
      ("sparsity", .number(sparsity)), ("moments", .text(moments.rawValue)),
      ("threads", .integer(ThreadPool.shared.threads)), ("denseCore", .text(BLAS.coreName)),
      ("seconds", .number(timing.median)), ("secondsMin", .number(timing.minimum)),
      ("runs", .integer(timing.runs)), ("callSeconds", .number(calls?.median ?? .nan)),
      ("error", .number(error ?? .nan)),
    ])
  }

  static let tableHeader = ["m×k", "samples", "method", "sums", "time", "calls alone", "error"]
  static let tableWidths = [11, 8, 10, 7, 9, 11, 9]

  var tableCells: [String] {
    [
      "\(shape.rows)×\(shape.columns)", Numeral.grouped(samples), method.rawValue,
      moments.rawValue, Numeral.duration(seconds: timing.median),
      calls.map { Numeral.duration(seconds: $0.median) } ?? "",
      error.map { Numeral.percent($0, digits: 2) } ?? "",
    ]
  }
}
