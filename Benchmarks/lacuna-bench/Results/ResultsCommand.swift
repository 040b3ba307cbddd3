// `lacuna-bench results`: a network trained dense, then pruned from there to each sparsity, in elements and blocks.

import ArgumentParser
import Lacuna

extension Budget: ExpressibleByArgument {}

struct ResultsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "results", abstract: "Train, prune and measure a network on real data.",
    discussion: """
      One dense network is trained first. From it begins one run for each sparsity and block shape, \
      whose masks grow along a ramp over the first two thirds of its steps, and one without masks \
      for as many epochs: what the dense network gains by going on. Choices of recipes were made \
      by the column "validation"; "test" is for the final figure. Benchmarks/results/setup \
      installs the data.
      """)

  @Argument(help: "speech, resnet, mobilenet or text.")
  var task: String

  @Option(
    help: ArgumentHelp(
      "The data's folder or file, where it is not the usual one.", valueName: "path"))
  var data: String?

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of zeros, parted by commas.", valueName: "s,…"))
  var sparsities = List([0.5, 0.75, 0.8, 0.875, 0.9, 0.95])

  @Option(
    help: ArgumentHelp(
      "Train on the first n images, or sequences of text. [all]", valueName: "n"))
  var limit: Int?

  @Option(help: "Weights, order of samples and dropout.")
  var seed: UInt64 = 1

  @Option(help: "Threads of training.")
  var threads = 2

  @Option(
    name: .customLong("epochs"),
    help: ArgumentHelp(
      "Epochs of the dense phase and of each that begins with its weights. [the task's own]",
      valueName: "n,n"))
  var epochs: List<Int>?

  @Option(
    help: ArgumentHelp(
      "How kernels share a sparsity: uniform, global or erdosRenyi (small ones stay denser). [the task's own]",
      valueName: "name"))
  var budget: Budget?

  @Option(help: "Seconds of timed runs for each network, both sides together.")
  var time = 2.0

  @Flag(help: "Print JSON lines.")
  var json = false

  func validate() throws {
    try check("--threads", threads, in: 1...1024)
    if !(time > 0 && time <= 3600) {
      throw ValidationError("--time is \(time), must be more than 0 and at most 3600")
    }
    if let epochs {
      if epochs.elements.count != 2 { throw ValidationError("--epochs: two numbers, as 8,3") }
      for epochs in epochs.elements { try check("--epochs", epochs, in: 1...10_000) }
    }
    if let limit {
      try check("--limit", limit, in: 1...1 << 30)
      if task == ResultsName.speech.rawValue {
        throw ValidationError("--limit: the first recordings would be of one language")
      }
    }
    for sparsity in sparsities.elements { try checkSparsity("--sparsity", sparsity) }
    _ = try name
  }

  private var name: ResultsName {
    get throws(ValidationError) {
      if let name = ResultsName(rawValue: task) { return name }
      let names = ResultsName.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("\(task.printable()) is no task: \(names)")
    }
  }

  func run() throws {
    let name = try name
    var chosen = try ResultsTask(name, data: data, limit: limit ?? .max)
    if let epochs {
      (chosen.denseEpochs, chosen.prunedEpochs) = (epochs.elements[0], epochs.elements[1])
    }
    if let budget { chosen.budget = budget }
    let run = ResultsRun(name: name, task: chosen, seed: seed, threads: threads, time: time)
    Console.standardError(run.summary)
    var printer = RowPrinter(
      json: json, header: ResultsRow.tableHeader, widths: ResultsRow.tableWidths)
    let dense = try run.dense()
    printer.show(dense.row.row, dense.row.tableCells)
    let further = try run.pruned(from: dense.weights, to: 0, .element)
    printer.show(further.row, further.tableCells)
    for block in [BlockSize.element, run.task.block] {
      for sparsity in sparsities.elements {
        let row = try run.pruned(from: dense.weights, to: sparsity, block)
        printer.show(row.row, row.tableCells)
      }
    }
  }
}
