// `lacuna-bench`: sparse operations against OpenBLAS, interleaved, checked before they are timed.

import ArgumentParser
import Lacuna

@main
struct LacunaBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lacuna-bench",
    abstract: "Measure sparse operations against dense OpenBLAS on this machine.")
}
