// `lacuna prune --method`: a matrix, a network, a stopped run that goes on, and what is refused

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct OneShotCommandTests {
  private let shop: Workshop
  private let folder: TemporaryFolder

  init() throws {
    shop = try Workshop.shared.get()
    folder = try TemporaryFolder()
  }

  /// A weight matrix 12×20 and 60 samples of its inputs.
  private func matrix() throws -> (weights: String, inputs: String) {
    let paths = (folder.path("w.npy"), folder.path("x.npy"))
    var random = SeededGenerator(seed: 1)
    let w = (0..<240).map { _ in random.nonzero(Float.self) }
    let x = (0..<1200).map { _ in random.nonzero(Float.self) }
    try NPY.write(try NumericArray(shape: [12, 20], values: .f32(w)), to: paths.0)
    try NPY.write(try NumericArray(shape: [60, 20], values: .f32(x)), to: paths.1)
    return paths
  }

  @Test(arguments: ["magnitude", "wanda", "sparsegpt", "obs", "alps"])
  func `a matrix is pruned as the library does`(method: String) throws {
    let (weights, inputs) = try matrix()
    let output = folder.path("p.npy")
    let run = try Tool.run(
      "prune", weights, "--method", method, "--calibration", inputs, "--sparsity", "0.5",
      "--refit", "--json", "--output", output)
    #expect(run.exitCode == 0, "\(run.errors)")
    let w = try NPY.read(contentsOf: weights).floats()
    let calibration = try Calibration(name: "w", try CalibrationFiles(inputs))
    let expected = try w.withUnsafeBufferPointer {
      try oneShot(
        $0, rows: 12, columns: 20, calibration: calibration,
        settings: OneShotSettings(
          method: OneShotMethodName(rawValue: method)!.method, sparsity: 0.5, refit: .automatic))
    }
    let pruned = try NPY.read(contentsOf: output)
    #expect(pruned.shape == [12, 20])
    #expect(try pruned.floats() == expected.weights)
    let layers = try #require(try run.json()["layers"] as? [[String: Any]])
    #expect(layers.count == 1)
    #expect(layers[0]["name"] as? String == "w" && layers[0]["samples"] as? Int == 60)
    #expect(abs(try #require(layers[0]["error"] as? Double) - expected.report.error!) < 1e-12)
  }

  @Test func `a folder of activations is read file by file, and structures have their options`()
    throws
  {
    let (weights, inputs) = try matrix()
    let parts = folder.path("parts")
    try FileManager.default.createDirectory(atPath: parts, withIntermediateDirectories: true)
    let x = try NPY.read(contentsOf: inputs).floats()
    for (n, range) in [0..<400, 400..<1200].enumerated() {
      try NPY.write(
        try NumericArray(shape: [range.count / 20, 20], values: .f32(Array(x[range]))),
        to: "\(parts)/\(n).npy")
    }
    for (options, zeros) in [
      (["--pattern", "2:4"], 120), (["--block", "4x1", "--sparsity", "0.5"], 120),
      (["--structure", "rows", "--sparsity", "0.25"], 60),
      (["--structure", "columns", "--sparsity", "0.25"], 60),
    ] {
      let output = folder.path("q.npy")
      let run = try Tool.run(
        ["prune", weights, "--method", "sparsegpt", "--calibration", parts, "--output", output]
          + options)
      #expect(run.exitCode == 0, "\(options): \(run.errors)")
      #expect(run.output.contains("60"))
      #expect(try NPY.read(contentsOf: output).floats().count { $0 == 0 } == zeros, "\(options)")
    }
  }

  @Test func `a network loses weights without training and stays accurate`() throws {
    let pruned = folder.path("pruned.lacuna")
    let run = try Tool.run(
      "prune", shop.dense, "--method", "alps", "--calibration", shop.folder.root, "--samples",
      "256", "--sparsity", "0.7", "--json", "--output", pruned)
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(abs(try #require(try run.json()["sparsity"] as? Double) - 0.7) < 0.001)
    #expect(run.errors.contains("prune") && !run.errors.contains("\u{1B}"))
    let notes = try #require(try run.json()["notes"] as? [String])
    #expect(notes.contains { $0.contains("256 samples for 784 inputs") }, "\(notes)")
    func accuracy(_ path: String) throws -> Double {
      let run = try Tool.run("evaluate", path, "--json", "--data", shop.folder.root)
      return try #require(try run.json()["accuracy"] as? Double)
    }
    #expect(try accuracy(pruned) >= accuracy(shop.dense) - 0.02)
    // A checkpoint stays one, and nothing else is left.
    #expect(try Checkpoint(contentsOf: pruned).pruning == nil)
    #expect(!FileManager.default.fileExists(atPath: pruned + ".progress"))

    // A compact model stays a compact model.
    let model = folder.path("model.lacuna")
    #expect(try Tool.run("compress", shop.dense, "--output", model).exitCode == 0)
    let again = try Tool.run(
      "prune", model, "--method", "wanda", "--allocation", "owl", "--calibration",
      shop.folder.root, "--samples", "64", "--sparsity", "0.5", "--output", pruned)
    #expect(again.exitCode == 0, "\(again.errors)")
    #expect(try CompressedModel.load(from: pruned).tensors.contains { $0.tensor.kind == .sparse })
  }

  @Test func `a run that was stopped goes on behind its last layer`() throws {
    let (whole, stopped) = (folder.path("whole.lacuna"), folder.path("stopped.lacuna"))
    let arguments = [
      "prune", shop.dense, "--method", "sparsegpt", "--calibration", shop.folder.root, "--samples",
      "128", "--sparsity", "0.6", "--quiet", "--output",
    ]
    #expect(try Tool.run(arguments + [whole]).exitCode == 0)
    // 790 blocks of 512 bytes hold each layer, 784×128 and 128×10 floats, and not the checkpoint.
    let run = try Tool.run(
      shell: "trap '' XFSZ; ulimit -f 790; exec \"$0\" \"$@\"", arguments + [stopped])
    #expect(run.exitCode == 74 && run.errorLines.count == 1, "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: stopped))
    // The weights and the bias.
    #expect(try LacunaFile(contentsOf: stopped + ".progress/0.lacuna").tensors.count == 2)
    // As if it had been stopped behind the first layer.
    try FileManager.default.removeItem(atPath: stopped + ".progress/1.lacuna")

    let other = try Tool.run(arguments + [stopped, "--resume", "--refit"])
    #expect(other.exitCode == 64 && other.errors.contains("other options"), "\(other.errors)")
    let resumed = try Tool.run(arguments + [stopped, "--resume", "--json"])
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(try #require(try resumed.json()["layers"] as? [Any]).count == 2)
    #expect(
      try Checkpoint(contentsOf: stopped).weights == Checkpoint(contentsOf: whole).weights)
    #expect(!FileManager.default.fileExists(atPath: stopped + ".progress"))
  }

  @Test func `the weights of a file are pruned on the inputs that have their names`() throws {
    let file = folder.path("model.safetensors")
    var random = SeededGenerator(seed: 3)
    func array(_ rows: Int, _ columns: Int) throws -> NumericArray {
      try NumericArray(
        shape: [rows, columns],
        values: .f32((0..<rows * columns).map { _ in random.nonzero(Float.self) }))
    }
    let (a, b) = (try array(16, 24), try array(8, 16))
    let bias = try NumericArray(shape: [16], values: .f32([Float](repeating: 1, count: 16)))
    try Safetensors(arrays: [
      NamedArray(name: "a/w", array: a), NamedArray(name: "bias", array: bias),
      NamedArray(name: "b/w", array: b),
    ]).write(to: file)
    let inputs = folder.path("inputs")
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: "\(inputs)/\(name)", withIntermediateDirectories: true)
    }
    try NPY.write(try array(90, 24), to: "\(inputs)/a/w.npy")
    let (output, page) = (folder.path("out.safetensors"), folder.path("report.html"))
    let arguments = [
      "prune", file, "--method", "sparsegpt", "--calibration", inputs, "--output", output, "--json",
      "--layer-sparsity", "b/w=0.25", "--sparsity", "0.5", "--report", page,
    ]
    let missing = try Tool.run(arguments)
    #expect(missing.exitCode == 65 && missing.errors.contains("b/w"), "\(missing.errors)")
    #expect(!FileManager.default.fileExists(atPath: output))
    try NPY.write(try array(90, 16), to: "\(inputs)/b/w.npy")
    let run = try Tool.run(arguments)
    #expect(run.exitCode == 0, "\(run.errors)")
    let pruned = try Safetensors(contentsOf: output)
    let zeros = try ["a/w", "b/w", "bias"].map { try pruned[$0]!.floats().count { $0 == 0 } }
    #expect(zeros == [192, 32, 0])
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains("b/w") && html.contains("<svg") && html.contains("mask alone"))
    #expect(!FileManager.default.fileExists(atPath: output + ".progress"))
    // One of them alone, with its inputs under any name.
    let one = try Tool.run(
      "prune", file, "--method", "wanda", "--include", "a*", "--calibration", "\(inputs)/a/w.npy",
      "--pattern", "2:4", "--output", output)
    #expect(one.exitCode == 0, "\(one.errors)")
    #expect(try Safetensors(contentsOf: output)["b/w"]!.floats() == b.floats())
  }

  @Test func `a latency budget chooses, and says what was measured`() throws {
    let output = folder.path("fast.lacuna")
    let arguments = [
      "prune", shop.dense, "--method", "wanda", "--calibration", shop.folder.root, "--samples",
      "64",
      "--json", "--output", output, "--latency",
    ]
    let slow = try Tool.run(arguments + ["1000000"])
    #expect(slow.exitCode == 0, "\(slow.errors)")
    let latency = try #require(try slow.json()["latency"] as? [String: Double])
    #expect(latency["dense"]! == latency["predicted"]! && latency["measured"]! > 0)
    let impossible = try Tool.run(arguments + ["0.001"])
    #expect(impossible.exitCode == 64, "\(impossible.errors)")
    #expect(impossible.errors.contains("latency budget"), "\(impossible.errors)")
  }

  @Test func `what cannot be is refused in one line, and nothing is written`() throws {
    let (weights, inputs) = try matrix()
    let output = folder.path("none.npy")
    let narrow = folder.path("narrow.npy")
    try NPY.write(
      try NumericArray(shape: [5, 19], values: .f32([Float](repeating: 1, count: 95))), to: narrow)
    let bad = folder.path("nan.npy")
    var x = [Float](repeating: 1, count: 100)
    x[3 * 20 + 7] = .nan
    try NPY.write(try NumericArray(shape: [5, 20], values: .f32(x)), to: bad)
    let zeros = folder.path("zeros.npy")
    try NPY.write(
      try NumericArray(shape: [5, 20], values: .f32([Float](repeating: 0, count: 100))), to: zeros)
    let empty = folder.path("empty.npy")
    try NPY.write(try NumericArray(shape: [0, 20], values: .f32([])), to: empty)
    let cases: [(arguments: [String], code: Int32, text: String)] = [
      (["--method", "wanda"], 64, "--calibration"),
      (["--calibration", inputs], 64, "--method"),
      (["--method", "sparsegpt2", "--calibration", inputs], 64, "method"),
      (["--method", "wanda", "--calibration", folder.path("absent.npy")], 66, "absent"),
      (["--method", "wanda", "--calibration", narrow], 65, "19"),
      (["--method", "wanda", "--calibration", bad], 65, "input 7 of calibration sample 3"),
      (["--method", "wanda", "--calibration", zeros], 65, "zero"),
      (["--method", "wanda", "--calibration", empty], 65, "0 samples"),
      (["--method", "wanda", "--calibration", inputs, "--sparsity", "1"], 64, "1.0"),
      (["--method", "wanda", "--calibration", inputs, "--pattern", "4:4"], 64, "4"),
      (
        ["--method", "wanda", "--calibration", inputs, "--pattern", "2:4", "--block", "4x1"], 64,
        "--block"
      ),
      (["--method", "wanda", "--calibration", inputs, "--resume"], 66, "none.npy.progress"),
      (["--method", "wanda", "--calibration", inputs, "--samples", "5"], 64, "--samples"),
      (["--method", "wanda", "--calibration", inputs, "--latency", "5"], 64, "--latency"),
      (["--method", "wanda", "--calibration", inputs, "--layer-sparsity", "v=0.5"], 64, "v"),
      (["--method", "wanda", "--calibration", inputs, "--damping", "7"], 64, "damping"),
      (["--method", "wanda", "--calibration", inputs, "--at", "7"], 64, "--at"),
    ]
    for (arguments, code, text) in cases {
      let run = try Tool.run(["prune", weights, "--quiet", "--output", output] + arguments)
      #expect(run.exitCode == code, "\(arguments): \(run.errors)")
      #expect(run.errorLines.count == 1 && run.errors.contains(text), "\(arguments): \(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: output))
      #expect(!FileManager.default.fileExists(atPath: output + ".progress"))
    }
    let resume = try Tool.run(
      "prune", shop.dense, "--method", "wanda", "--calibration", shop.folder.root, "--resume",
      "--output", folder.path("x.lacuna"))
    #expect(resume.exitCode == 66, "\(resume.errors)")
  }
}
