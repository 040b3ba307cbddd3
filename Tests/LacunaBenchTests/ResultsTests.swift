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
    // Of ten words the frequencies alone leave nine.
    #expect(try #require(rows[0]["test"] as? Double) < 3)
    // The network's table has a row for each word, the full stop, and all others: the parameters say so.
    #expect(rows[0]["parameters"] as? Int == 10 * 128 + 3 * 256 * (128 + 256 + 2) + 10 * 257)
    #expect(rows[0]["measure"] as? String == "perplexity")
  }

  @Test func `a text of a few words is refused`() throws {
    let path = folder.path("text")
    try Data("In the beginning".utf8).write(to: URL(filePath: path))
    let run = try BenchRun("results text --data \(path)")
    #expect(run.exitCode == 65 && run.errors.contains("3 words are too few"), "\(run.errors)")
  }

  /// A dictionary of words of five letters that are said as they are written, but for one that is not heard.
  private func writeDictionary(words: Int) throws -> String {
    var generator = SeededGenerator(seed: 3)
    let sounds = ["a": "AA1", "b": "B", "k": "K", "o": "OW0", "t": "T"]
    var lines = ["a.b. AA1 B # no word of letters", "ab(2) AA1 B", "'bout B AW1 T"]
    for _ in 0..<words {
      let letters = (0..<Int.random(in: 2...4, using: &generator)).map { _ in
        ["a", "b", "k", "o", "t", "h"].randomElement(using: &generator)!
      }
      let said = letters.compactMap { sounds[$0] }
      if !said.isEmpty { lines.append("\(letters.joined()) \(said.joined(separator: " "))") }
    }
    let path = folder.path("dictionary")
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
    return path
  }

  @Test func `words that are said as they are written are learned`() throws {
    let rows = try rows("g2p", writeDictionary(words: 1500), epochs: "24,6")
    #expect(rows[0]["measure"] as? String == "phoneme error rate")
    // Of five sounds a guess is wrong four times in five.
    #expect(try #require(rows[0]["test"] as? Double) < 0.1)
    #expect(try #require(rows[2]["test"] as? Double) < 0.2)
    for row in rows {
      #expect(row["batch"] as? Int == 1 && row["wideBatch"] as? Int == 64)
      #expect(try #require(row["wideSeconds"] as? Double) > 0)
    }
  }

  @Test func `phases to ninety percent have epochs of their own`() throws {
    let path = try writeDictionary(words: 500)
    let run = try BenchRun(
      "results g2p --data \(path) --sparsity 0.5,0.9 --epochs 1,1,2 --time 0.01 --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try run.rows().map { $0["epochs"] as? Int } == [1, 2, 1, 2, 1, 2])
    for epochs in ["1", "1,1,1,1", "1,0", "1,1,0"] {
      let run = try BenchRun("results g2p --data \(path) --epochs \(epochs)")
      #expect(run.exitCode == 64 && run.errors.contains("--epochs"), "\(run.errors)")
    }
  }

  @Test func `sparsities that go on from each other rise`() throws {
    let path = try writeDictionary(words: 500)
    let run = try BenchRun("results g2p --data \(path) --sparsity 0.9,0.5")
    #expect(run.exitCode == 64 && run.errors.contains("--sparsity"), "\(run.errors)")
    try Data("1st F ER1 S T\n".utf8).write(to: URL(filePath: path))
    let empty = try BenchRun("results g2p --data \(path)")
    #expect(empty.exitCode == 65 && empty.errors.contains("no word"), "\(empty.errors)")
  }

  @Test func `saved networks are measured again`() throws {
    let path = folder.path("text")
    try Data(String(repeating: "a stitch in time saves nine. ", count: 1200).utf8).write(
      to: URL(filePath: path))
    let nets = folder.path("networks")
    let run = try BenchRun(
      "results text --data \(path) --epochs 1,2 --sparsity 0.5 --schedule acdc --save \(nets) --time 0.01 --json"
    )
    #expect(run.exitCode == 0, "\(run.errors)")
    let trained = try run.rows()
    #expect(trained.allSatisfy { $0["schedule"] as? String == "acdc" })
    #expect(abs(try #require(trained[2]["zeros"] as? Double) - 0.5) < 0.05)
    let times = try BenchRun("results-times text \(nets) --data \(path) --time 0.01 --json")
    #expect(times.exitCode == 0, "\(times.errors)")
    let rows = try times.rows()
    #expect(
      rows.map { $0["network"] as? String } == [
        "text-0.5-1x1", "text-0.5-4x1", "text-dense", "text-further",
      ])
    #expect(
      rows.map { $0["bytes"] as? Int } == [2, 3, 0, 1].map { trained[$0]["bytes"] as? Int })
    for row in rows { #expect(try #require(row["seconds"] as? Double) > 0) }
    try Data(String(repeating: "a stitch in time saves nine. ", count: 100).utf8).write(
      to: URL(filePath: path))
    let short = try BenchRun(
      "results text --data \(path) --epochs 1,2 --sparsity 0.5 --schedule acdc --time 0.01")
    #expect(short.exitCode == 64 && short.errors.contains("no eighths"), "\(short.errors)")
  }

  @Test func `curves are drawn from rows, and what is none is named`() throws {
    func row(_ task: String, _ phase: String, _ block: String, _ sparsity: Double, _ test: Double)
      -> String
    {
      let measure = task == "text" ? "perplexity" : "accuracy"
      return
        #"{"task":"\#(task)","phase":"\#(phase)","measure":"\#(measure)","block":"\#(block)","sparsity":\#(sparsity),"test":\#(test)}"#
    }
    let lines = [
      row("text", "dense", "1x1", 0, 3), row("text", "pruned", "1x1", 0.5, 3.03),
      row("text", "pruned", "1x1", 0.9, 3.3), row("resnet", "dense", "1x1", 0, 0.92),
      row("resnet", "pruned", "4x1", 0.5, 0.91), row("resnet", "pruned", "4x1", 0.9, 0.85),
    ]
    let (path, picture) = (folder.path("rows"), folder.path("curves.svg"))
    func draw(_ lines: [String]) throws -> BenchRun {
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
      return try BenchRun("results-curves \(path) --most 0.05 --output \(picture)")
    }
    let run = try draw(lines)
    #expect(run.exitCode == 0, "\(run.errors)")
    let svg = try String(contentsOf: URL(filePath: picture), encoding: .utf8)
    #expect(svg.contains(">text</text>") && svg.contains(">resnet</text>"))
    for (lines, word) in [
      (Array(lines[1...2]), "no dense row of text"), (["[]"], "rows:1: no row"),
    ] {
      let run = try draw(lines)
      #expect(run.exitCode == 65 && run.errors.contains(word), "\(run.errors)")
    }
  }

  @Test func `a folder that cannot be written or has no networks is named`() throws {
    let path = folder.path("text")
    try Data("no folder".utf8).write(to: URL(filePath: path))
    for place in [path, folder.path("none/below")] {
      let run = try BenchRun("results text --data \(path) --save \(place)")
      #expect(run.exitCode == 74 && run.errors.contains("--save: \(place)"), "\(run.errors)")
    }
    for (place, word) in [(folder.path("none"), "cannot be read"), (folder.root, "no text-")] {
      let run = try BenchRun("results-times text \(place)")
      #expect(run.exitCode == 66 && run.errors.contains(word), "\(run.errors)")
    }
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
      ("resnet --data \(folder.path("none"))", 66, "none"),
      ("g2p --data \(folder.path("none"))", 66, "none"), ("songs", 64, "songs is no task"),
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
