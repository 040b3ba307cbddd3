// `lacuna-bench suite`: every model shape × sparsity × block, and a table of geometric means.

import ArgumentParser
import Lacuna

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The parts of the suite.
enum SuitePart: String, ListElement, CaseIterable {
  /// Y = W·X for wide n.
  case wide
  /// Y = X·Wᵀ for batches of 32 and more.
  case rows
  /// One right-hand side.
  case vector
  /// 2 to 15 right-hand sides.
  case smallBatch = "small-batch"
  case select, convert

  init?(listElement: String) { self.init(rawValue: listElement) }
  var listElement: String { rawValue }

  /// The shape files of the part.
  var files: [String] {
    switch self {
    case .wide: ["transformer", "transformer-512-tokens", "mnist", "mobilenetv2", "resnet50"]
    case .rows: ["transformer", "mnist"]
    case .vector: ["vector"]
    case .smallBatch: ["small-batch"]
    case .select, .convert: []
    }
  }

  /// What the part's table is called.
  var title: String {
    switch self {
    case .wide: "Y = W·X, wide n: speed-up over dense, geometric mean over the shapes"
    case .rows: "Y = X·Wᵀ, batch 128 and more: speed-up over dense, geometric mean"
    case .vector: "one right-hand side: speed-up over dense, geometric mean"
    case .smallBatch: "2 to 15 right-hand sides: speed-up over dense, geometric mean"
    case .select: "selection"
    case .convert: "conversion"
    }
  }
}

struct SuiteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suite", abstract: "All model shapes, and a table of geometric means.")

  @Option(
    name: .customLong("parts"),
    help: ArgumentHelp("Which parts, of: wide, rows, vector, small-batch, select, convert."))
  var parts = List(SuitePart.allCases)

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp(
      "Shares of zeros, parted by commas. [0.5,0.7,0.8,0.9,0.95]", valueName: "s,…"))
  var chosenSparsities: List<Double>?

  @Option(
    name: .customLong("block"),
    help: ArgumentHelp(
      "Block shapes, output rows by input columns. [1x1,2x1,4x1,8x1,16x1,4x4,1x4]",
      valueName: "RxC,…"))
  var chosenBlocks: List<BlockSize>?

  @Option(name: .customLong("dtype"), help: ArgumentHelp("f32 or f64.", valueName: "t,…"))
  var dtypes = List([DType.f32])

  @Option(
    help: ArgumentHelp("Folder of the shape files.", valueName: "folder"),
    transform: { $0 as String? })
  var shapesFolder: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Also write the JSON lines to a file.", valueName: "file"))
  var output: String?

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    if parts.elements.allSatisfy({ $0.files.isEmpty }) {
      let reason = "is for products, and --parts has none"
      try refuse(
        [
          ("--sparsity", chosenSparsities != nil), ("--block", chosenBlocks != nil),
          ("--shapes-folder", shapesFolder != nil),
        ], reason)
      try measure.refuseThreads(reason)
    }
  }

  private var sparsities: List<Double> { chosenSparsities ?? List([0.5, 0.7, 0.8, 0.9, 0.95]) }
  private var blocks: List<BlockSize> {
    chosenBlocks
      ?? List(
        [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (4, 4), (1, 4)].map { try! BlockSize($0.0, $0.1) }
      )
  }

  func run() throws {
    try measure.prepare()
    let products = try parts.elements.flatMap { part in
      try self.products(of: part).map { (part, $0) }
    }
    let others = parts.elements.filter { $0 == .select || $0 == .convert }.count
    var bar = ProgressBar(
      total: products.count + others, title: "suite", isSilent: quiet)
    var suite = SuiteResults()
    for (part, product) in products {
      let result = try product.measured(
        measure, plan: PlanOptions(threads: measure.threads))
      suite.add(result, to: part)
      if measure.json { Console.standardOutput(json: result.row.json) }
      bar.update(
        step: suite.done,
        detail: "\(result.shape.listElement) \(Numeral.percent(result.sparsity, digits: 0)) "
          + "\(result.block) \(Numeral.times(result.speedup))")
    }
    for part in parts.elements where part == .select || part == .convert {
      for (row, cells) in try smallParts(part) {
        suite.add(row, cells, to: part)
        if measure.json { Console.standardOutput(json: row.json) }
      }
      bar.update(step: suite.done, detail: part.rawValue)
    }
    bar.finish()
    if let output {
      let text = suite.rows.map { $0.json + "\n" }.joined()
      try AtomicFile.write(Array(text.utf8), to: output)
    }
    if !measure.json {
      Console.standardOutput(
        suite.report(parts.elements, blocks.elements, sparsities.elements, dtypes.elements))
    }
  }

  private func products(of part: SuitePart) throws -> [ProductCase] {
    let folder = try self.folder()
    let shapes = try part.files.flatMap { try Shape.read("\(folder)/\($0).txt") }
    // One right-hand side has no use for wide blocks of rows: the list stays short.
    return dtypes.elements.flatMap { dtype in
      blocks.elements.flatMap { block in
        sparsities.elements.flatMap { sparsity in
          shapes.map { shape in
            ProductCase(
              shape: shape, sparsity: sparsity, block: block, dtype: BenchType(dtype),
              layout: part == .rows ? .rows : .columns)
          }
        }
      }
    }
  }

  /// `--shapes-folder`, or Benchmarks/shapes below the working directory or in the sources.
  private func folder() throws -> String {
    if let shapesFolder { return shapesFolder }
    let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let candidates = ["Benchmarks/shapes", source.appending(path: "shapes").path]
    guard let found = candidates.first(where: FileManager.default.fileExists(atPath:)) else {
      throw Failure(
        .missingInput, "Benchmarks/shapes: not found; name the folder with --shapes-folder")
    }
    return found
  }

  private func smallParts(_ part: SuitePart) throws -> [(Row, [String])] {
    if part == .select {
      return try dtypes.elements.flatMap { dtype in
        try [65_536, 1_048_576, 3_211_264].map { count in
          let result = try SelectResult.measured(count, 0.9, dtype, measure)
          return (result.row, result.tableCells)
        }
      }
    }
    return try dtypes.elements.flatMap { dtype in
      let product = ProductCase(
        shape: Shape(m: 1024, k: 3136, n: 1), sparsity: 0.9, block: try BlockSize(4, 4),
        dtype: BenchType(dtype), layout: .columns)
      return try product.convertedInEveryWay(dtype, measure).map { ($0.row, $0.tableCells) }
    }
  }
}
