// Files as other programs write them: what is not pruned passes through, and content decides what a file is.

import Foundation
import Lacuna
import TestSupport
import Testing

@Suite struct FileInputTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func golden(_ name: String, here: String = #filePath) -> String {
    URL(fileURLWithPath: here).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Golden/io/\(name)").path
  }

  @Test(arguments: ["mixed", "mixed-deflated"])
  func pruningLeavesEverythingElseAlone(name: String) throws {
    let (input, output) = (golden("\(name).npz"), folder.path("out.npz"))
    let run = try Tool.run("prune", input, "--sparsity", "0.5", "--output", output, "--json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let (before, after) = try (ArrayFile(contentsOf: input), ArrayFile(contentsOf: output))
    #expect(after.arrays.map(\.name) == before.arrays.map(\.name) && after.others == before.others)
    #expect(try after.array("w").read().values == .f32([0, 0, 0, 0, 5, -6, 7, -8]))
    #expect(try after.array("f").read().values == .f64([0, 0, 0, 4, 5, 6]))
    #expect(try after.array("bf16").read().floats() == [0, -2, 3, 0])
    for name: TensorName in [
      "names", "tags", "step", "flag", "big", "z", "when", "record", "config", "empty",
    ] {
      #expect(try after.array(name).bytes() == before.array(name).bytes(), "\(name)")
    }
  }

  @Test func twoNamesThatLookAlike() throws {
    let output = folder.path("out.npz")
    let run = try Tool.run(
      "prune", golden("unicode.npz"), "--sparsity", "0.75", "--output", output)
    #expect(run.exitCode == 0, "\(run.errors)")
    let file = try ArrayFile(contentsOf: output)
    #expect(try file.array("caf\u{e9}").read().values == .f32([0, 0, 0, 0, 0, 0, 7, -8]))
    #expect(try file.array("cafe\u{301}").read().values == .f32([0, 0, 0, 0, 0, 0, 14, -16]))
    #expect(run.output.contains("caf\u{e9}") && run.output.contains("cafe\\u{301}"))
  }

  @Test func safetensorsArePrunedInPlace() throws {
    let output = folder.path("out.safetensors")
    let run = try Tool.run(
      "prune", golden("carried.safetensors"), "--sparsity", "0.5", "--output", output)
    #expect(run.exitCode == 0, "\(run.errors)")
    let (before, after) = try (
      Data(contentsOf: URL(fileURLWithPath: golden("carried.safetensors"))),
      Data(contentsOf: URL(fileURLWithPath: output))
    )
    #expect(before.count == after.count)
    let file = try ArrayFile(contentsOf: output)
    #expect(try file.array("w").read().values == .f32([0, 0, 0, 0, 5, -6, 7, -8]))
    let start = try #require(try file.array("w").byteRange).lowerBound
    #expect(
      before[..<start] == after[..<start] && before[(start + 16)...] == after[(start + 16)...])
  }

  @Test func contentDecidesNotTheName() throws {
    let (input, output) = (folder.path("weights.npy"), folder.path("out"))
    try FileManager.default.copyItem(atPath: golden("mixed.npz"), toPath: input)
    let run = try Tool.run("prune", input, "--sparsity", "0.5", "--output", output)
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try FileKind(contentsOf: output) == .npz)
    let masked = folder.path("mask.npy")
    try FileManager.default.copyItem(atPath: golden("little-f4.npy"), toPath: folder.path("w.npz"))
    let mask = try Tool.run(
      "mask", folder.path("w.npz"), "--sparsity", "0.5", "--output", masked)
    #expect(mask.exitCode == 0, "\(mask.errors)")
    #expect(try NPY.read(contentsOf: masked).values == .u8([0, 0, 0, 1, 1, 1]))
    let text = folder.path("w.lacuna")
    try "some text\n".write(toFile: text, atomically: true, encoding: .utf8)
    for arguments in [
      ["prune", text, "--sparsity", "0.5", "-o", output],
      ["mask", text, "--sparsity", "0.5", "-o", masked],
      ["plot", "tensor", text, "-o", output],
    ] {
      let run = try Tool.run(arguments)
      #expect(run.exitCode == 65 && run.errorLines.count == 1, "\(run.errors)")
      #expect(run.errors.contains("starts with bytes 73 6f 6d 65"), "\(run.errors)")
    }
  }

  /// The names of files are bytes: no other file is read or made in their place.
  @Test func namesOfFilesThatAreNotUTF8() throws {
    let run = try Tool.run(
      shell: """
        n=$(printf 'w\\377'); cp "$1" "$2/$n.npy"; \
        exec "$0" prune "$2/$n.npy" --sparsity 0.5 --output "$2/$n-out.npy"
        """, [golden("little-f4.npy"), folder.root])
    #expect(run.exitCode == 0, "\(run.errors)")
    let name = PathText.text([0x77, 0xFF])
    let array = try NPY.read(contentsOf: folder.path(name + "-out.npy"))
    #expect(array.values == .f32([0, 0, 0, 3, 4, 5]))
    #expect(!FileManager.default.fileExists(atPath: folder.path("w\u{FFFD}-out.npy")))
    let missing = try Tool.run(
      shell: "exec \"$0\" prune \"$1/$(printf '\\200').npy\" --sparsity 0.5", [folder.root])
    #expect(missing.exitCode == 66 && missing.errors.contains("/\\x80.npy: No such file"))
  }
}
