// `lacuna-bench spmm` and `spmv`: sparse products for a list of shapes.

import ArgumentParser
import Lacuna

/// Y = W·X for many right-hand sides.
struct SpMMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spmm", abstract: "Sparse matrix times dense matrix against cblas_?gemm.")

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "m = out, k = in, n = right-hand sides; several parted by commas.", valueName: "MxKxN,…"))
  var shapes: List<Shape>?

  @Option(
    name: .customLong("shapes"), parsing: .upToNextOption,
    help: ArgumentHelp("Files of shapes, such as those in Benchmarks/shapes.", valueName: "file"))
  var shapeFiles: [String] = []

  @Option(help: ArgumentHelp("Right-hand sides for --matrix. [64]", valueName: "n,…"))
  var n: List<Int>?

  @OptionGroup var options: ProductOptions

  func validate() throws {
    if options.matrix == nil {
      try refuse([("--n", n != nil)], "is for --matrix: a --shape has its own right-hand sides")
    } else {
      try refuse(
        [("--shape", shapes != nil), ("--shapes", !shapeFiles.isEmpty)],
        "is for random weights: --matrix has its own shape")
    }
    for shape in shapes?.elements ?? [] { try shape.checkSize("--shape") }
  }

  func run() throws {
    try options.measure.prepare()
    if let matrix = options.matrix {
      return try options.measureMatrix(matrix, widths: n?.elements ?? [64])
    }
    var shapes = self.shapes?.elements ?? []
    for file in shapeFiles { shapes += try Shape.read(file) }
    try options.measureShapes(shapes.isEmpty ? [Shape(m: 512, k: 512, n: 512)] : shapes)
  }
}

/// y = W·x for one right-hand side.
struct SpMVCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spmv", abstract: "Sparse matrix times one vector against cblas_?gemv.")

  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "m = out, k = in; several parted by commas. [4096x4096]", valueName: "MxK,…"))
  var shapes: List<VectorShape>?

  @OptionGroup var options: ProductOptions

  func validate() throws {
    if options.matrix != nil {
      try refuse(
        [("--shape", shapes != nil)], "is for random weights: --matrix has its own shape")
    }
    for shape in shapes?.elements ?? [] { try shape.shape.checkSize("--shape") }
  }

  func run() throws {
    try options.measure.prepare()
    if let matrix = options.matrix { return try options.measureMatrix(matrix, widths: [1]) }
    try options.measureShapes(
      shapes?.elements.map(\.shape) ?? [Shape(m: 4096, k: 4096, n: 1)])
  }
}

/// A shape for one right-hand side: "1024x4096", or with "x1" behind.
struct VectorShape: ListElement {
  var shape: Shape

  init(shape: Shape) { self.shape = shape }

  init?(listElement: String) {
    guard let shape = Shape(listElement) ?? Shape(listElement + "x1"), shape.n == 1 else {
      return nil
    }
    self.shape = shape
  }

  var listElement: String { "\(shape.m)x\(shape.k)" }
}

extension ProductOptions {
  /// Measures every shape × sparsity × block × scalar type and prints each as it is done.
  func measureShapes(_ shapes: [Shape]) throws {
    var printer = RowPrinter(
      json: measure.json, header: ProductResult.tableHeader, widths: ProductResult.tableWidths)
    for dtype in dtypes.elements {
      for shape in shapes {
        for block in blocks?.elements ?? [.element] {
          for sparsity in sparsities.elements {
            let product = ProductCase(
              shape: shape, sparsity: sparsity, block: block, dtype: dtype,
              layout: layout.layout)
            let result = try product.measured(measure, plan: plan)
            printer.show(result.row, result.tableCells)
          }
        }
      }
    }
  }

  /// The plan's options.
  var plan: PlanOptions {
    var plan = choice.plans(threads: measure.threads)
    plan.allowsBF16Activations = bf16Activations
    return plan
  }
}
