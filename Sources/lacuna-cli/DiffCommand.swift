// `lacuna diff A B`: how far the tensors of two files are apart.

import ArgumentParser
import Lacuna

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare the tensors of two files, of whatever formats.",
    discussion: """
      Tensors are compared by name. Exit code 0 when all are equal, 1 when one differs or is in one file \
      only. The relative difference is over the larger magnitude of the two elements.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "A model file; - reads standard input.", completion: .file())
  var first: String

  @Argument(help: "The other model file.", completion: .file())
  var second: String

  func validate() throws {
    if first == "-" && second == "-" { throw ValidationError("standard input is only one file") }
  }

  func run() throws {
    let difference = try ModelDifference(
      try ModelFile(contentsOf: inputPath(first)), try ModelFile(contentsOf: inputPath(second)))
    let report = DifferenceReport(difference: difference)
    try common.show(difference) { report.text }
    if !difference.isEmpty { throw ExitCode(ExitClass.different.rawValue) }
  }
}

/// The difference as a table.
private struct DifferenceReport {
  var difference: ModelDifference

  var text: String {
    var table = TextTable(
      ["tensor", "largest difference", "relative", "differ", "zeros", "zeros then", "note"],
      leading: [0, 6])
    for tensor in difference.tensors {
      table.append([
        tensor.name, tensor.largest.map { Numeral.short(Double($0)) } ?? "",
        tensor.largestRelative.map { Numeral.short(Double($0)) } ?? "",
        tensor.differing.map { Numeral.grouped($0) } ?? "",
        tensor.sparsity.map { Numeral.percent($0) } ?? "",
        tensor.otherSparsity.map { Numeral.percent($0) } ?? "", tensor.note ?? "",
      ])
    }
    return table.rendered() + "\n\n" + (difference.isEmpty ? "equal" : "different")
  }
}
