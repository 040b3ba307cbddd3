// What the tool says is true of the files, can be typed again, and cannot steer a terminal.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct ReportTests {
  private let shop: Workshop
  private let folder: TemporaryFolder

  init() throws {
    shop = try Workshop.shared.get()
    folder = try TemporaryFolder()
  }

  @Test func `zeros that were there are counted, and what masks drop is told beside them`() throws {
    let input = folder.path("w.npy")
    // 49 of 100 are zero; masks drop 30.
    let values = (0..<100).map { $0 < 49 ? 0 : Float($0) }
    try NPY.write(try NumericArray(shape: [10, 10], values: .f32(values)), to: input)
    let arguments = ["prune", input, "--sparsity", "0.3", "--output", folder.path("o.npy")]
    let run = try Tool.run(arguments)
    #expect(run.output.contains("49.00 % of these weights are zero"), "\(run.output)")
    #expect(run.output.contains("masks dropped 30.00 %"), "\(run.output)")
    let facts = try Tool.run(arguments + ["--json"]).json()
    #expect(facts["sparsity"] as? Double == 0.49 && facts["zeros"] as? Int == 49)
    #expect(abs(try #require(facts["masked"] as? Double) - 0.3) < 1e-12)
  }

  @Test func `doubles are pruned as lacuna mask ranks them`() throws {
    let (input, output) = (folder.path("w.npy"), folder.path("o.npy"))
    try NPY.write(
      try NumericArray(shape: [1, 4], values: .f64([1e-50, 3e-50, 2e-50, 4e-50])), to: input)
    #expect(try Tool.run("prune", input, "--sparsity", "0.5", "--output", output).exitCode == 0)
    #expect(try NPY.read(contentsOf: output).values == .f64([0, 3e-50, 0, 4e-50]))
    try NPY.write(
      try NumericArray(shape: [1, 4], values: .f64([1e-200, 1e-200, 3e-200, 3e-200])), to: input)
    for command in [["mask", input], ["prune", input]] {
      let run = try Tool.run(
        command + ["--block", "1x2", "--pool", "l2", "--sparsity", "0.5", "--output", output])
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(
        try NPY.read(contentsOf: output).doubles().map { $0 != 0 } == [false, false, true, true])
    }
  }

  @Test func `options of training are refused when arrays are pruned`() throws {
    let (input, output) = (folder.path("w.npy"), folder.path("o.npy"))
    try NPY.write(try NumericArray(shape: [1, 4], values: .f32([1, 2, 3, 4])), to: input)
    for options in [
      "--epochs 1", "--batch-size 8", "--optimiser sgd", "--learning-rate 0.1", "--seed 2",
      "--threads 1", "--data .", "--limit 5", "--resume", "--schedule polynomial", "--initial 0.1",
      "--begin 1", "--end 5", "--power 2", "--frequency 3",
      "--frequency 3 --at 5 --end 9", "--at 5 --end 9 --schedule constant",
    ] {
      let words = options.split(separator: " ").map(String.init)
      let run = try Tool.run(["prune", input, "--output", output] + words)
      #expect(run.exitCode == 64, "\(options): \(run.errors)")
      #expect(run.errorLines.count == 1, "\(options): \(run.errors)")
      #expect(run.errors.contains("--at") || run.errors.contains(words[0]), "\(run.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: output))
    let run = try Tool.run("evaluate", shop.dense, "--dense", "--data", shop.folder.root)
    #expect(run.exitCode == 64 && run.errors.contains("--dense"), "\(run.errors)")
  }

  @Test func `a schedule that outlasts the training is a warning`() throws {
    let run = try Tool.run(
      "prune", shop.dense, "--epochs", "1", "--begin", "1", "--end", "500", "--quiet", "--json",
      "--threads", "1", "--data", shop.folder.root, "--output", folder.path("p.lacuna"))
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.errorLines.count == 1 && run.errors.contains("warning"), "\(run.errors)")
    #expect(run.errors.contains("500") && run.errors.contains("step 5"), "\(run.errors)")
    #expect((try run.json()["warnings"] as? [String])?.count == 1)
  }

  @Test func `inspecting a checkpoint shows shapes and decoded numbers`() throws {
    let text = try Tool.run("inspect", shop.dense).output
    #expect(text.contains("128×784"), "\(text)")
    #expect(text.contains("step 20 of 20") && text.contains("seed 1"), "\(text)")
    #expect(!text.contains("epochLoss") && !text.contains("{"), "\(text)")
    let facts = try Tool.run("inspect", shop.dense, "--json").json()
    let checkpoint = try #require(facts["checkpoint"] as? [String: Any])
    #expect(checkpoint["step"] as? Int == 20 && checkpoint["batchSize"] as? Int == 128)
    #expect(try #require(checkpoint["loss"] as? Double) > 0)
  }

  /// Runs the command that the tool's last line names, in a shell, as a person would paste it.
  private func goOn(_ stopped: ToolRun) throws -> ToolRun {
    #expect(stopped.exitCode == 130, "\(stopped.errors)")
    let line = try #require(stopped.errorLines.last)
    let command = try #require(line.components(separatedBy: "go on with: ").last)
    return try Tool.run(shell: command, [])
  }

  @Test func `after Ctrl-C the command that is named goes on to the same bits`() throws {
    // A folder with a blank and a quote in its name.
    let odd = folder.path("it's here")
    try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: true)
    let common = ["--data", shop.folder.root, "--threads", "1", "--quiet", "--epochs", "150"]
    for first in [
      ["train", "--architecture", "perceptron"], ["prune", shop.dense, "--block", "1x2"],
    ] {
      let (whole, parts) = (folder.path("whole.lacuna"), odd + "/parts.lacuna")
      let stopped = try Tool.run(
        first + common + ["--output", parts], interruptedAfter: .milliseconds(500))
      let rest = try goOn(stopped)
      #expect(rest.exitCode == 0, "\(stopped.errors) → \(rest.errors)")
      #expect(try Tool.run(first + common + ["--output", whole]).exitCode == 0)
      #expect(try Checkpoint(contentsOf: parts) == Checkpoint(contentsOf: whole), "\(first)")
    }
  }

  @Test func `the recipe of the demonstration makes the demonstration's weights`() throws {
    let images = try TemporaryFolder()
    try SyntheticImages(training: 128, testing: 20).write(to: images.root)
    let output = folder.path("out")
    let run = try Tool.run(
      "demo", "--data", images.root, "--limit", "100", "--output", output, "--measure", "0",
      "--seed", "7", "--threads", "1", "--quiet", "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let commands = try #require(try run.json()["commands"] as? [String])
    let page = try String(contentsOfFile: output + "/report.html", encoding: .utf8)
    for command in commands {
      #expect(command.hasPrefix("lacuna ") && page.contains(Markup.escaped(command)), "\(command)")
      let made = try Tool.run(
        shell: "cd '\(folder.root)' && lacuna() { \"$tool\" \"$@\"; } && tool=$0 && \(command)", [])
      #expect(made.exitCode == 0, "\(command): \(made.errors)")
    }
    for (mine, its) in [("dense", "dense"), ("pruned", "pruned")] {
      // The same recipe in other words: exclusions here, a rule for each layer there.
      let (ours, theirs) = (
        try Checkpoint(contentsOf: folder.path("\(mine).lacuna")),
        try Checkpoint(contentsOf: "\(output)/\(its).lacuna")
      )
      #expect(ours.weights == theirs.weights && ours.progress == theirs.progress, "\(mine)")
      #expect(ours.pruning?.masks == theirs.pruning?.masks, "\(mine)")
      #expect(ours.pruning?.state == theirs.pruning?.state, "\(mine)")
    }
    #expect(
      try CompressedModel.load(from: folder.path("model.lacuna"))
        == CompressedModel.load(from: output + "/sparse-8bit.lacuna"))
    #expect(
      try CompressedModel.load(from: folder.path("small.lacuna"))
        == CompressedModel.load(from: output + "/sparse-codebook.lacuna"))
  }

  @Test func `a demonstration that fails leaves no folder`() throws {
    let output = folder.path("out/deep")
    let run = try Tool.run("demo", "--data", folder.path("nowhere"), "--output", output)
    #expect(run.exitCode == 66, "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
  }
}
