// `lacuna run network` on ONNX files: arrays in, arrays out, and what is refused.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct NetworkCommandTests {
  private let folder: TemporaryFolder
  private let networks: NPZ

  init() throws {
    folder = try TemporaryFolder()
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Golden/networks/networks.npz").path
    networks = try NPZ(contentsOf: golden)
  }

  /// Writes a golden network and its inputs: their paths.
  private func files(_ name: String) throws -> (model: String, input: String) {
    guard case .u8(let bytes) = try #require(networks[name + "/model"]).values else {
      throw DataProblem.absent(what: name)
    }
    let (model, input) = (folder.path("\(name).onnx"), folder.path("\(name).npz"))
    try Data(bytes).write(to: URL(fileURLWithPath: model))
    let prefix = "\(name)/x/"
    let arrays = networks.arrays.filter { "\($0.name)".hasPrefix(prefix) }.map {
      NamedArray(name: String("\($0.name)".dropFirst(prefix.count)), array: $0.array)
    }
    if arrays.count == 1 {
      let single = folder.path("\(name).npy")
      try NPY.write(arrays[0].array, to: single)
      return (model, single)
    }
    try NPZ(arrays).write(to: input)
    return (model, input)
  }

  private func close(_ a: NumericArray, _ b: NumericArray) throws -> Bool {
    guard a.shape == b.shape else { return false }
    return zip(try a.doubles(), try b.doubles()).allSatisfy { abs($0 - $1) <= 1e-5 }
  }

  @Test func `one input goes in, one output comes out`() throws {
    let (model, x) = try files("residual-block")
    let y = folder.path("y.npy")
    let run = try Tool.run("run", "network", model, x, "-o", y, "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let found = try ArrayFile(contentsOf: y).read(0)
    #expect(try close(found, try #require(networks["residual-block/y/y"])))
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect((report["steps"] as? [String])?.count == 6 && report["seconds"] is Double)
  }

  @Test func `every step of a network is timed`() throws {
    let (model, x) = try files("residual-block")
    let run = try Tool.run(
      "run", "network", model, x, "-o", folder.path("y.npy"), "--times", "--json")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let times = try #require(report["times"] as? [[String: Any]])
    #expect(times.count == 6 && times.allSatisfy { ($0["seconds"] as? Double ?? 0) > 0 })
    #expect(times.contains { ($0["operations"] as? Int ?? 0) > 0 })
    let table = try Tool.run("run", "network", model, x, "-o", folder.path("y.npy"), "--times")
    // A line of the whole, an empty one, the head with its rule, a line for each step and their sum.
    #expect(table.output.split(separator: "\n", omittingEmptySubsequences: false).count >= 11)
    #expect(table.output.contains("GFLOP/s") && table.output.contains("\nall "))
  }

  @Test func `several inputs and outputs are arrays by name`() throws {
    let (model, x) = try files("where")
    let y = folder.path("y.npz")
    let run = try Tool.run("run", "network", model, x, "-o", y)
    #expect(run.exitCode == 0 && run.output.contains("choice"), "\(run.errors)")
    #expect(try close(try #require(try NPZ(contentsOf: y)["y"]), networks["where/y/y"]!))
    let (split, parts) = try files("ports")
    #expect(try Tool.run("run", "network", split, parts, "-o", y).exitCode == 0)
    #expect(try NPZ(contentsOf: y).arrays.count == 6)
    let single = try Tool.run("run", "network", split, parts, "-o", folder.path("y.npy"))
    #expect(single.exitCode == 64 && single.errorLines.count == 1)
  }

  @Test func `inputs that do not fit are refused in one line`() throws {
    let (model, x) = try files("conv")
    let other = folder.path("other.npy")
    try NPY.write(
      NumericArray(shape: [1, 2, 3, 3], values: .f32(Array(repeating: 0, count: 18))), to: other)
    for (arguments, code) in [
      (["run", "network", model, other, "-o", folder.path("y.npy")], Int32(65)),
      (["run", "network", model, x, "-o", folder.path("y.npy"), "--threads", "0"], 64),
      (["run", "network", model, x, "-o", folder.path("y.npy"), "--arithmetic", "i8"], 64),
      (["run", "network", folder.path("none.onnx"), x, "-o", folder.path("y.npy")], 66),
    ] {
      let run = try Tool.run(arguments)
      #expect(run.exitCode == code && run.errorLines.count >= 1, "\(arguments): \(run.errors)")
    }
    let (several, _) = try files("where")
    let missing = try Tool.run("run", "network", several, x, "-o", folder.path("y.npy"))
    #expect(missing.exitCode == 65 && missing.errors.contains("has no array"))
  }

  @Test func `a node that is not supported is named`() throws {
    let (model, x) = try files("relu")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: model))
    let place = try #require(bytes.range(of: Data("Relu".utf8)))
    bytes.replaceSubrange(place, with: Data("Rely".utf8))
    try bytes.write(to: URL(fileURLWithPath: model))
    let run = try Tool.run("run", "network", model, x, "-o", folder.path("y.npy"))
    #expect(run.exitCode == 65 && run.errors.contains("node \"Rely 0\" (Rely)"), "\(run.errors)")
  }
}
