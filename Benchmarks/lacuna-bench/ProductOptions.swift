// The options that say which products to measure, and how.

import ArgumentParser
import Lacuna

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Options of every command.
struct MeasureOptions: ParsableArguments {
  @Option(
    name: .customLong("threads"),
    help: ArgumentHelp("Threads of both sides; the calling thread counts. [1]", valueName: "n"))
  var chosenThreads: Int?

  @Option(help: "Seconds of timed runs per case, both sides together.")
  var time = 0.3

  @Option(help: "Seed of the random weights and right-hand sides.")
  var seed: UInt64 = 1

  @Option(help: "warm: runs follow each other; cold: caches are overwritten before each run.")
  var cache: CacheState = .warm

  @Option(
    help: ArgumentHelp(
      "Instruction set of the kernels, such as baseline, v3 or v4-vnni. The same as LACUNA_ISA.",
      valueName: "name"))
  var isa: ISA?

  @Flag(help: "Print one JSON line per case.")
  var json = false

  func validate() throws {
    try check("--threads", chosenThreads, in: OptionRange.threads)
    if !(time > 0 && time <= 3600) {
      throw ValidationError("--time is \(time), must be more than 0 and at most 3600")
    }
  }

  var threads: Int { chosenThreads ?? 1 }

  /// Refuses `--threads` where nothing runs on several.
  func refuseThreads(_ reason: String) throws(ValidationError) {
    try refuse([("--threads", chosenThreads != nil)], reason)
  }

  /// Chooses the instruction set and the threads of BLAS. Nothing has asked for ``ISA/selected``
  /// before, which reads the variable once.
  func prepare() throws {
    if let isa { setenv(ISA.environmentVariable, isa.rawValue, 1) }
    _ = try usage { try ISA.validated() }
    BLAS.threads = threads
    // Set by someone else, or else the restart in `main` would have chosen the wide kernels.
    if CPUInfo.current.hasV4, let core = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"],
      BLAS.coreName.lowercased() == "haswell"
    {
      Console.standardError(
        "lacuna-bench: OPENBLAS_CORETYPE=\(core) keeps OpenBLAS from this processor's AVX-512: "
          + "unset it to compare with the strongest dense kernels")
    }
  }
}

extension CacheState: ExpressibleByArgument {}
extension ISA: ExpressibleByArgument {}

/// How plans choose their kernels.
struct ChoiceOptions: ParsableArguments {
  @Option(help: "Force a kernel or candidate by the name that plans print.")
  var kernel: String?

  @Flag(help: "Choose kernels by the cost model alone, without timing candidates.")
  var deterministic = false

  func validate() throws {
    if kernel != nil {
      try refuse(
        [("--deterministic", deterministic)], "has no effect beside --kernel: nothing is chosen")
    }
  }

  func plans(threads: Int) -> PlanOptions {
    PlanOptions(threads: threads, deterministic: deterministic, kernel: kernel)
  }
}

/// Options of `spmm` and `spmv`.
struct ProductOptions: ParsableArguments {
  @Option(
    name: .customLong("sparsity"),
    help: ArgumentHelp("Shares of zeros, parted by commas. [0.9]", valueName: "s,…"))
  var chosenSparsities: List<Double>?

  @Option(
    name: .customLong("block"),
    help: ArgumentHelp(
      "Block shapes, output rows by input columns (default: 1x1, or the blocks of --matrix).",
      valueName: "RxC,…"))
  var blocks: List<BlockSize>?

  @Option(
    name: .customLong("dtype"),
    help: ArgumentHelp(
      "Types: f32, f64, bf16 or f16 for weights of 16 bits, or i8 for weights and activations of 8 bits.",
      valueName: "t,…"))
  var dtypes = List([BenchType.f32])

  @Option(help: "wx: Y = W·X with a column per right-hand side; xwt: Y = X·Wᵀ with a row.")
  var layout: LayoutOption = .wx

  @Option(
    help: ArgumentHelp(
      "A matrix instead of random ones: .npz from scipy, .smtx, .mtx and what else Lacuna reads.",
      valueName: "file"))
  var matrix: String?

  @Flag(
    help: "With --dtype bf16: X holds numbers of bf16, and kernels may multiply bf16 by bf16.")
  var bf16Activations = false

  @OptionGroup var choice: ChoiceOptions

  @OptionGroup var measure: MeasureOptions

  func validate() throws {
    if bf16Activations && dtypes.elements != [.bf16] {
      throw ValidationError("--bf16-activations is for --dtype bf16 alone")
    }
    if matrix != nil {
      try refuse(
        [("--sparsity", chosenSparsities != nil)], "is for random weights: --matrix has its own")
    }
  }

  var sparsities: List<Double> { chosenSparsities ?? List([0.9]) }
}

/// `--layout`.
enum LayoutOption: String, CaseIterable, ExpressibleByArgument {
  case wx, xwt

  var layout: ProductLayout { self == .wx ? .columns : .rows }
}
