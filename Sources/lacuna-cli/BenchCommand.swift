// `lacuna bench FILE`: every weight matrix of a model, sparse beside dense.

import ArgumentParser
import Lacuna

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract:
      "Time the products with every weight matrix of a model file, sparse beside dense OpenBLAS.",
    discussion: """
      Each matrix [out, in] is multiplied by random arrays of --batch columns, sparse and dense in turn on the same \
      threads; the time is that of the fastest run. A convolution counts as the product with its matrix at one position. \
      "sparse" is the plan that Lacuna would choose, and may be dense itself where few weights are zero. The closing row \
      adds up.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The model file; - reads standard input.", completion: .file())
  var file: String

  @Option(
    help: ArgumentHelp("Columns of the right-hand sides, parted by commas.", valueName: "n,…"),
    transform: BatchSizes.init(argument:))
  var batch = BatchSizes(sizes: [1, 16])

  @Option(help: "Threads. [1]")
  var threads = 1

  @Option(help: "Seconds for each matrix at each batch size.")
  var time = 0.1

  @Option(
    help: ArgumentHelp(
      "Only tensors of this name; * matches any characters. May be repeated.",
      valueName: "pattern"))
  var include: [String] = []

  func validate() throws {
    try check("--threads", threads, in: OptionRange.threads)
    try check("--time", time, in: 0.001...60)
    if time.isNaN { throw ValidationError("--time is not a number") }
  }

  func run() throws {
    let model = try ModelFile(contentsOf: inputPath(file))
    let rules = include.map { TensorRule($0) }
    let weights = model.tensors.indices.filter { index in
      let tensor = model.tensors[index]
      if !rules.isEmpty { return rules.contains { $0.matches(tensor.name) } }
      return tensor.shape.count >= 2 && tensor.elementCount > 0
        && [.weight, .recurrent, .unknown].contains(tensor.role)
        && (tensor.type.isFloatingPoint || tensor.quantization != nil)
    }
    if weights.isEmpty { throw Failure(.badData, "\(file) holds no weight matrix to time") }
    var facts = BenchFacts(file: file, threads: threads, rows: [], sums: [])
    var bar = common.progressBar(total: weights.count * batch.sizes.count, title: "bench")
    for index in weights {
      let matrix = try model.weights(index)
      for n in batch.sizes {
        facts.rows.append(try row(model.tensors[index].name, matrix, n))
        bar.update(step: facts.rows.count, detail: model.tensors[index].name)
      }
    }
    bar.finish()
    facts.sums = batch.sizes.map { n in
      let rows = facts.rows.filter { $0.batch == n }
      return BenchFacts.Sum(
        batch: n, sparseSeconds: rows.reduce(0) { $0 + $1.sparseSeconds },
        denseSeconds: rows.reduce(0) { $0 + $1.denseSeconds })
    }
    try common.show(facts) { facts.text }
  }

  private func row(
    _ name: String, _ matrix: CSRMatrix<Float>, _ n: Int
  ) throws -> BenchFacts.Row {
    let sparse = try Plan(matrix, width: n, options: PlanOptions(threads: threads))
    let dense = try Plan(dense: matrix.dense(), width: n, options: PlanOptions(threads: threads))
    var generator = SystemRandomNumberGenerator()
    let x = try DenseMatrix(
      rows: matrix.columns, columns: n,
      values: (0..<matrix.columns * n).map { _ in Float.random(in: -1...1, using: &generator) })
    var y = try DenseMatrix<Float>(rows: matrix.rows, columns: n)
    var best = (sparse: Double.infinity, dense: Double.infinity)
    // In turn, so that a change of the clock speed touches both; the first runs touch the pages.
    try sparse.run(x, into: &y)
    try dense.run(x, into: &y)
    let start = ContinuousClock.now
    repeat {
      best.sparse = min(best.sparse, try seconds { try sparse.run(x, into: &y) })
      best.dense = min(best.dense, try seconds { try dense.run(x, into: &y) })
    } while ContinuousClock.now - start < .seconds(time)
    let elements = matrix.rows * matrix.columns
    return BenchFacts.Row(
      name: name, rows: matrix.rows, columns: matrix.columns,
      sparsity: elements == 0 ? 0 : 1 - Double(matrix.nnz) / Double(elements), batch: n,
      kernel: sparse.kernelName, sparseSeconds: best.sparse, denseSeconds: best.dense)
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start) / .seconds(1)
  }
}

/// `1,16`.
struct BatchSizes {
  var sizes: [Int]

  init(sizes: [Int]) { self.sizes = sizes }

  init(argument: String) throws {
    sizes = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard (1...16).contains(sizes.count), sizes.allSatisfy({ (1...4096).contains($0) }) else {
      throw ValidationError("batch \(argument) is not 1 to 16 numbers in 1...4096, such as 1,16")
    }
  }
}

/// What `lacuna bench` reports.
struct BenchFacts: Encodable {
  struct Row: Encodable {
    var name: String
    var rows: Int
    var columns: Int
    var sparsity: Double
    var batch: Int
    var kernel: String
    var sparseSeconds: Double
    var denseSeconds: Double
    var speedup: Double { denseSeconds / sparseSeconds }
  }

  struct Sum: Encodable {
    var batch: Int
    var sparseSeconds: Double
    var denseSeconds: Double
  }

  var file: String
  var threads: Int
  var rows: [Row]
  var sums: [Sum]

  var text: String {
    var table = TextTable(
      ["tensor", "shape", "zeros", "batch", "kernel", "sparse µs", "dense µs", "speed-up"],
      leading: [0, 1, 4])
    func cells(_ sparse: Double, _ dense: Double) -> [String] {
      [
        Numeral.fixed(sparse * 1e6, digits: 1), Numeral.fixed(dense * 1e6, digits: 1),
        Numeral.fixed(dense / sparse, digits: 2) + "×",
      ]
    }
    for row in rows {
      table.append(
        [
          ModelInspection.shortened(row.name), "\(row.rows)×\(row.columns)",
          Numeral.percent(row.sparsity), "\(row.batch)", row.kernel,
        ] + cells(row.sparseSeconds, row.denseSeconds))
    }
    for sum in sums {
      table.append(
        ["all", "", "", "\(sum.batch)", ""] + cells(sum.sparseSeconds, sum.denseSeconds))
    }
    return table.rendered()
  }
}
