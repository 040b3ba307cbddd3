// What sparsity costs each task, drawn from the rows that `results --json` printed.

import ArgumentParser
import Lacuna

struct ResultsCurvesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "results-curves",
    abstract: "Draw what sparsity costs, from rows of results --json.",
    discussion: """
      One line for each task, elements on the left and blocks on the right: points of accuracy that \
      are lost on the test part, or by how many percent perplexity or errors rise.
      """)

  @Argument(help: "Files of JSON lines, each with the dense row of its tasks.")
  var files: [String]

  @Option(name: .shortAndLong, help: ArgumentHelp("The picture.", valueName: "svg"))
  var output: String

  @Option(help: "The loss at which a line leaves the picture, as a share.")
  var most = 0.1

  func validate() throws {
    if !(most > 0 && most <= 100) {
      throw ValidationError("--most is \(most), must be more than 0 and at most 100")
    }
  }

  func run() throws {
    let rows = try files.flatMap(ResultsPoint.read)
    try AtomicFile.write(Array(try picture(rows).file().utf8), to: output)
  }

  private func picture(_ rows: [ResultsPoint]) throws -> Picture {
    func chart(_ title: String, isBlocks: Bool) throws -> Picture {
      var series: [LineChart.Series] = []
      for (name, tone) in zip(
        ResultsName.allCases, [.blue, .orange, .green, .violet, .ink] as [Tone])
      {
        let own = rows.filter { $0.task == name.rawValue }
        let pruned = own.filter {
          $0.phase == "pruned" && ($0.block != "\(BlockSize.element)") == isBlocks
        }
        if pruned.isEmpty { continue }
        guard let dense = own.first(where: { $0.phase == "dense" }) else {
          throw Failure(.badData, "no dense row of \(name.rawValue)")
        }
        let points = pruned.map { (x: $0.sparsity, y: $0.lost(to: dense)) }
          .sorted { $0.x < $1.x }
        // Behind the first point beyond the edge there is nothing to see.
        let seen = points.prefix { $0.y <= most }.count
        series.append(.init(name.rawValue, Array(points.prefix(seen + 1)), tone: tone))
      }
      return LineChart(
        title: title, x: Axis("zeros", format: .percent, range: 0.5...0.95),
        y: Axis("lost", format: .percent, range: -most / 5...most), series: series
      ).picture(width: 460, height: 340)
    }
    return Picture.row(
      [try chart("elements", isBlocks: false), try chart("blocks", isBlocks: true)],
      title: "What sparsity costs: points of accuracy, or percent of perplexity and errors")
  }
}

/// What the picture takes of a row.
struct ResultsPoint: Decodable {
  var task: String
  var phase: String
  var measure: String
  var block: String
  var sparsity: Double
  var test: Double

  static func read(_ path: String) throws -> [ResultsPoint] {
    let lines = try readInput(path, hint: "lacuna-bench results --json prints one")
      .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return try lines.enumerated().compactMap { number, line in
      if line.isEmpty { return nil }
      do { return try JSONDecoder().decode(ResultsPoint.self, from: Data(line)) } catch {
        throw Failure(.badData, "\(path):\(number + 1): no row of results --json")
      }
    }
  }

  /// Points of accuracy, or how much larger an error is.
  func lost(to dense: ResultsPoint) -> Double {
    measure == ResultsMeasure.accuracy.name ? dense.test - test : test / dense.test - 1
  }
}
