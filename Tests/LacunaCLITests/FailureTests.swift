// Everything that can be wrong with options, checkpoints and disks: one line, the right exit code,
// and the previous file as it was.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct FailureTests {
  private let shop: Workshop
  private let folder: TemporaryFolder

  init() throws {
    shop = try Workshop.shared.get()
    folder = try TemporaryFolder()
  }

  private func expectRefusal(
    _ arguments: [String], _ code: Int32, _ words: [String] = [],
    environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Tool.run(arguments, environment: environment)
    let said = "\(arguments.joined(separator: " ")): \(run.exitCode) \(run.errors)"
    #expect(run.exitCode == code, "\(said)", sourceLocation: sourceLocation)
    #expect(run.errorLines.count == 1, "\(said)", sourceLocation: sourceLocation)
    #expect(run.errors.hasPrefix("lacuna: "), "\(said)", sourceLocation: sourceLocation)
    for word in words {
      #expect(run.errors.contains(word), "\(said)", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    (["--begin", "10", "--end", "5"], ["10", "5"]),
    (["--frequency", "0"], ["frequency", "0"]),
    (["--sparsity", "1"], ["1"]),
    (["--sparsity=-0.1"], ["-0.1"]),
    (["--sparsity", "nan"], ["nan"]),
    (["--begin", "100000", "--end", "200000"], ["100000"]),
    (["--block", "0x4"], ["0"]),
    (["--block", "4"], ["RxC"]),
    (["--block", "129x1"], ["129x1", "dense1/kernel", "128"]),
    (["--block", "100000x100000"], ["100000"]),
    (["--exclude", "conv*"], ["conv*", "dense1/kernel"]),
    (["--epochs", "0"], ["epochs", "0"]),
    (["--learning-rate", "0"], ["--learning-rate is 0"]),
    (["--threads", "0"], ["threads", "0"]),
    (["--schedule", "sideways"], ["sideways"]),
    (["--resume"], ["options"]),
  ])
  func `an impossible recipe is exit code 64 and names the value`(
    options: [String], words: [String]
  ) throws {
    let output = folder.path("pruned.lacuna")
    try expectRefusal(
      ["prune", shop.dense, "--data", shop.folder.root, "--quiet", "--output", output] + options,
      64, words)
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func `an instruction set that does not exist is exit code 64`() throws {
    try expectRefusal(
      ["info"], 64, ["nonsense", "baseline"], environment: ["LACUNA_ISA": "nonsense"])
  }

  @Test func `a checkpoint of another architecture is exit code 65 with both`() throws {
    try expectRefusal(
      ["train", "--resume", shop.dense, "--data", shop.folder.root, "--output", folder.path("a")],
      65, ["dense1 128", "conv1"])
  }

  @Test func `a model is no checkpoint, and a checkpoint is found by what it says, not its name`()
    throws
  {
    let model = folder.path("model.lacuna")
    #expect(try Tool.run("compress", shop.dense, "--output", model).exitCode == 0)
    try expectRefusal(
      ["prune", model, "--data", shop.folder.root, "--output", folder.path("a")], 64,
      ["--data", "checkpoints"])
    // Without training it is a file of weights like any other.
    let pruned = folder.path("pruned.lacuna")
    let run = try Tool.run("prune", model, "--sparsity", "0.9", "--output", pruned)
    #expect(run.exitCode == 0, "\(run.errors)")
    let facts = try Tool.run("inspect", pruned, "--json").json()
    let kernel = try #require(
      (facts["tensors"] as? [[String: Any]])?.first { $0["name"] as? String == "dense1/kernel" })
    #expect(kernel["zeros"] as? Int == 90317, "\(kernel)")
    try expectRefusal(["evaluate", "/proc/self/exe"], 65, [".lacuna"])
    try expectRefusal(["evaluate", folder.path("nowhere")], 66, ["nowhere"])
    try expectRefusal(["compress", folder.root, "--output", model], 66, [folder.root])
  }

  @Test func `a weight that is not a number is exit code 65 with its place`() throws {
    var file = try LacunaFile(contentsOf: shop.dense)
    let at = try #require(file.tensors.firstIndex { $0.name == "weights/dense1/kernel" })
    let shape = file.tensors[at].tensor.shape
    guard var values = file.tensors[at].tensor.denseValues else {
      throw Failure.wrongKind
    }
    values[777] = .nan
    file.tensors[at].tensor = try .dense(shape: shape, values: values)
    let broken = folder.path("broken.lacuna")
    try file.write(to: broken)
    for command in ["prune", "compress"] {
      var arguments = [command, broken, "--output", folder.path("a")]
      if command == "prune" { arguments += ["--data", shop.folder.root] }
      try expectRefusal(arguments, 65, ["dense1/kernel", "777"])
    }
  }
  private enum Failure: Error { case wrongKind }

  @Test(arguments: [1, 2, 3]) func `a flipped bit is exit code 65`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let model = folder.path("model.lacuna")
    #expect(try Tool.run("compress", shop.dense, "--bits", "8", "--output", model).exitCode == 0)
    let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: model)))
    for _ in 0..<8 {
      let at = Int.random(in: 0..<good.count, using: &generator)
      let bit = Int.random(in: 0..<8, using: &generator)
      try rewrite(model) {
        $0 = good
        $0[at] ^= 1 << bit
      }
      try expectRefusal(["inspect", model], 65, [model])
      try rewrite(model) { $0 = Array(good.prefix(at)) }
      try expectRefusal(["evaluate", model, "--data", shop.folder.root], 65, [model])
    }
  }

  @Test func `a full disk is exit code 74`() throws {
    try expectRefusal(["compress", shop.dense, "--output", "/dev/full"], 74, ["/dev/full"])
  }

  @Test func `a disk that fills up during a save leaves the previous file`() throws {
    let model = folder.path("model.lacuna")
    #expect(try Tool.run("compress", shop.dense, "--bits", "8", "--output", model).exitCode == 0)
    let before = try Data(contentsOf: URL(fileURLWithPath: model))
    // 16 blocks of 512 or 1024 bytes are less than the dense model takes.
    let run = try Tool.run(
      shell: "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"",
      ["compress", shop.dense, "--dense", "--output", model])
    #expect(run.exitCode == 74, "\(run.errors)")
    #expect(run.errorLines.count == 1 && run.errors.contains(model), "\(run.errors)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.root) == ["model.lacuna"])
  }

  @Test(arguments: ["/proc/model.lacuna", "/nonexistent/model.lacuna"])
  func `a folder that takes no files is exit code 74, before any work`(path: String) throws {
    try expectRefusal(["compress", shop.dense, "--output", path], 74, [path])
    try expectRefusal(
      ["train", "--data", shop.folder.root, "--epochs", "1000000", "--output", path], 74, [path])
  }

  @Test func `a file where a folder should be is exit code 74`() throws {
    try expectRefusal(
      ["compress", shop.dense, "--output", "\(shop.dense)/model.lacuna"], 74, [shop.dense])
    try expectRefusal(["compress", shop.dense, "--output", folder.root], 74, ["folder"])
  }

  @Test(arguments: [7]) func `a kill at any moment of a save leaves a whole file`(seed: UInt64)
    throws
  {
    var generator = SeededGenerator(seed: seed)
    let output = folder.path("model.lacuna")
    let arguments = ["compress", shop.dense, "--dense", "--output", output]
    let small = ["compress", shop.dense, "--bits", "8", "--output", output]
    #expect(try Tool.run(arguments).exitCode == 0)
    let dense = try Data(contentsOf: URL(fileURLWithPath: output))
    #expect(try Tool.run(small).exitCode == 0)
    let sparse = try Data(contentsOf: URL(fileURLWithPath: output))
    for round in 0..<16 {
      let delay = Duration.microseconds(Int.random(in: 500...40_000, using: &generator))
      _ = try Tool.run(
        round.isMultiple(of: 2) ? arguments : small, interruptedAfter: delay, by: SIGKILL)
      let now = try Data(contentsOf: URL(fileURLWithPath: output))
      #expect(now == dense || now == sparse, "seed \(seed), round \(round), \(delay)")
    }
  }
}
