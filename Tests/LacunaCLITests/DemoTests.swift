// The main job on a few images: every promised file is there, and the numbers agree with each other.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct DemoTests {
  @Test func `the demonstration leaves models, a report and numbers that agree`() throws {
    let folder = try TemporaryFolder()
    try SyntheticImages(training: 128, testing: 20).write(to: folder.root)
    let output = folder.path("out")
    let run = try Tool.run(
      "demo", "--data", folder.root, "--output", output, "--measure", "0.1", "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let result = try run.json()
    let rows = try #require(result["rows"] as? [[String: Any]])
    #expect(rows.count == 5)
    let files = [
      "dense.lacuna", "pruned.lacuna", "quantized.lacuna", "sparse.lacuna", "sparse-8bit.lacuna",
      "sparse-codebook.lacuna",
    ]
    for file in files {
      #expect(try LacunaReader(contentsOf: "\(output)/\(file)").byteCount > 0)
    }
    #expect(
      try Set(FileManager.default.contentsOfDirectory(atPath: output))
        == Set(files + ["report.html", "report.json"]))
    let model = try CompressedModel.load(from: "\(output)/sparse.lacuna")
    #expect(model.architecture == .tutorial)
    #expect(abs(try #require(rows[2]["sparsity"] as? Double) - 0.9) < 0.001)
    let sizes = try rows.map { try #require($0["bytes"] as? Int) }
    #expect(sizes[4] < sizes[3] && sizes[3] < sizes[2] && sizes[2] < sizes[1])
    // The same weights, dense and sparse, decide alike.
    #expect(rows[1]["accuracy"] as? Double == rows[2]["accuracy"] as? Double)
    #expect(try #require(result["largestLogitDifference"] as? Double) < 1e-3)

    let page = try String(contentsOfFile: "\(output)/report.html", encoding: .utf8)
    for word in ["The ramp", "The weights", "Sizes", "Speed", "dense1/kernel, 1024 × 3136"] {
      #expect(page.contains(word), "\(word)")
    }
    for word in ["<script", "http:", "https:"] { #expect(!page.contains(word), "\(word)") }
    #expect(
      try String(contentsOfFile: "\(output)/report.json", encoding: .utf8) + "\n" == run.output)
  }

  @Test func `a folder that cannot be made is exit code 74`() throws {
    let run = try Tool.run("demo", "--output", "/proc/nowhere/out")
    #expect(run.exitCode == 74)
    #expect(run.errorLines.count == 1, "\(run.errors)")
  }
}
