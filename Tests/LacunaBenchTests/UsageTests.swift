// What cannot be measured gives one line and the right exit code.

import Testing

struct UsageTests {
  @Test(
    "wrong usage is 64",
    arguments: [
      "spmm --shape 512x512", "spmm --shape 0x5x5", "spmm --shape 5x5x5,", "spmm --shape axbxc",
      "spmm --sparsity 1", "spmm --sparsity -0.1", "spmm --block 0x1", "spmm --block 4",
      "spmm --dtype f15", "spmm --threads 0", "spmm --time 0", "spmm --layout wxt",
      "spmm --isa v9", "spmm --cache tepid", "spmm --kernel nonsense --shape 8x8x8",
      "spmv --shape 3x4x5", "select --n 0", "suite --parts none", "nonsense",
      "conv --shape 1x2x3x4", "conv --shape 1x4x8x8x4x3x3x1x3x1",
      "conv --shape 1x4x8x8x4x3x3x1x1x3",
      "conv --layout chwn", "conv --kernel nonsense",
    ])
  func wrongUsage(_ arguments: String) throws {
    let run = try BenchRun(arguments)
    #expect(run.exitCode == 64, "\(arguments): \(run.errors)")
    #expect(run.output.isEmpty, "\(arguments)")
    #expect(run.errors.split(separator: "\n").count == 1, "\(arguments): \(run.errors)")
  }

  @Test("a nonsense LACUNA_ISA is named together with what is allowed")
  func instructionSet() throws {
    let run = try BenchRun("spmm", environment: ["LACUNA_ISA": "avx9"])
    #expect(run.exitCode == 64)
    #expect(run.errors.contains("avx9") && run.errors.contains("baseline, v3, v3-vnni, v4"))
  }

  @Test("a missing file is 66, a malformed one 65 with the place")
  func files() throws {
    for arguments in ["spmm --shapes /nonexistent", "spmm --matrix /nonexistent.mtx"] {
      let run = try BenchRun(arguments)
      #expect(run.exitCode == 66, "\(arguments): \(run.errors)")
      #expect(run.errors.contains("/nonexistent"), "\(run.errors)")
    }
    for line in ["a 3 4", "a 3 4 x", "a 3 4 -1", "a 0 1 1", "3 4 5 6 7"] {
      let file = try TemporaryFile("# shapes\nfirst 8 8 8\n\(line)\n")
      let run = try BenchRun("spmm --shapes \(file.path)")
      #expect(run.exitCode == 65, "\(line): \(run.errors)")
      #expect(run.errors.contains("\(file.path):3:"), "\(run.errors)")
    }
    for line in [
      "a 1x4x8x8x4x3x3x1x1x1", "a 0 1x4x8x8x4x3x3x1x1x1", "a 1 1x4x8x8x4x9x9x1x0x1",
      "a 1 1x4x8x8x4x3x3x1x1x1 sparse",
    ] {
      let file = try TemporaryFile("one 1 1x1x1x1x1x1x1x1x0x1\n\(line)\n")
      let run = try BenchRun("conv --shapes \(file.path)")
      #expect(
        run.exitCode == 65 && run.errors.contains("\(file.path):2:"), "\(line): \(run.errors)")
    }
    let matrix = try TemporaryFile("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 1\n")
    let run = try BenchRun("spmm --matrix \(matrix.path)")
    #expect(run.exitCode == 65, "\(run.errors)")
    let unwritable = try BenchRun(
      "suite --parts select --time 0.001 --quiet --json --output /nonexistent/rows")
    #expect(unwritable.exitCode == 74, "\(unwritable.errors)")
  }
}
