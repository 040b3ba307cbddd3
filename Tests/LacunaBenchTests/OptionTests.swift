// No option of the benchmark takes a number that would trap, run on or fill the memory.

import Foundation
import TestSupport
import Testing

struct OptionTests {
  private static let huge = "9223372036854775807"
  /// What each option takes. A new option has to be told here, and its bounds are tried then.
  private static let kinds: [String: OptionKind] = [
    "--threads": .count, "--n": .count, "--seed": .seed, "--time": .fraction,
    "--sparsity": .fraction, "--samples": .count, "--rate": .count, "--method": .word,
    "--batch": .count, "--steps": .count,
    "--budget": .word, "--from": .word, "--schedule": .word, "--save": .text, "--most": .fraction,
    "--shape": .form([
      "0x1x1", "\(huge)x1x1", "16777215x16777215x1", "1x16777215x16777215",
      "16777215x1x16777215", "16777215x16777215", "1x1x1x1",
    ]),
    "--block": .form(["0x1", "\(huge)x1", "\(huge)x\(huge)", "1048577x1"]),
    "--cache": .word, "--isa": .word, "--dtype": .word, "--layout": .word, "--parts": .word,
    "--matrix": .text, "--kernel": .text, "--shapes": .text, "--shapes-folder": .text,
    "--output": .text, "--data": .text, "--limit": .count,
    "--epochs": .form(["0,1", "1,0", "1", "1,2,3,4", "1,2,0", "\(huge),1", "100000,1"]),
  ]

  @Test("every option refuses what it cannot take, by name, with exit code 64")
  func bounds() throws {
    let folder = NSTemporaryDirectory() + "lacuna-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let sweep = OptionSweep(program: BenchRun.program, environment: BenchRun.narrowKernels)
    let (unknown, trials) = try sweep.run(Self.kinds, folder: folder)
    #expect(unknown.isEmpty, "options that this test does not know: say what they take")
    #expect(trials.count > 150)
    for trial in trials {
      let said = "\(trial.arguments): \(trial.exitCode) \(trial.errors)"
      #expect(trial.exitCode == 64, "\(said)")
      #expect(trial.errors.hasPrefix("lacuna-bench: ") && !trial.errors.contains("\n"), "\(said)")
      #expect(trial.errors.contains(trial.option), "\(said)")
    }
  }

  @Test("names cannot steer a terminal")
  func names() throws {
    let evil = "none\u{1B}[31m\u{9B}2J\u{7F}\u{202E}\n"
    let shapes = try TemporaryFile("first 8 8\u{1B}[31m 8\n")
    for arguments in [
      "spmm --matrix \(evil)", "spmm --shapes \(evil)", "suite --shapes-folder \(evil)",
      "spmv --kernel \(evil) --shape 8x8", "spmm --shapes \(shapes.path)", evil,
    ] {
      let run = try BenchRun(arguments)
      #expect(run.exitCode != 0 && run.output.isEmpty)
      #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors.debugDescription)")
      let controls = run.errors.unicodeScalars.filter {
        $0 != "\n" && [.control, .format].contains($0.properties.generalCategory)
      }
      #expect(controls.isEmpty, "\(run.errors.debugDescription)")
    }
  }

  @Test(
    "an option without effect is refused",
    arguments: [
      ("spmm --n 5", "--n"), ("spmm --matrix none.mtx --shape 8x8x8", "--shape"),
      ("spmm --matrix none.mtx --shapes none.txt", "--shapes"),
      ("spmm --matrix none.mtx --sparsity 0.5", "--sparsity"),
      ("spmv --matrix none.mtx --shape 8x8", "--shape"),
      ("spmm --kernel csr --deterministic", "--deterministic"),
      ("select --threads 2", "--threads"), ("convert --threads 2", "--threads"),
      ("suite --parts select --block 4x1", "--block"),
      ("suite --parts select,convert --sparsity 0.5", "--sparsity"),
      ("suite --parts convert --threads 2", "--threads"),
    ])
  func withoutEffect(_ words: String, _ option: String) throws {
    let run = try BenchRun(words)
    #expect(run.exitCode == 64, "\(words): \(run.errors)")
    #expect(run.errors.contains(option), "\(words): \(run.errors)")
  }
}
