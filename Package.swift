// swift-tools-version: 6.2
import PackageDescription

// Every Swift target: language mode 6, warnings are errors.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

// Kernels are optimised in debug builds too: a checked, unoptimised kernel is 100 times slower and
// would make the debug tests crawl. `-march` is per target, because Swift has no per-function one.
func kernelSettings(_ clangFlags: String...) -> [SwiftSetting] {
  [
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-O"] + clangFlags.flatMap { ["-Xcc", $0] }),
  ]
}

#if arch(x86_64)
  let x86KernelTargets: [Target] = [
    .target(
      name: "LacunaKernelsX86V3", dependencies: ["CSIMD"],
      swiftSettings: kernelSettings("-march=x86-64-v3") + [.define("LACUNA_V3")]),
    .target(
      name: "LacunaKernelsX86V4", dependencies: ["CSIMD"],
      swiftSettings: kernelSettings("-march=x86-64-v4", "-mprefer-vector-width=512")
        + [.define("LACUNA_V4")]),
    // Products of bytes alone, where they are one instruction.
    .target(
      name: "LacunaKernelsX86V3VNNI", dependencies: ["CSIMD"],
      swiftSettings: kernelSettings("-march=x86-64-v3", "-mavxvnni") + [.define("LACUNA_V3")]),
    .target(
      name: "LacunaKernelsX86V4VNNI", dependencies: ["CSIMD"],
      swiftSettings: kernelSettings(
        "-march=x86-64-v4", "-mavx512vnni", "-mprefer-vector-width=512") + [.define("LACUNA_V4")]),
    // Products of pairs of bf16 alone. Who has these has VBMI2.
    .target(
      name: "LacunaKernelsX86V4BF16", dependencies: ["CSIMD"],
      swiftSettings: kernelSettings(
        "-march=x86-64-v4", "-mavx512bf16", "-mavx512vbmi2", "-mprefer-vector-width=512")
        + [.define("LACUNA_V4")]),
    // Bytes spread under masks and looked up.
    .target(
      name: "LacunaKernelsX86V4VBMI2", dependencies: ["CSIMD"],
      swiftSettings: kernelSettings(
        "-march=x86-64-v4", "-mavx512vnni", "-mavx512vbmi", "-mavx512vbmi2",
        "-mprefer-vector-width=512")),
  ]
#else
  let x86KernelTargets: [Target] = []
#endif
let x86Kernels: [Target.Dependency] = x86KernelTargets.map { .init(stringLiteral: $0.name) }

// Lacuna and what it exports: a target is compiled again when one that is named here has changed, and SwiftPM does not
// look behind exports. Without this, tools would go on with the layouts of classes that are no more.
let lacuna: [Target.Dependency] =
  [
    "Lacuna", "LacunaFormats", "LacunaOperations", "LacunaPruning", "LacunaIO", "LacunaGraph",
    "LacunaModels", "LacunaNN", "LacunaReport",
  ]

let package = Package(
  name: "lacuna",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Lacuna", targets: ["Lacuna"]),
    // Everything behind lacuna.h in one archive: Scripts/install makes liblacuna.so and liblacuna.a of it.
    .library(name: "LacunaABI", type: .static, targets: ["LacunaABI"]),
    .executable(name: "lacuna", targets: ["lacuna-cli"]),
    .executable(name: "lacuna-bench", targets: ["lacuna-bench"]),
  ],
  // What `import Lacuna` brings beside formats, kernels and plans. An engine that needs no more takes none of them:
  // `.package(…, traits: [])`.
  traits: [
    .trait(name: "Pruning", description: "Schedules, masks, the pruner, one-shot pruning."),
    .trait(
      name: "Files",
      description: "The .lacuna container, NumPy, SciPy, Matrix Market, safetensors."),
    .trait(name: "Networks", description: "Graphs of operators, planned and run."),
    .trait(
      name: "Models", description: "ONNX, TFLite and the others behind one door.",
      enabledTraits: ["Pruning", "Files", "Networks"]),
    .trait(
      name: "Training", description: "Layers, training, networks.",
      enabledTraits: ["Pruning", "Files", "Networks"]),
    .trait(name: "Reports", description: "Charts and pages."),
    .default(enabledTraits: ["Models", "Training", "Reports"]),
  ],
  dependencies: [
    // Subcommands, --help and usage errors of the tool and the benchmark.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C only -----------------------------------------------------------------------------------
    .systemLibrary(
      name: "CBLAS", path: "CSupport/CBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .systemLibrary(
      name: "CLAPACKE", path: "CSupport/CLAPACKE", pkgConfig: "lapacke",
      providers: [.apt(["liblapacke-dev"]), .brew(["lapack"])]),
    .systemLibrary(
      name: "CZlib", path: "CSupport/CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(name: "CCPUFeatures", path: "CSupport/CCPUFeatures"),
    .target(name: "CThreads", path: "CSupport/CThreads"),
    .target(name: "CSIMD", path: "CSupport/CSIMD"),
    .target(name: "CLacuna", path: "CSupport/CLacuna"),
    // Leaf kernels, once per instruction set ---------------------------------------------------
    .target(name: "LacunaKernels", dependencies: ["CSIMD"], swiftSettings: kernelSettings()),
    // The library, bottom up -------------------------------------------------------------------
    .target(name: "LacunaFormats", swiftSettings: strict),
    .target(
      name: "LacunaOperations",
      dependencies: [
        "LacunaFormats", "LacunaKernels", "CBLAS", "CLAPACKE", "CCPUFeatures", "CSIMD",
        "CThreads",
      ]
        + x86Kernels,
      swiftSettings: strict),
    .target(
      name: "LacunaPruning", dependencies: ["LacunaFormats", "LacunaOperations"],
      swiftSettings: strict),
    .target(name: "LacunaIO", dependencies: ["LacunaFormats", "CZlib"], swiftSettings: strict),
    .target(
      name: "LacunaNN",
      dependencies: [
        "LacunaFormats", "LacunaOperations", "LacunaPruning", "LacunaIO", "LacunaGraph", "CSIMD",
      ],
      swiftSettings: strict),
    .target(
      name: "LacunaGraph", dependencies: ["LacunaFormats", "LacunaOperations"],
      swiftSettings: strict),
    .target(
      name: "LacunaModels",
      dependencies: [
        "LacunaFormats", "LacunaOperations", "LacunaIO", "LacunaPruning", "LacunaGraph",
      ],
      swiftSettings: strict),
    .target(name: "LacunaReport", dependencies: ["LacunaFormats"], swiftSettings: strict),
    .target(
      name: "Lacuna",
      dependencies: [
        "LacunaFormats", "LacunaOperations",
        .target(name: "LacunaPruning", condition: .when(traits: ["Pruning"])),
        .target(name: "LacunaIO", condition: .when(traits: ["Files"])),
        .target(name: "LacunaGraph", condition: .when(traits: ["Networks"])),
        .target(name: "LacunaModels", condition: .when(traits: ["Models"])),
        .target(name: "LacunaNN", condition: .when(traits: ["Training"])),
        .target(name: "LacunaReport", condition: .when(traits: ["Reports"])),
      ], swiftSettings: strict),
    .target(
      name: "LacunaABI",
      dependencies: [
        "CLacuna", "CCPUFeatures", "LacunaFormats", "LacunaOperations", "LacunaPruning", "LacunaIO",
        "LacunaGraph", "LacunaModels", "LacunaNN",
      ], swiftSettings: strict),
    .executableTarget(
      name: "lacuna-cli",
      dependencies: lacuna + [
        .product(name: "ArgumentParser", package: "swift-argument-parser")
      ], swiftSettings: strict),
    .executableTarget(
      name: "lacuna-bench",
      dependencies: lacuna + [
        .product(name: "ArgumentParser", package: "swift-argument-parser")
      ], path: "Benchmarks/lacuna-bench", swiftSettings: strict),
    // Tests ------------------------------------------------------------------------------------
    .target(
      name: "TestSupport", dependencies: lacuna, path: "Tests/Support", swiftSettings: strict),
    // The claims of every reader of foreign bytes: the suite replays, Scripts/fuzz searches.
    .target(
      name: "FuzzTargets", dependencies: lacuna + ["CLacuna", "LacunaABI"],
      path: "Tests/FuzzTargets", swiftSettings: strict),
    // Counts allocations, for tests that promise none.
    .target(name: "AllocationCount", path: "Tests/AllocationCount"),
  ] + x86KernelTargets
    + [
      "LacunaFormats", "LacunaOperations", "LacunaPruning", "LacunaIO", "LacunaGraph",
      "LacunaModels", "LacunaNN", "LacunaReport",
    ].map {
      .testTarget(
        name: "\($0)Tests",
        dependencies: lacuna + ["TestSupport"]
          + (["LacunaOperations", "LacunaGraph"].contains($0) ? ["AllocationCount"] : []),
        swiftSettings: strict)
    } + [
      .testTarget(
        name: "LacunaABITests",
        dependencies: lacuna + ["CLacuna", "LacunaABI", "TestSupport", "AllocationCount"],
        swiftSettings: strict),
      .testTarget(
        name: "LacunaCLITests", dependencies: lacuna + ["lacuna-cli", "TestSupport"],
        swiftSettings: strict),
      .testTarget(
        name: "LacunaBenchTests", dependencies: lacuna + ["lacuna-bench", "TestSupport"],
        swiftSettings: strict),
      .testTarget(
        name: "FuzzTargetsTests", dependencies: lacuna + ["FuzzTargets"], swiftSettings: strict),
    ],
  swiftLanguageModes: [.v6]
)

// The address sanitizer's build leaves out tools, and the tests that touch no raw memory of their own.
if Context.environment["LACUNA_MEMORY_TESTS"] != nil {
  let tested = ["LacunaFormats", "LacunaOperations", "LacunaIO", "LacunaPruning", "FuzzTargets"]
  package.products.removeAll { ["lacuna", "lacuna-bench"].contains($0.name) }
  package.targets.removeAll { target in
    target.type == .executable
      || target.type == .test && !tested.contains { target.name == "\($0)Tests" }
  }
}

// libFuzzer is linked only where Scripts/fuzz asks for it: a usual build has no such library.
if Context.environment["LACUNA_FUZZ"] != nil {
  package.targets += [
    .target(name: "FuzzRuntime", path: "Tests/FuzzRuntime"),
    .executableTarget(
      name: "lacuna-fuzz", dependencies: ["FuzzTargets", "FuzzRuntime"], path: "Tests/FuzzDriver",
      swiftSettings: strict),
  ]
}
