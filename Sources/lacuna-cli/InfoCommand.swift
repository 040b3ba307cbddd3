// `lacuna info`: what this machine is, what was detected on it, and what Lacuna chose.

import ArgumentParser
import Lacuna

struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show the processor, the instruction set chosen, and the BLAS behind dense work.")

  @OptionGroup var common: CommonOptions

  func run() throws {
    let facts = MachineFacts()
    try common.show(facts) { facts.text }
  }
}

/// What `lacuna info` reports.
struct MachineFacts: Encodable {
  var version = "0.1.0"

  var text: String { "lacuna \(version)" }
}
