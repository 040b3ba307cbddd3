// train → prune → evaluate → compress → inspect on a small data set, and the ways to stop and go on.

import Foundation
import Lacuna
import TestSupport
import Testing

/// A folder with images and, once asked for, a trained checkpoint. Shared: training once is enough.
final class Workshop: Sendable {
  static let shared = Result { try Workshop() }
  let folder: TemporaryFolder
  /// A perceptron trained on the images.
  let dense: String

  init() throws {
    folder = try TemporaryFolder()
    try SyntheticImages().write(to: folder.root)
    dense = folder.path("dense.lacuna")
    let run = try Tool.run(
      "train", "--architecture", "perceptron", "--data", folder.root, "--epochs", "4",
      "--threads", "1", "--quiet", "--output", dense)
    try #require(run.exitCode == 0, "\(run.errors)")
    // A static lives as long as the process: nobody else would remove the folder.
    atexit {
      if case .success(let shop) = Workshop.shared {
        try? FileManager.default.removeItem(atPath: shop.folder.root)
      }
    }
  }
}

extension ToolRun {
  /// Standard output as a JSON object.
  func json() throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
  }
}

@Suite struct PipelineTests {
  private let shop: Workshop
  private let folder: TemporaryFolder

  init() throws {
    shop = try Workshop.shared.get()
    folder = try TemporaryFolder()
  }

  /// Runs the tool on the images of the workshop, expecting success.
  private func run(_ arguments: String...) throws -> ToolRun {
    let run = try Tool.run(arguments)
    #expect(run.exitCode == 0, "\(arguments): \(run.errors)")
    return run
  }

  @Test func `from images to an 8-bit sparse model`() throws {
    let data = ["--data", shop.folder.root]
    let pruned = folder.path("pruned.lacuna")
    let prune = try Tool.run(
      ["prune", shop.dense, "--sparsity", "0.8", "--epochs", "4", "--threads", "1", "--json"]
        + ["--output", pruned] + data)
    #expect(prune.exitCode == 0, "\(prune.errors)")
    let report = try prune.json()
    #expect(abs(try #require(report["sparsity"] as? Double) - 0.8) < 0.001)
    #expect(try #require(report["testAccuracy"] as? Double) > 0.9, "\(prune.output)")
    // Not a terminal: progress is whole lines without escape codes.
    #expect(!prune.errors.contains("\u{1B}") && !prune.errors.contains("\r"))
    #expect(prune.errors.contains("prune") && prune.errors.contains("sparsity 80.0 %"))

    var accuracies: [Double] = []
    for bits in ["32", "8"] {
      let model = folder.path("model\(bits).lacuna")
      let size = try run("compress", pruned, "--bits", bits, "--json", "--output", model).json()
      #expect(try #require(size["bytes"] as? Int) < size["plainBytes"] as? Int ?? 0)
      let inspection = try run("inspect", model, "--json").json()
      let tensors = try #require(inspection["tensors"] as? [[String: Any]])
      let kernel = try #require(tensors.first { $0["name"] as? String == "dense1/kernel" })
      #expect(abs(try #require(kernel["sparsity"] as? Double) - 0.8) < 0.001)
      try expectPositionsAndValues(of: kernel, valueBits: try #require(Double(bits)))
      let evaluation = try run("evaluate", model, "--json", "--data", shop.folder.root).json()
      accuracies.append(try #require(evaluation["accuracy"] as? Double))
    }
    let model = folder.path("model8.lacuna")
    let bytes = try run(
      "evaluate", model, "--arithmetic", "i8", "--json", "--data", shop.folder.root)
    accuracies.append(try #require(try bytes.json()["accuracy"] as? Double))
    #expect(abs(accuracies[2] - accuracies[1]) <= 0.03, "\(accuracies)")
    #expect(accuracies[0] == report["testAccuracy"] as? Double)
    #expect(abs(accuracies[0] - accuracies[1]) <= 0.03, "\(accuracies)")
  }

  @Test func `few values for each kernel, trained, stored and run`() throws {
    let data = ["--data", shop.folder.root, "--quiet", "--json"]
    let (quantized, model) = (folder.path("quantized.lacuna"), folder.path("model.lacuna"))
    let report = try Tool.run(
      ["quantize", shop.dense, "--error", "0.1", "--threads", "1", "-o", quantized] + data)
    #expect(report.exitCode == 0, "\(report.errors)")
    let trained = try report.json()
    #expect(try #require(trained["testAccuracy"] as? Double) > 0.9, "\(report.output)")
    #expect(try #require(trained["sparsity"] as? Double) > 0, "\(report.output)")
    _ = try run("compress", quantized, "--codebook", "--bits", "8", "-o", model)
    let inspection = try run("inspect", model, "--json").json()
    let tensors = try #require(inspection["tensors"] as? [[String: Any]])
    let kernel = try #require(tensors.first { $0["name"] as? String == "dense1/kernel" })
    #expect(try #require(kernel["kind"] as? String).hasPrefix("codebook of "), "\(kernel)")
    // What was trained is what is stored.
    let evaluation = try Tool.run(["evaluate", model] + data).json()
    #expect(evaluation["accuracy"] as? Double == trained["testAccuracy"] as? Double)
  }

  @Test func `a network trained for bytes runs in bytes as it was stored`() throws {
    let data = ["--data", shop.folder.root, "--json"]
    let (pruned, model) = (folder.path("pruned.lacuna"), folder.path("model.lacuna"))
    let prune = try Tool.run(
      [
        "prune", shop.dense, "--sparsity", "0.8", "--epochs", "4", "--threads", "1", "-o", pruned,
        "--quantization-aware", "8", "--quantize-activations",
      ] + data)
    #expect(prune.exitCode == 0, "\(prune.errors)")
    let trained = try #require(try prune.json()["testAccuracy"] as? Double)
    #expect(trained > 0.9)
    let checkpoint = try run("inspect", pruned, "--json").output
    #expect(checkpoint.contains("weights in 8 bits, activations in bytes"), "\(checkpoint)")
    _ = try run("compress", pruned, "--bits", "8", "-o", model)
    #expect(try run("inspect", model, "--json").output.contains("activations"))
    // In single precision the stored weights are those that were trained; in bytes nearly nothing is lost.
    let floats = try Tool.run(["evaluate", model] + data).json()
    #expect(floats["accuracy"] as? Double == trained)
    let bytes = try Tool.run(["evaluate", model, "--arithmetic", "i8"] + data).json()
    #expect(abs(try #require(bytes["accuracy"] as? Double) - trained) <= 0.02)
    // Another run than without: the same options have to be given again.
    let other = try Tool.run(
      ["prune", pruned, "--resume", "--sparsity", "0.8", "--epochs", "4", "-o", pruned] + data)
    #expect(other.exitCode == 64 && other.errors.contains("these options"), "\(other.errors)")
  }

  @Test func `ranges of activations are found, kept and used`() throws {
    let (model, calibrated) = (folder.path("model.lacuna"), folder.path("calibrated.lacuna"))
    _ = try run("compress", shop.dense, "--bits", "8", "-o", model)
    let data = ["--data", shop.folder.root]
    for method in [["minmax"], ["percentile", "--share", "0.999"], ["entropy"]] {
      let found = try Tool.run(
        ["calibrate", model, "--images", "100", "-o", calibrated, "--json", "--method"] + method
          + data)
      #expect(found.exitCode == 0, "\(found.errors)")
      let report = try found.json()
      let layers = try #require(report["layers"] as? [[String: Any]])
      #expect(layers.map { $0["name"] as? String } == ["dense1", "dense2"])
      // Images are numbers from 0 to 1.
      #expect(layers[0]["low"] as? Double == 0 && layers[0]["high"] as? Double ?? 2 <= 1)
      #expect(report["images"] as? Int == 100)
      let accuracies = try [model, calibrated].map { path in
        try #require(
          Tool.run(["evaluate", path, "--arithmetic", "i8", "--json"] + data).json()["accuracy"]
            as? Double)
      }
      #expect(abs(accuracies[0] - accuracies[1]) < 0.03, "\(accuracies)")
    }
    let place = try Tool.run(["calibrate", calibrated, "-o", calibrated, "--quiet"] + data)
    #expect(place.exitCode == 0, "\(place.errors)")
    let checkpoint = try Tool.run(["calibrate", shop.dense, "-o", calibrated] + data)
    #expect(checkpoint.exitCode == 65 && checkpoint.errorLines.count == 1, "\(checkpoint.errors)")
  }

  @Test func `inspect tells 4 bits from 8`() throws {
    for bits in ["8", "4"] {
      let model = folder.path("model.lacuna")
      _ = try run("compress", shop.dense, "--bits", bits, "-o", model)
      #expect(try run("inspect", model).output.contains("\(bits)-bit sparse"))
    }
  }

  /// What `inspect` says about a kernel with 20 % of its weights stored, in any order.
  private func expectPositionsAndValues(of kernel: [String: Any], valueBits: Double) throws {
    func number(_ key: String) throws -> Double { try #require(kernel[key] as? Double, "\(key)") }
    let entries = try number("nonzeros")
    let bitsPerEntry = try number("positionBitsPerEntry")
    #expect(abs(bitsPerEntry * entries / 8 - (try number("positionBytes"))) < 1)
    // A bit mask takes 5 bits for one entry in five, their entropy is 3.61.
    let entropy = try number("independentPositionBytes") * 8 / entries
    #expect(abs(entropy - 3.61) < 0.02 && bitsPerEntry < 5, "\(bitsPerEntry), \(entropy)")
    let bits = try number("valueBitsPerStoredWeight")
    #expect(bits > valueBits / 2 && bits < valueBits * 1.5, "\(bits)")
  }

  @Test func `blocks are pruned and stored whole`() throws {
    let pruned = folder.path("pruned.lacuna")
    let model = folder.path("model.lacuna")
    _ = try run(
      "prune", shop.dense, "--block", "2x1", "--epochs", "1", "--quiet", "--data",
      shop.folder.root, "--output", pruned)
    _ = try run("compress", pruned, "--block", "2x1", "--output", model)
    let text = try run("inspect", model).output
    #expect(text.contains("f32 blocks") && text.contains("2×1"), "\(text)")
    for title in ["if random", "bits/entry", "bits/value"] {
      #expect(text.contains(title), "\(title): \(text)")
    }
  }

  @Test func `quiet is quiet`() throws {
    let run = try run(
      "train", "--architecture", "perceptron", "--data", shop.folder.root, "--epochs", "1",
      "--quiet", "--output", folder.path("model.lacuna"))
    #expect(run.errors.isEmpty)
  }

  @Test func `Ctrl-C leaves a checkpoint from which the run goes on to the same bits`() throws {
    let whole = folder.path("whole.lacuna")
    let parts = folder.path("parts.lacuna")
    let options = [
      "train", "--architecture", "perceptron", "--data", shop.folder.root, "--epochs", "150",
      "--threads", "1", "--quiet", "--output",
    ]
    var stopped = try Tool.run(options + [parts], interruptedAfter: .milliseconds(500))
    #expect(stopped.exitCode == 130, "\(stopped.errors)")
    #expect(stopped.errorLines.count == 1 && stopped.errors.contains("--resume"))
    let step = try Checkpoint(contentsOf: parts).progress.step
    #expect(step > 0 && step < 750)

    stopped = try Tool.run(options + [parts, "--resume", parts])
    #expect(stopped.exitCode == 0, "\(stopped.errors)")
    _ = try Tool.run(options + [whole])
    #expect(try Checkpoint(contentsOf: parts) == Checkpoint(contentsOf: whole))
  }
}
