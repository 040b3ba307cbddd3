// `lacuna-bench results`: a network trained dense, then pruned from there to each sparsity, in elements and blocks.

import ArgumentParser
import Lacuna

extension Budget: ExpressibleByArgument {}
extension ResultsStart: ExpressibleByArgument {}
extension ResultsSchedule: ExpressibleByArgument {}

struct ResultsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "results", abstract: "Train, prune and measure a network on real data.",
    discussion: """
      One dense network is trained first. From it begins the first sparsity in elements and in \
      blocks, and each other one where the one before it ended; masks grow along a ramp over the \
      first two thirds of a phase. One phase goes on without masks for as many epochs as the longest: \
      what the dense network gains by that. Choices of recipes were made by the column "validation"; "test" \
      is for the final figure. Benchmarks/results/setup installs the data.
      """)

  @Argument(help: "speech, resnet, mobilenet, text or g2p.")
  var task: String

  @Option(
    help: ArgumentHelp(
      "The data's folder or file, where it is not the usual one.", valueName: "path"))
  var data: String?

  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp(
      "Shares of zeros, parted by commas, in elements and in blocks. [the task's own]",
      valueName: "s,…"))
  var sparsities: List<Double>?

  @Option(
    help: ArgumentHelp(
      "Train on the first n images, sequences of text, or words. [all]", valueName: "n"))
  var limit: Int?

  @Option(help: "Weights, order of samples and dropout.")
  var seed: UInt64 = 1

  @Option(help: "Threads of training.")
  var threads = 2

  @Option(
    name: .customLong("epochs"),
    help: ArgumentHelp(
      "Epochs of the dense phase, of each behind it, and of those to 90 % zeros and beyond, if they are others. [the task's own]",
      valueName: "n,n[,n]"))
  var epochs: List<Int>?

  @Option(
    help: ArgumentHelp(
      "How kernels share a sparsity: uniform, global or erdosRenyi (small ones stay denser).",
      valueName: "name"))
  var budget = Budget.global

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp(
      "What a sparsity begins with: the dense weights, or those of the previous one.",
      valueName: "dense|previous"))
  var start = ResultsStart.previous

  @Option(
    help: ArgumentHelp(
      "How masks come to a sparsity: along a ramp, or dense and sparse in turn, which begins each time with all weights.",
      valueName: "ramp|acdc"))
  var schedule = ResultsSchedule.ramp

  @Option(
    help: ArgumentHelp(
      "Leave each phase's network here, for results-times.", valueName: "folder"))
  var save: String?

  @Option(help: "Seconds of timed runs for each network, both sides together.")
  var time = 2.0

  @Flag(help: "Print JSON lines.")
  var json = false

  func validate() throws {
    try check("--threads", threads, in: 1...1024)
    try Self.checkTime(time)
    if let epochs {
      if !(2...3).contains(epochs.elements.count) {
        throw ValidationError("--epochs: two numbers or three, as 8,3 or 8,3,6")
      }
      for epochs in epochs.elements { try check("--epochs", epochs, in: 1...10_000) }
    }
    if let limit {
      try check("--limit", limit, in: 1...1 << 30)
      if task == ResultsName.speech.rawValue {
        throw ValidationError("--limit: the first recordings would be of one language")
      }
    }
    for sparsity in sparsities?.elements ?? [] { try checkSparsity("--sparsity", sparsity) }
    _ = try ResultsName(argument: task)
  }

  static func checkTime(_ time: Double) throws {
    if !(time > 0 && time <= 3600) {
      throw ValidationError("--time is \(time), must be more than 0 and at most 3600")
    }
  }

  func run() throws {
    let name = try ResultsName(argument: task)
    let saved = try save.map(SavedNetworks.init(writing:))
    var chosen = try ResultsTask(name, data: data, limit: limit ?? .max)
    if let epochs {
      (chosen.denseEpochs, chosen.prunedEpochs) = (epochs.elements[0], epochs.elements[1])
      chosen.lateEpochs = epochs.elements.count == 3 ? epochs.elements[2] : nil
    }
    (chosen.budget, chosen.start, chosen.schedule) = (budget, start, schedule)
    if let given = sparsities?.elements {
      (chosen.sparsities, chosen.blockSparsities) = (given, given)
    }
    if chosen.start == .previous && chosen.sparsities != chosen.sparsities.sorted() {
      throw ValidationError("--sparsity: weights go on from one to the next: they must rise")
    }
    let run = ResultsRun(
      name: name, task: chosen, seed: seed, threads: threads, time: time, saved: saved)
    Console.standardError(run.summary)
    var printer = RowPrinter(
      json: json, header: ResultsRow.tableHeader, widths: ResultsRow.tableWidths)
    let dense = try run.dense()
    printer.show(dense.row.row, dense.row.tableCells)
    let further = try run.further(from: dense.weights)
    printer.show(further.row, further.tableCells)
    for (block, sparsities) in [
      (BlockSize.element, chosen.sparsities), (chosen.block, chosen.blockSparsities),
    ] {
      var (weights, reached) = (dense.weights, 0.0)
      for sparsity in sparsities {
        let result = try run.pruned(
          from: weights, initial: max(reached, sparsity / 3), to: sparsity, block)
        printer.show(result.row.row, result.row.tableCells)
        if run.task.start == .previous { (weights, reached) = (result.weights, sparsity) }
      }
    }
  }
}
