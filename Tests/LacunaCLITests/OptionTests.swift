// No option takes a number that would trap, run on or fill the memory: each is refused by its name.

import TestSupport
import Testing

@Suite struct OptionTests {
  /// What each option takes. A new option has to be told here, and its bounds are tried then.
  private static let kinds: [String: OptionKind] = [
    "--limit": .count, "--threads": .count, "--batch-size": .count, "--epochs": .count,
    "--begin": .count, "--end": .count, "--frequency": .count, "--max-weights": .count,
    "--at": .count, "--planned": .count, "--frames": .count, "--bits": .word,
    "--width": .count, "--samples": .count, "--patches": .count,
    "--sparsity": .fraction, "--initial": .fraction, "--final": .fraction, "--measure": .fraction,
    "--damping": .fraction, "--power": .real, "--learning-rate": .real,
    "--seed": .seed,
    "--block": .form(["0x1", "9223372036854775807x1", "9223372036854775807x9223372036854775807"]),
    "--pattern": .form(["0:4", "4:4", "1:9223372036854775807", "9223372036854775807:4", "1:257"]),
    "--window": .form(["0:16", "16:16", "1:17", "9223372036854775807:9223372036854775807"]),
    "--steps": .form([
      "0...9223372036854775807", "9223372036854775807...9223372036854775807", "0...100000000000",
      "0...1000001", "-9223372036854775808...9223372036854775807", "-1...5",
    ]),
    "--points": .form([
      "0:0,9223372036854775807:0.5", "0:nan", "0:1e400", "0:1", "-1:0.5", "5:0.1,5:0.2",
    ]),
    "--layers": .form(["1,65", "0,1", "1,9223372036854775807", "3"]),
    "--layer-sparsity": .form(["a=1", "a=-0.1", "a=nan", "a=", "=x"]), "--latency": .fraction,
    "--schedule": .word, "--pool": .word, "--optimiser": .word, "--architecture": .word,
    "--method": .word, "--structure": .word, "--allocation": .word, "--aim": .word,
    "--budget": .word, "--ties": .word, "--compat": .word, "--kind": .word,
    "--to": .word, "--arithmetic": .word,
    "--data": .text, "--output": .text, "--commit": .text, "--resume": .text, "--exclude": .text,
    "--plot": .text, "--calibration": .text,
    "--include": .text, "--name": .text, "--input-name": .text, "--report": .text,
    "--parts": .word, "--layout": .word, "--time": .fraction,
    "--batch": .form(["0", "1,0", "4097"]),
    "--bits-of": .form(["a=3", "=8", "a"]), "--error": .fraction, "--images": .count,
    "--share": .fraction, "--quantization-aware": .word,
  ]

  @Test func `every option refuses what it cannot take, by name, with exit code 64`() throws {
    let folder = try TemporaryFolder()
    let (unknown, trials) = try OptionSweep(program: Tool.path).run(Self.kinds, folder: folder.root)
    #expect(unknown.isEmpty, "options that this test does not know: say what they take")
    #expect(trials.count > 400)
    for trial in trials {
      let said = "\(trial.arguments): \(trial.exitCode) \(trial.errors)"
      #expect(trial.exitCode == 64, "\(said)")
      #expect(trial.errors.hasPrefix("lacuna: ") && !trial.errors.contains("\n"), "\(said)")
      #expect(trial.errors.contains(trial.option), "\(said)")
    }
  }

  /// Words after the command, and the one of them that is refused.
  @Test(arguments: [
    ("schedule --kind constant --initial 0.1", "--initial"),
    ("schedule --kind constant --power 2", "--power"),
    ("schedule --kind linear --power 2", "--power"),
    ("schedule --kind cosine --compat tfmot", "--compat"),
    ("schedule --kind one-shot --end 9", "--end"),
    ("schedule --kind one-shot --frequency 9", "--frequency"),
    ("schedule --kind piecewise --points 1:0.5 --final 0.5", "--final"),
    ("schedule --points 1:0.5", "--points"),
    ("schedule --final 0.5 --sparsity 0.5", "--sparsity"),
    ("schedule --begin 200", "--begin"),
    ("schedule --end 1000000000", "--end"),
    ("schedule --kind constant --begin 1000000000", "--begin"),
    ("schedule --kind constant --frequency 1000000000", "--frequency"),
    ("schedule --kind piecewise --points 1000000000:0.5", "--points"),
    ("plot ramp --kind exponential --power 2 -o none.svg", "--power"),
    ("plot animation --frequency 3 -o none.svg", "--frequency"),
    ("plot animation --compat tfmot -o none.svg", "--compat"),
    ("plot tensor --name w -o none.svg", "--name"),
    ("plot tensor none.npy --seed 3 -o none.svg", "--seed"),
    ("mask none.npy --pattern 2:4 --sparsity 0.5 -o none.npy", "--sparsity"),
    ("mask none.npy --window 2:16 --sparsity 0.5 -o none.npy", "--sparsity"),
    ("mask none.npy --pattern 2:4 --ties keep -o none.npy", "--ties"),
    ("mask none.npy --sparsity 0.5 --pool max -o none.npy", "--pool"),
    ("prune none.lacuna --pool max", "--pool"),
    ("prune none.onnx --pattern 2:4 --sparsity 0.5", "--sparsity"),
    ("prune none.onnx --window 2:16 --block 1x2", "--block"),
    ("prune none.lacuna --schedule constant --initial 0.5", "--initial"),
    ("prune none.lacuna --schedule constant --power 2", "--power"),
    ("prune none.npy --calibration none.npy", "--calibration"),
    (
      "prune none.npy --method wanda --calibration none.npy --quantization-aware 8",
      "--quantization-aware"
    ),
    ("prune none.lacuna --quantize-activations", "--quantize-activations"),
    ("train --quantize-activations", "--quantize-activations"),
    ("prune none.npy --refit", "--refit"),
    (
      "prune none.npy --method wanda --calibration none.npy --block 2x2 --structure rows",
      "--structure"
    ),
    ("prune none.npy --samples 3", "--samples"),
    ("prune none.npy --report none.html", "--report"),
    ("prune none.npy --layer-sparsity a=0.5", "--layer-sparsity"),
    (
      "prune none.npy --method wanda --calibration none.npy --layer-sparsity a=0.5 --allocation owl",
      "--layer-sparsity"
    ),
    (
      "prune none.npy --method wanda --calibration none.npy --latency 9 --sparsity 0.5",
      "--sparsity"
    ),
    (
      "prune none.npy --method wanda --calibration none.npy --latency 9 --allocation owl",
      "--allocation"
    ),
    ("prune none.npy --method wanda --calibration none.npy --begin 3", "--begin"),
    ("prune none.npy --method wanda --calibration none.npy --epochs 3", "--epochs"),
    ("prune none.npy --method wanda --calibration none.npy --seed 3", "--seed"),
    ("prune none.npy --method wanda --calibration none.npy --budget global", "--budget"),
    ("prune none.npy --method wanda --calibration none.npy --max-weights 9", "--max-weights"),
    ("compress none.lacuna --dense --bits 8", "--bits"),
    ("compress none.lacuna --bits 4 --error 0.1", "--error"),
    ("compress none.lacuna --codebook", "--codebook"),
    ("compress none.lacuna --codebook --bits 4 --block 2x1", "--block"),
    ("quantize none.lacuna --bits 32", "--bits"),
    ("convert none.onnx out.npz --parts torch-csr", "--parts"),
  ])
  func `an option without effect is refused`(words: String, option: String) throws {
    let run = try Tool.run(words.split(separator: " ").map(String.init))
    #expect(run.exitCode == 64, "\(words): \(run.errors)")
    #expect(run.errorLines.count == 1 && run.errors.contains(option), "\(words): \(run.errors)")
    #expect(run.output.isEmpty)
  }
}
