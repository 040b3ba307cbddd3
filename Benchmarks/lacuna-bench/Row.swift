// One measured case: a JSON line with fields in a fixed order, or a line of a table.

import Lacuna

/// A value of a JSON line.
enum Field {
  case text(String)
  case integer(Int)
  case number(Double)

  var json: String {
    switch self {
    case .text(let value):
      // Names of kernels, files and instruction sets: only quotes and backslashes need escapes.
      "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    case .integer(let value): "\(value)"
    // JSON has no NaN or infinity.
    case .number(let value): value.isFinite ? "\(value)" : "null"
    }
  }
}

/// A measured case.
struct Row {
  /// The JSON line's fields, in order.
  var fields: [(name: String, value: Field)]

  /// The case as one line of JSON.
  var json: String {
    "{" + fields.map { "\"\($0.name)\":\($0.value.json)" }.joined(separator: ",") + "}"
  }
}

/// What a product measured, before it becomes a row.
struct ProductResult {
  var op: String
  var shape: Shape
  /// The sparsity asked for, which names the case; a file's own sparsity.
  var sparsity: Double
  var nnz: Int
  var block: BlockSize
  var dtype: BenchType
  var threads: Int
  var layout: ProductLayout
  var cache: CacheState
  var kernel: String
  var sparse: Timing
  var dense: Timing
  /// The dense 8-bit product, for products of bytes.
  var denseInt8: Timing?
  /// The dense product of bf16, for weights of that type.
  var denseBF16: DenseBF16?
  /// This library's dense product of bf16 by bf16, where plans may round X.
  var densePairs: Timing?
  var denseCall: DenseCall
  /// Multiply-adds per second of the machine's registers, in GF/s, for all threads.
  var peak: Double
  var check: ErrorCheck

  var speedup: Double { dense.median / sparse.median }
  /// Operations on nonzeros only.
  var gflops: Double { 2 * Double(nnz) * Double(shape.n) / sparse.median / 1e9 }
  var denseGflops: Double {
    2 * Double(shape.m) * Double(shape.k) * Double(shape.n) / dense.median / 1e9
  }

  var row: Row {
    let others = [("denseInt8Seconds", denseInt8), ("densePairsSeconds", densePairs)]
      .compactMap { name, timing in timing.map { (name, Field.number($0.median)) } }
    return Row(
      fields: [
        ("op", .text(op)), ("m", .integer(shape.m)), ("k", .integer(shape.k)),
        ("n", .integer(shape.n)), ("sparsity", .number(sparsity)), ("nnz", .integer(nnz)),
        ("block", .text("\(block)")), ("dtype", .text(dtype.rawValue)),
        ("threads", .integer(threads)), ("layout", .text(layout == .columns ? "wx" : "xwt")),
        ("cache", .text(cache.rawValue)), ("isa", .text(ISA.selected.rawValue)),
        ("kernel", .text(kernel)), ("seconds", .number(sparse.median)),
        ("secondsMin", .number(sparse.minimum)), ("runs", .integer(sparse.runs)),
        ("denseSeconds", .number(dense.median)), ("denseSecondsMin", .number(dense.minimum)),
        ("denseCall", .text(denseCall.rawValue)), ("denseCore", .text(BLAS.coreName)),
        ("speedup", .number(speedup)),
        ("gflops", .number(gflops)), ("denseGflops", .number(denseGflops)),
        ("peakShare", .number(gflops / peak)), ("maxError", .number(check.maxError)),
        ("errorBound", .number(check.bound)),
      ] + others + (denseBF16.map { [$0.field] } ?? []))
  }

  static let tableHeader = [
    "m×k×n", "sparsity", "block", "type", "sparse", "dense", "speed-up", "GF/s", "peak", "kernel",
  ]
  static let tableWidths = [17, 8, 6, 5, 9, 9, 8, 7, 6, 6]

  var tableCells: [String] {
    [
      "\(shape.m)×\(shape.k)×\(shape.n)", Numeral.percent(sparsity), "\(block)", dtype.rawValue,
      Numeral.duration(seconds: sparse.median), Numeral.duration(seconds: dense.median),
      Numeral.fixed(speedup, digits: 2) + "×", Numeral.fixed(gflops, digits: 1),
      Numeral.percent(gflops / peak, digits: 0), kernel,
    ]
  }
}

/// Prints rows as they are measured: JSON lines, or lines of a table whose columns have fixed widths.
struct RowPrinter {
  let json: Bool
  private let widths: [Int]
  private let header: [String]
  private var begun = false

  init(json: Bool, header: [String], widths: [Int]) {
    (self.json, self.header, self.widths) = (json, header, widths)
  }

  mutating func show(_ row: Row, _ cells: [String]) {
    if json { return Console.standardOutput(json: row.json) }
    if !begun { Console.standardOutput(line(header)) }
    begun = true
    Console.standardOutput(line(cells))
  }

  private func line(_ cells: [String]) -> String {
    let padded = zip(cells, widths).map { cell, width in
      String(repeating: " ", count: max(0, width - cell.count)) + cell
    }
    return padded.joined(separator: "  ")
  }
}
