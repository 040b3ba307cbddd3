// `lacuna-bench results` on data made here: every task trains, prunes and measures, and bad data is named.

import Foundation
import TestSupport
import Testing

struct ResultsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A mono recording of 16-bit samples.
  private func wave(_ samples: [Float], rate: UInt32 = 8000) -> Data {
    func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
    }
    let data = samples.flatMap { bytes(Int16($0 * 32767)) }
    return Data(
      Array("RIFF".utf8) + bytes(UInt32(36 + data.count)) + Array("WAVEfmt ".utf8)
        + bytes(UInt32(16)) + bytes(UInt16(1)) + bytes(UInt16(1)) + bytes(rate) + bytes(rate * 2)
        + bytes(UInt16(2)) + bytes(UInt16(16)) + Array("data".utf8) + bytes(UInt32(data.count))
        + data)
  }

  /// Prompts of five voices, each of which hums a tone of its own.
  private func writeVoices(rate: UInt32 = 8000) throws {
    var generator = SeededGenerator(seed: 1)
    let voices = [
      "en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU",
    ]
    for (number, voice) in voices.enumerated() {
      try FileManager.default.createDirectory(
        atPath: folder.path(voice), withIntermediateDirectories: true)
      for prompt in 0..<24 {
        let samples = (0..<10_000).map { i in
          0.4 * sin(Float(i) * Float(200 * (number + 2)) * 2 * .pi / 8000)
            + Float.random(in: -0.05...0.05, using: &generator)
        }
        try wave(samples, rate: rate).write(
          to: URL(filePath: folder.path("\(voice)/prompt\(prompt).wav")))
      }
    }
  }

  /// The rows of a run with one sparsity: dense, dense further, pruned in elements and in blocks.
  private func rows(_ task: String, _ data: String, epochs: String) throws -> [[String: Any]] {
    let run = try BenchRun(
      "results \(task) --data \(data) --epochs \(epochs) --sparsity 0.5 --time 0.01 --threads 1 --json"
    )
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.rows()
    #expect(rows.map { $0["phase"] as? String } == ["dense", "further", "pruned", "pruned"])
    for row in rows.dropFirst(2) {
      #expect(abs(try #require(row["zeros"] as? Double) - 0.5) < 0.05, "\(row)")
      #expect(
        try #require(row["bytes"] as? Int) < (try #require(rows[0]["bytes"] as? Int)), "\(row)")
    }
    for row in rows {
      #expect(try #require(row["seconds"] as? Double) > 0)
      #expect(try #require(row["test"] as? Double).isFinite)
    }
    return rows
  }

  @Test func `voices are told apart by their tones`() throws {
    try writeVoices()
    let rows = try rows("speech", folder.root, epochs: "12,2")
    #expect(try #require(rows[0]["test"] as? Double) > 0.8)
    #expect(try #require(rows[2]["test"] as? Double) > 0.6)
  }

  @Test func `a sentence that repeats itself is foreseen`() throws {
    let path = folder.path("text")
    let text = String(repeating: "the quick brown fox jumps over the lazy dog. ", count: 800)
    try Data(text.utf8).write(to: URL(filePath: path))
    let rows = try rows("text", path, epochs: "8,1")
    // Of 28 characters the frequencies alone leave 20.
    #expect(try #require(rows[0]["test"] as? Double) < 18)
    #expect(rows[0]["measure"] as? String == "perplexity")
  }

  @Test(arguments: ["resnet", "mobilenet"]) func `images run`(task: String) throws {
    try SyntheticImages(training: 160, testing: 40).write(to: folder.root)
    let rows = try rows(task, folder.root, epochs: "1,1")
    #expect(try rows.allSatisfy { (0...1).contains(try #require($0["test"] as? Double)) })
  }

  @Test func `what is missing or of another kind is named`() throws {
    for (task, code, word) in [
      ("speech --data \(folder.path("none"))", 66, "none"),
      ("text --data \(folder.path("none"))", 66, "none"),
      ("resnet --data \(folder.path("none"))", 66, "none"), ("songs", 64, "songs is no task"),
    ] {
      let run = try BenchRun("results \(task)")
      #expect(run.exitCode == Int32(code) && run.errors.contains(word), "\(run.errors)")
      #expect(run.output.isEmpty)
    }
    try writeVoices(rate: 16_000)
    let run = try BenchRun("results speech --data \(folder.root)")
    #expect(run.exitCode == 65 && run.errors.contains("16000 Hz"), "\(run.errors)")
    #expect(run.errors.contains("prompt0.wav"), "\(run.errors)")
  }
}
