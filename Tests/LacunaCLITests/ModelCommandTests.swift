// Model files through the commands: looked at, pruned, compared, timed, run, piped.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct ModelCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func golden(_ name: String, here: String = #filePath) -> String {
    URL(fileURLWithPath: here).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Golden/\(name)").path
  }

  private func document(_ arguments: String...) throws -> [String: Any] {
    let run = try Tool.run(arguments + ["--json"])
    try #require(run.exitCode == 0, "\(arguments): \(run.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
  }

  @Test(arguments: [
    ("onnx/layers.onnx", "onnx"), ("tflite/dense80_block41.tflite", "tflite"),
    ("io/plain.safetensors", "safetensors"), ("io/csr.npz", "scipy"),
    ("io/general.mtx", "matrix-market"), ("wavernn_gru_95_4x4.npz", "scipy"),
  ])
  func everyFormatIsInspected(file: String, format: String) throws {
    let report = try document("inspect", golden(file))
    #expect(report["format"] as? String == format)
    let tensors = try #require(report["tensors"] as? [[String: Any]])
    #expect(!tensors.isEmpty)
    for tensor in tensors {
      for key in ["name", "shape", "dtype", "elements", "zeros", "bytes"] {
        #expect(tensor[key] != nil, "\(key)")
      }
      if (tensor["zeros"] as? Int ?? 0) > 0 && (tensor["shape"] as? [Int])?.count ?? 0 >= 2 {
        #expect(tensor["block"] is String && tensor["blockShare"] is Double)
      }
    }
    let text = try Tool.run("inspect", golden(file))
    #expect(text.exitCode == 0 && text.output.contains("all"))
  }

  @Test func pipesReadAndWrite() throws {
    let (input, direct) = (golden("onnx/layers.onnx"), folder.path("direct.onnx"))
    let run = try Tool.run("prune", input, "--sparsity", "0.5", "-o", direct)
    #expect(run.exitCode == 0, "\(run.errors)")
    let piped = folder.path("piped.onnx")
    let pipe = try Tool.run(
      shell: "cat \"$1\" | \"$0\" prune - --sparsity 0.5 -o - --json 2>\"$2.json\" | cat >\"$2\"",
      [input, piped])
    #expect(pipe.exitCode == 0)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: piped))
        == Data(contentsOf: URL(fileURLWithPath: direct)))
    // The report went to standard error, whole.
    let report = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: piped + ".json")))
    #expect((report as? [String: Any])?["format"] as? String == "onnx")
    // A file that standard output goes to is written where it stands, not replaced.
    let appended = try Tool.run(
      shell: "echo before >\"$2\"; \"$0\" convert \"$1\" - --to npz --quiet >>\"$2\"",
      [input, folder.path("appended")])
    #expect(appended.exitCode == 0, "\(appended.errors)")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path("appended")))
    #expect(bytes.starts(with: Data("before\nPK".utf8)))
  }

  @Test func differencesAreExitCodeOne() throws {
    let (input, output) = (golden("onnx/layers.onnx"), folder.path("out.onnx"))
    _ = try Tool.run("prune", input, "--include", "gemm.w", "--sparsity", "0.5", "-o", output)
    let same = try Tool.run("diff", input, input)
    #expect(same.exitCode == 0 && same.errors.isEmpty)
    let other = try Tool.run("diff", input, output, "--json")
    #expect(other.exitCode == 1 && other.errors.isEmpty)
    let report = try other.json()
    let changed = (report["tensors"] as? [[String: Any]])?.filter { ($0["differing"] as? Int) != 0 }
    #expect(changed?.map { $0["name"] as? String } == ["gemm.w"])
  }

  @Test func productsOfAFile() throws {
    let (w, x, y) = (folder.path("w.npz"), folder.path("x.npy"), folder.path("y.npy"))
    func weight(_ place: Int) -> Float { place % 3 == 0 ? Float(place % 7) - 3 : 0 }
    func operand(_ place: Int) -> Float { Float(place % 5) }
    let values: [Float] = (0..<240).map { weight($0) }
    let dense = try DenseMatrix<Float>(rows: 12, columns: 20, values: values)
    let sparse = CSRMatrix<Float>(dense: dense)
    try SciPySparse.arrays(of: sparse).write(to: w)
    let right: [Float] = (0..<60).map { operand($0) }
    try NPY.write(try NumericArray(shape: [20, 3], values: .f32(right)), to: x)
    let report = try document("run", "product", w, x, "-o", y)
    #expect(report["shape"] as? [Int] == [12, 3])
    #expect(report["seconds"] as? Double ?? 0 > 0)
    // Sums of small integers are exact.
    var (expected, turned) = ([Float](repeating: 0, count: 36), [Float](repeating: 0, count: 36))
    for row in 0..<12 {
      for column in 0..<3 {
        var sum: Float = 0
        for k in 0..<20 { sum += values[row * 20 + k] * right[k * 3 + column] }
        expected[row * 3 + column] = sum
        turned[column * 12 + row] = sum
      }
    }
    #expect(try NPY.read(contentsOf: y).values == NumericValues.f32(expected))
    var batch = [Float](repeating: 0, count: 60)
    for k in 0..<20 { for column in 0..<3 { batch[column * 20 + k] = right[k * 3 + column] } }
    try NPY.write(try NumericArray(shape: [3, 20], values: .f32(batch)), to: x)
    let rows = try Tool.run("run", "product", w, x, "--layout", "rows", "-o", y)
    #expect(rows.exitCode == 0, "\(rows.errors)")
    #expect(try NPY.read(contentsOf: y).values == NumericValues.f32(turned))
    let wrong = try Tool.run("run", "product", w, x, "-o", y)
    #expect(wrong.exitCode == 65 && wrong.errorLines.count == 1, "\(wrong.errors)")
    let several = try Tool.run("run", "product", golden("onnx/layers.onnx"), x, "-o", y)
    #expect(several.exitCode == 64 && several.errors.contains("--name"), "\(several.errors)")
  }

  @Test func networksRunOnArrays() throws {
    let architecture = Architecture(
      name: "small", input: Shape(features: 6),
      layers: [.dense(name: "logits", units: 3, relu: false)])
    let model = try SequentialModel(architecture, threads: 1)
    let (path, x, y) = (folder.path("m.lacuna"), folder.path("x.npy"), folder.path("y.npy"))
    let compressed = try CompressedModel(model, form: .sparse)
    try compressed.save(to: path)
    let values = (0..<30).map { Float($0) / 8 }
    try NPY.write(try NumericArray(shape: [5, 6], values: .f32(values)), to: x)
    let report = try document("run", "network", path, x, "-o", y)
    #expect(report["shape"] as? [Int] == [5, 3])
    // Two plans of the same weights may have been measured differently, and round differently then.
    let expected = try SparseNetwork(compressed, batch: 5).logits(values)
    guard case .f32(let logits) = try NPY.read(contentsOf: y).values else {
      Issue.record("logits are not f32")
      return
    }
    #expect(logits.count == expected.count)
    #expect(zip(logits, expected).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
    try NPY.write(try NumericArray(shape: [5, 5], values: .f32(Array(values[..<25]))), to: x)
    #expect(try Tool.run("run", "network", path, x, "-o", y).exitCode == 65)
  }

  @Test func everyWeightIsTimed() throws {
    let report = try document(
      "bench", golden("onnx/layers.onnx"), "--batch", "1,3", "--time", "0.001", "--quiet")
    let rows = try #require(report["rows"] as? [[String: Any]])
    #expect(Set(rows.compactMap { $0["name"] as? String }).count >= 4)
    #expect(Set(rows.compactMap { $0["batch"] as? Int }) == [1, 3])
    #expect(rows.allSatisfy { ($0["denseSeconds"] as? Double ?? 0) > 0 })
    #expect((report["sums"] as? [[String: Any]])?.count == 2)
  }

  @Test func fourBitsAreSmallerAndNearTheirEntropy() throws {
    let input = golden("wavernn_gru_95_4x4.npz")
    var sizes: [Int] = []
    for bits in ["f32", "8", "4"] {
      let report = try document("compress", input, "--bits", bits, "-o", folder.path("m.lacuna"))
      let bytes = try #require(report["bytes"] as? Int)
      // Blocks are no random positions: the file takes less than their entropy.
      #expect(Double(bytes) <= (report["entropyBytes"] as? Double ?? 0) * 1.03, "\(bits)")
      sizes.append(bytes)
      let back = folder.path("back.npz")
      let run = try Tool.run("convert", folder.path("m.lacuna"), back, "--to", "scipy")
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(try Tool.run("diff", back, back).exitCode == 0)
    }
    #expect(sizes == sizes.sorted(by: >) && sizes[2] < sizes[0] / 4)
  }

  @Test func codebooksAreSmallerStillAndWithinTheirError() throws {
    let (input, output) = (golden("wavernn_gru_95_4x4.npz"), folder.path("m.lacuna"))
    let four = try document("compress", input, "--bits", "4", "-o", output)
    let book = try document(
      "compress", input, "--bits", "4", "--codebook", "--error", "0.04", "-o", output)
    let bytes = try #require(book["bytes"] as? Int)
    #expect(bytes < four["bytes"] as? Int ?? 0)
    #expect(Double(bytes) <= (book["entropyBytes"] as? Double ?? 0) * 1.03)
    let (before, after) = (
      try ModelFile(contentsOf: input).weights(0), try ModelFile(contentsOf: output).weights(0)
    )
    #expect(Set(after.values).count <= 16)
    let gap = zip(before.dense().values, after.dense().values).reduce(0) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }
    #expect(gap <= 0.0402 * before.values.reduce(0) { $0 + $1 * $1 })
    let refused = try Tool.run(
      ["compress", input, "--bits", "4", "--codebook", "--error", "1e-6", "-o", output])
    #expect(refused.exitCode == 65 && refused.errors.contains("an error of 1e-06"))
  }

  /// TensorFlow's [in, out] and its blocks, ties kept.
  @Test func pruningAsTensorFlowDoes() throws {
    let (input, output) = (folder.path("w.npy"), folder.path("out.npy"))
    try NPY.write(
      try NumericArray(
        shape: [4, 4], values: .f32([5, 6, 1, 1, 1, 1, 7, 8, 1, 1, 1, 1, 9, 9, 1, 1])), to: input)
    let run = try Tool.run(
      "prune", input, "--compat", "tfmot", "--block", "1x2", "--sparsity", "0.625", "-o", output)
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(
      try NPY.read(contentsOf: output).values
        == .f32([5, 6, 0, 0, 0, 0, 7, 8, 0, 0, 0, 0, 9, 9, 0, 0]))
  }

  @Test func anyTensorIsDrawn() throws {
    let output = folder.path("w.svg")
    let run = try Tool.run(
      "plot", "tensor", golden("onnx/layers.onnx"), "--name", "gemm.w", "-o", output)
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try String(contentsOfFile: output, encoding: .utf8).contains("gemm.w"))
  }
}
