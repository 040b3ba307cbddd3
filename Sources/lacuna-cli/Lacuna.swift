// The `lacuna` tool: one file per subcommand.

import ArgumentParser
import Lacuna

@main
struct LacunaTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lacuna",
    abstract: "Prune neural networks, store them sparse, and run them by skipping the zeros.")
}
