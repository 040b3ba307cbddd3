// How fast a task's network runs: its usual batch, one thread, sparse and dense in turns.

import ArgumentParser
import Lacuna

extension ResultsTask {
  /// At the task's own batch, and for translators at a wide one too.
  func timings(_ network: CompressedModel, seconds: Double) throws -> [InferenceTiming] {
    guard case .phonemeErrors(let words) = measure else {
      return [try InferenceTiming.measure(network, batch: timedBatch, seconds: seconds)]
    }
    return try [timedBatch, SpokenWords.wideBatch].map {
      try InferenceTiming.measure(
        network, translating: words.timed, batch: $0, seconds: seconds / 2)
    }
  }
}

extension [InferenceTiming] {
  /// Of the first timing the names are plain, of a second one they begin with `wide`.
  var fields: [(name: String, value: Field)] {
    enumerated().flatMap { place, timing -> [(String, Field)] in
      let fields: [(String, Field)] = [
        ("batch", .integer(timing.batch)), ("threads", .integer(timing.threads)),
        ("seconds", .number(timing.sparseSeconds)),
        ("denseSeconds", .number(timing.denseSeconds)), ("speedup", .number(timing.speedup)),
      ]
      return place == 0
        ? fields : fields.map { ("wide" + $0.0.prefix(1).uppercased() + $0.0.dropFirst(), $0.1) }
    }
  }

  /// Sparse and dense time and their ratio, and the wide batch's ratio.
  var tableCells: [String] {
    func times(_ timing: InferenceTiming) -> String {
      Numeral.fixed(timing.speedup, digits: 2) + "×"
    }
    return [
      Numeral.duration(seconds: self[0].sparseSeconds),
      Numeral.duration(seconds: self[0].denseSeconds), times(self[0]),
      dropFirst().first.map(times) ?? "",
    ]
  }
}

struct ResultsTimesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "results-times", abstract: "Measure the networks that results --save left again.",
    discussion: """
      Accuracies do not depend on what else a machine does while it trains; times do. This command \
      takes seconds, for which the machine may be left alone.
      """)

  @Argument(help: "speech, resnet, mobilenet, text or g2p.")
  var task: String

  @Argument(help: ArgumentHelp("The folder of the networks.", valueName: "folder"))
  var folder: String

  @Option(
    help: ArgumentHelp(
      "The task's data, where they are not the usual ones.", valueName: "path"))
  var data: String?

  @Option(help: "Seconds of timed runs for each network, both sides together.")
  var time = 2.0

  @Flag(help: "Print JSON lines.")
  var json = false

  func validate() throws {
    try ResultsCommand.checkTime(time)
    _ = try ResultsName(argument: task)
  }

  func run() throws {
    let name = try ResultsName(argument: task)
    let names = try SavedNetworks.names(name, in: folder)
    let task = try ResultsTask(name, data: data, limit: .max)
    var printer = RowPrinter(
      json: json, header: ["network", "bytes", "sparse", "dense", "speed-up", "wide"],
      widths: [28, 9, 9, 9, 8, 7])
    for name in names {
      let network = try CompressedModel.load(from: "\(folder)/\(name).lacuna")
      let (timings, bytes) = (
        try task.timings(network, seconds: time), try network.file.encoded().count
      )
      printer.show(
        Row(
          fields: [("network", .text(name)), ("bytes", .integer(bytes))] + timings.fields + [
            ("isa", .text(ISA.selected.rawValue)), ("denseCore", .text(BLAS.coreName)),
          ]), [name, Numeral.grouped(bytes)] + timings.tableCells)
    }
  }
}
