// lacuna mask, schedule, plot, and prune on arrays: what they write, and what they refuse.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct ArrayCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func random(_ shape: [Int], seed: UInt64 = 1) throws -> NumericArray {
    var generator = SeededGenerator(seed: seed)
    return try NumericArray(
      shape: shape,
      values: .f32(
        (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &generator) }))
  }

  /// Runs `lacuna mask` on `array` and reads the mask back.
  private func mask(_ array: NumericArray, _ options: String...) throws -> [UInt8] {
    let (input, output) = (folder.path("W.npy"), folder.path("M.npy"))
    try NPY.write(array, to: input)
    let run = try Tool.run(["mask", input, "--output", output] + options)
    try #require(run.exitCode == 0, "\(run.errors)")
    let mask = try NPY.read(contentsOf: output)
    #expect(mask.shape == array.shape)
    guard case .u8(let bytes) = mask.values else { throw FailedType() }
    return bytes
  }

  private struct FailedType: Error {}

  @Test func masksHaveTheInputsShapeAndTheAskedCount() throws {
    let array = try random([12, 5, 8])
    #expect(try mask(array, "--sparsity", "0.9").count { $0 == 1 } == 48)
    let blocks = try mask(array, "--sparsity", "0.75", "--block", "2x4", "--pool", "l2")
    for i in stride(from: 0, to: 12, by: 2) {
      for j in stride(from: 0, to: 40, by: 4) {
        let cell = Set((i..<i + 2).flatMap { r in (j..<j + 4).map { blocks[r * 40 + $0] } })
        #expect(cell.count == 1)
      }
    }
    let pattern = try mask(array, "--pattern", "2:4")
    for group in stride(from: 0, to: 480, by: 4) {
      #expect(pattern[group..<group + 4].count { $0 == 1 } == 2)
    }
    let window = try mask(try random([4, 64]), "--window", "3:16")
    for group in stride(from: 0, to: 256, by: 16) {
      #expect(window[group..<group + 16].count { $0 == 1 } == 3)
    }
  }

  @Test func compatibilityKeepsTiesAndTensorFlowsLayout() throws {
    let constant = try NumericArray(shape: [4, 4], values: .f32(Array(repeating: 2, count: 16)))
    #expect(try mask(constant, "--sparsity", "0.5").count { $0 == 1 } == 8)
    #expect(try mask(constant, "--sparsity", "0.5", "--ties", "keep").allSatisfy { $0 == 1 })
    #expect(try mask(constant, "--sparsity", "0.5", "--compat", "tfmot").allSatisfy { $0 == 1 })
    #expect(
      try mask(constant, "--sparsity", "0.5", "--compat", "tfmot", "--ties", "exact")
        .count { $0 == 1 } == 8)
    // 2:4 along the inputs, which are the rows there; along the columns here.
    let rows = try mask(constant, "--pattern", "2:4", "--compat", "tfmot")
    #expect(rows == [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    let columns = try mask(constant, "--pattern", "2:4")
    #expect(columns == [1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0])
  }

  @Test func doublesAreRankedAsDoubles() throws {
    let array = try NumericArray(
      shape: [1, 8], values: .f64((0..<8).map { 1 + Double($0) * 1e-13 }))
    #expect(try mask(array, "--sparsity", "0.5") == [0, 0, 0, 0, 1, 1, 1, 1])
  }

  @Test func scheduleTablesMatchTheLibrary() throws {
    let svg = folder.path("ramp.svg")
    let run = try Tool.run(
      "schedule", "--kind", "polynomial", "--initial", "0", "--final", "0.9", "--begin", "0",
      "--end", "105", "--power", "3", "--frequency", "10", "--steps", "0...120", "--plot", svg)
    let schedule = try PolynomialDecay(final: 0.9, begin: 0, end: 105, frequency: 10)
    let lines = run.output.split(separator: "\n")
    #expect(lines.first == "step,update,sparsity" && lines.count == 122)
    for step in 0...120 {
      let cells = lines[step + 1].split(separator: ",")
      #expect(Int(cells[0]) == step)
      #expect((cells[1] == "1") == schedule.isUpdate(at: step))
      #expect(Float(cells[2]) == Float(schedule.sparsity(at: step)))
    }
    #expect(try String(contentsOfFile: svg, encoding: .utf8).hasPrefix("<svg"))
    let reference = try Tool.run(
      "schedule", "--end", "105", "--frequency", "10", "--steps", "105...105", "--compat", "tfmot")
    #expect(reference.output.contains("\n105,0,0.9"))
    for kind in ["constant", "linear", "cosine", "exponential", "one-shot"] {
      let run = try Tool.run("schedule", "--kind", kind, "--begin", "2", "--steps", "100...100")
      #expect(run.output.split(separator: "\n").last?.hasSuffix(",0.9") == true, "\(kind)")
    }
  }

  @Test func arraysArePrunedInTheirOwnTypes() throws {
    let (input, output) = (folder.path("net.npz"), folder.path("out.npz"))
    let labels = try NumericArray(shape: [2, 2], values: .i64([1, 2, 3, 4]))
    let half = try NumericArray(shape: [2, 4], values: .f16(Array(0x3C00..<0x3C08)))
    try NPZ([
      NamedArray(name: "w", array: try random([10, 20])),
      NamedArray(name: "b", array: try random([10])), NamedArray(name: "h", array: half),
      NamedArray(name: "labels", array: labels),
    ]).write(to: input)
    let run = try Tool.run("prune", input, "--sparsity", "0.75", "--output", output, "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let result = try NPZ(contentsOf: output)
    #expect(try result["w"]!.floats().count { $0 != 0 } == 50)
    #expect(result["b"] == (try NPZ(contentsOf: input))["b"] && result["labels"] == labels)
    #expect(result["h"]!.values == .f16([0, 0, 0, 0, 0, 0, 0x3C06, 0x3C07]))
    let report = try run.json()
    #expect((report["tensors"] as? [[String: Any]])?.count == 2)
    // Half-way on a ramp: 0.8 − 0.8·0.5³ = 0.7.
    let half2 = try Tool.run(
      "prune", input, "--sparsity", "0.8", "--initial", "0", "--begin", "0", "--end", "100",
      "--at", "50", "--output", output)
    #expect(half2.exitCode == 0, "\(half2.errors)")
    #expect(try NPZ(contentsOf: output)["w"]!.floats().count { $0 != 0 } == 60)
    let limited = try Tool.run(
      "prune", input, "--sparsity", "0.5", "--budget", "global", "--max-weights", "40", "--output",
      output)
    #expect(limited.exitCode == 0, "\(limited.errors)")
    let left = try NPZ(contentsOf: output)
    #expect(try left["w"]!.floats().count { $0 != 0 } + left["h"]!.floats().count { $0 != 0 } == 30)
  }

  @Test func picturesAreWritten() throws {
    let output = folder.path("p.svg")
    for arguments in [
      ["ramp"], ["tensor"], ["animation", "--frames", "5"], ["network", "--layers", "3,4,2"],
    ] {
      let run = try Tool.run(["plot"] + arguments + ["--output", output])
      #expect(run.exitCode == 0, "\(run.errors)")
      let text = try String(contentsOfFile: output, encoding: .utf8)
      #expect(text.hasPrefix("<svg") && text.hasSuffix("</svg>\n"), "\(arguments)")
    }
    #expect(try String(contentsOfFile: output, encoding: .utf8).contains("after: 4"))
  }

  @Test func badRequestsGiveOneLineAndTheRightCode() throws {
    let (input, output) = (folder.path("W.npy"), folder.path("M.npy"))
    try NPY.write(try random([4, 6]), to: input)
    let nan = folder.path("nan.npy")
    try NPY.write(try NumericArray(shape: [1, 3], values: .f32([1, .nan, 2])), to: nan)
    let text = folder.path("text.npy")
    try NPY.write(try NumericArray(shape: [1], values: .text(["word"])), to: text)
    for (arguments, code, word) in [
      (["mask", input, "-o", output], 64, "--sparsity"),
      (["mask", input, "-o", output, "--sparsity", "1"], 64, "sparsity is 1.0"),
      (["mask", input, "-o", output, "--sparsity=-0.1"], 64, "sparsity is -0.1"),
      (["mask", input, "-o", output, "--pattern", "4:4"], 64, "must be in 1..<4"),
      (["mask", input, "-o", output, "--pattern", "x"], 64, "N:M"),
      (["mask", input, "-o", output, "--window", "2:17"], 64, "16, 32 or 64"),
      (
        ["mask", input, "-o", output, "--window", "2:16", "--block", "1x2"], 64,
        "exclude each other"
      ),
      (
        ["mask", input, "-o", output, "--sparsity", "0.5", "--pool", "max"], 64,
        "--block"
      ),
      (
        ["mask", folder.path("none.npy"), "-o", output, "--sparsity", "0.5"], 66,
        "none.npy"
      ),
      (["mask", nan, "-o", output, "--sparsity", "0.5"], 65, "[1] is not a number"),
      (["mask", text, "-o", output, "--sparsity", "0.5"], 65, "text"),
      (["mask", input, "-o", "/nowhere/M.npy", "--sparsity", "0.5"], 74, "/nowhere"),
      (["schedule", "--begin", "9", "--end", "5"], 64, "end is 5, must be 9"),
      (["schedule", "--frequency", "0"], 64, "frequency is 0"),
      (["schedule", "--final", "1"], 64, "final is 1.0"),
      (["schedule", "--steps", "9...1"], 64, "empty"),
      (["schedule", "--steps", "1-9"], 64, "0...120"),
      (["schedule", "--frequency", "100", "--planned", "99"], 64, "never updates"),
      (["schedule", "--kind", "piecewise"], 64, "--points"),
      (["schedule", "--kind", "piecewise", "--points", "0:0,x"], 64, "step:sparsity"),
      (["prune", input, "--sparsity", "0.5", "--at", "3", "-o", output], 64, "--end"),
      (["prune", input, "--exclude", "fc*", "-o", output], 64, "fc*"),
      (["prune", input, "-o", output + ".safetensors"], 64, "convert it afterwards"),
      (
        ["prune", input, "--max-weights", "1", "--block", "1x2", "-o", output], 64,
        "--max-weights is 1, must be 2"
      ),
      (["plot", "network", "--layers", "3", "-o", output], 64, "layers 3"),
      (["plot", "animation", "--frames", "1", "-o", output], 64, "--frames is 1"),
    ] {
      let run = try Tool.run(arguments)
      #expect(run.exitCode == Int32(code), "\(arguments): \(run.errors)")
      #expect(run.errorLines.count == 1 && run.errors.contains(word), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty, "\(arguments)")
    }
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}
