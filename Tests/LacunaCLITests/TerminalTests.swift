// Names from files and command lines never steer a terminal, whatever command shows them.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct TerminalTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Escape, bell, DEL, C1's CSI, a line end, and characters that turn the direction of writing.
  private static let evil = "a\u{1B}[31m\u{07}\u{7F}\u{9B}2J\n\r\u{202E}\u{2066}\u{2028}b"

  /// Everything but line ends and tabs that would not be seen as itself.
  private func steering(_ text: String) -> [Unicode.Scalar] {
    text.unicodeScalars.filter { scalar in
      if scalar == "\n" || scalar == "\t" { return false }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: return true
      default: return false
      }
    }
  }

  private func expectHarmless(_ arguments: [String], shows: Bool = true) throws {
    let run = try Tool.run(arguments)
    for text in [run.output, run.errors] {
      #expect(steering(text).isEmpty, "\(arguments[0]): \(text.debugDescription)")
    }
    #expect(run.errorLines.count <= 1, "\(run.errors.debugDescription)")
    if shows {
      #expect(
        (run.output + run.errors).lowercased().contains("1b"),
        "\(arguments[0]) does not show the name: \(run.output)\(run.errors)")
    }
  }

  /// A model whose tensor and metadata have evil names; `inspect` shows any `.lacuna` file.
  private func evilFile() throws -> String {
    let path = folder.path(Self.evil + ".lacuna")
    try LacunaFile(
      metadata: [Self.evil: Self.evil, "kind": Self.evil],
      tensors: [NamedTensor(name: Self.evil, tensor: try .dense(shape: [1, 2], values: [1, 2]))]
    ).write(to: path)
    return path
  }

  @Test func `inspect`() throws {
    let path = try evilFile()
    try expectHarmless(["inspect", path])
    let run = try Tool.run("inspect", path, "--json")
    #expect(steering(run.output).isEmpty, "\(run.output.debugDescription)")
    let tensors = try #require(try run.json()["tensors"] as? [[String: Any]])
    #expect(tensors[0]["name"] as? String == Self.evil)
  }

  @Test(arguments: ["evaluate", "compress", "prune", "train", "demo"])
  func `commands that read checkpoints and images`(command: String) throws {
    let path = try evilFile()
    let output = folder.path("out")
    switch command {
    case "train": try expectHarmless([command, "--resume", path, "--output", output])
    case "demo": try expectHarmless([command, "--data", path, "--output", output])
    default:
      try expectHarmless(
        [command, path, "--output", output].dropLast(command == "evaluate" ? 2 : 0).map { $0 })
    }
  }

  @Test func `mask and prune of arrays`() throws {
    let (single, several) = (folder.path(Self.evil + ".npy"), folder.path("w.npz"))
    let array = try NumericArray(shape: [2, 2], values: .f32([1, 2, 3, 4]))
    try NPY.write(array, to: single)
    try NPZ([NamedArray(name: Self.evil, array: array)]).write(to: several)
    let output = folder.path("o" + Self.evil)
    try expectHarmless(["mask", single, "--sparsity", "0.5", "--output", output])
    try expectHarmless(["mask", single + "x", "--sparsity", "0.5", "--output", output])
    try expectHarmless(["prune", single, "--output", folder.path("p\u{1B}.npy")])
    try expectHarmless(["prune", several, "--output", folder.path("p.npz")])
    try expectHarmless(["prune", several, "--exclude", Self.evil + "?", "--output", output])
    try expectHarmless(["plot", "tensor", several, "--name", "x", "--output", output])
    let run = try Tool.run("prune", several, "--json", "--output", folder.path("p.npz"))
    #expect(steering(run.output).isEmpty, "\(run.output.debugDescription)")
  }

  @Test func `schedule, plot, info and words that no command knows`() throws {
    try expectHarmless(["schedule", "--plot", folder.path("none\u{1B}/x.svg")])
    for kind in ["ramp", "tensor", "animation", "network"] {
      try expectHarmless(["plot", kind, "--output", folder.path("none\u{1B}/x.svg")])
    }
    try expectHarmless(["schedule", "--kind", Self.evil])
    try expectHarmless(["info", Self.evil])
    try expectHarmless([Self.evil])
  }
}
