// `lacuna info`: what this machine is, what was detected on it, and what Lacuna chose.

import ArgumentParser
import Lacuna

struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show the processor, the instruction set chosen, and the BLAS behind dense work.")

  @Flag(
    help: "Show the table of compiled kernels too: which this processor executes, which it uses.")
  var kernels = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    var facts = MachineFacts()
    if kernels { facts.kernels = KernelTable.selected.listing }
    try common.show(facts) { facts.text }
  }
}

/// What decides how fast this machine runs Lacuna; reports quote it beside their numbers.
struct MachineFacts: Encodable {
  var version = LacunaTool.version
  var processor = CPUInfo.current.model
  var cores = CPUInfo.current.cores
  /// Bytes of data cache at each level; 0 where the system does not say.
  var cacheBytes = [
    CPUInfo.current.level1Bytes, CPUInfo.current.level2Bytes, CPUInfo.current.level3Bytes,
  ]
  var features = CPUInfo.current.featureNames
  var availableISAs = ISA.available.map(\.rawValue)
  var detectedISA = ISA.detected.rawValue
  var selectedISA = ISA.selected.rawValue
  var blasCore = BLAS.coreName
  var blasConfiguration = BLAS.configuration
  var blasThreads = BLAS.threads
  /// The kernel table; nil, and absent in JSON, unless it was asked for.
  var kernels: [KernelListing]?

  var text: String {
    let caches = cacheBytes.enumerated().filter { $0.element > 0 }
      .map { "L\($0.offset + 1) \($0.element >> 10) KiB" }
    var table = TextTable(["lacuna", version], leading: [0, 1])
    table.append(["processor", processor])
    table.append(["cores", "\(cores)"])
    table.append(["data caches", caches.isEmpty ? "unknown" : caches.joined(separator: ", ")])
    table.append([
      "features", features.isEmpty ? "none beyond baseline" : features.joined(separator: " "),
    ])
    table.append(["instruction sets", availableISAs.joined(separator: " ")])
    let why = selectedISA == detectedISA ? "detected" : "asked for by \(ISA.environmentVariable)"
    table.append(["chosen", "\(selectedISA) (\(why))"])
    table.append(["BLAS", blasConfiguration])
    table.append([
      "BLAS kernels", "\(blasCore), \(blasThreads) thread\(blasThreads == 1 ? "" : "s")",
    ])
    return [table.rendered(), kernels.map(Self.text)].compactMap { $0 }.joined(separator: "\n\n")
  }

  private static func text(_ kernels: [KernelListing]) -> String {
    var table = TextTable(
      ["kernel", "variant", "type", "instructions", "on this processor"], leading: [0, 1, 2, 3, 4])
    for row in kernels {
      table.append([
        row.operation, row.variant, row.dtype, row.isa,
        row.isChosen ? "used" : row.isAvailable ? "runs" : "cannot run",
      ])
    }
    return table.rendered()
  }
}
