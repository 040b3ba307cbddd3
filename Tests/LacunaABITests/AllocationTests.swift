// lcn_plan_run, lcn_plan_run_slice and lcn_model_run allocate nothing, as lacuna.h promises.

import AllocationCount
import CLacuna
import LacunaABI
import LacunaFormats
import LacunaNN
import LacunaOperations
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.enabled(if: lcn_allocation_count() >= 0, "allocations cannot be counted here"))
struct AllocationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var kernel: String, format: Int
    /// The least instruction set that has the kernel.
    var isa: ISA
    var testDescription: String { kernel }
  }

  /// Dense is not among them: OpenBLAS has buffers of its own.
  static let cases = [
    Case(kernel: "spmm-1x1", format: LCN_CSR, isa: .baseline),
    Case(kernel: "spmm-4x4", format: LCN_BSR, isa: .baseline),
    Case(kernel: "csr", format: LCN_CSR, isa: .baseline),
    Case(kernel: "window", format: LCN_CSR, isa: .v3),
    Case(kernel: "window-compressed", format: LCN_CSR, isa: .v4),
    Case(kernel: "window-filled", format: LCN_CSR, isa: .v4),
    Case(kernel: "block-vector", format: LCN_BSR, isa: .v3),
  ]

  @Test(arguments: cases, [LCN_COLUMNS, LCN_ROWS])
  func `A plan's runs allocate nothing`(c: Case, layout: Int) throws {
    if !ISA.selected.includes(c.isa) {
      try Test.cancel("\(c.kernel) needs \(c.isa), \(ISA.selected) is used")
    }
    let (rows, columns, width) = (1008, 1040, 11)
    // Every second input of each row, in blocks for blocks.
    let side = c.format == LCN_BSR ? 4 : 1
    let w = (0..<rows * columns).map {
      ($0 / columns / side + $0 % columns / side) % 2 == 0 ? Float($0 % 7) - 3.5 : 0
    }
    let matrix = make(w, rows, columns, format: c.format, block: (side, side))
    for threads in [1, 2] {
      var plan: OpaquePointer?
      let status = c.kernel.withCString { name in
        var o = planOptions(width: width, layout: layout, threads: threads)
        o.kernel = name
        return lcn_plan_create(matrix, &o, &plan)
      }
      expect(status, "LCN_OK")
      let x = pinned([Float](repeating: 1, count: columns * width))
      let y = pinned([Float](repeating: 0, count: rows * width))
      let xStride = Int64(layout == LCN_ROWS ? columns : width)
      let yStride = Int64(layout == LCN_ROWS ? rows : width)
      func run() -> lcn_status {
        lcn_plan_run(plan, x, xStride, y, yStride, Int64(width), nil, 0)
      }
      func slice(_ number: Int64) -> lcn_status {
        lcn_plan_run_slice(plan, number, 2, x, xStride, y, yStride, Int64(width), nil, 0)
      }
      // The first runs load symbols, and start threads.
      expect(run(), "LCN_OK")
      expect(slice(0), "LCN_OK")
      let before = lcn_allocation_count()
      let (first, low, high, last) = (run(), slice(0), slice(1), run())
      let after = lcn_allocation_count()
      #expect(after == before, "\(c.kernel) layout \(layout) on \(threads) threads")
      for status in [first, low, high, last] { expect(status, "LCN_OK") }
      expect(lcn_plan_destroy(plan), "LCN_OK")
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test(arguments: [1, 2] as [Int32])
  func `A model's runs allocate nothing`(threads: Int32) throws {
    let architecture = Architecture(
      name: "small", input: Shape(features: 300),
      layers: [
        .dense(name: "hidden", units: 200, relu: true),
        .dense(name: "logits", units: 40, relu: false),
      ])
    let model = try SequentialModel(architecture, threads: 1)
    try model.setWeights([
      "hidden/kernel": randomValues(200, 300, density: 0.05, seed: 1),
      "hidden/bias": randomValues(1, 200, density: 1, seed: 2),
      "logits/kernel": randomValues(40, 200, density: 0.05, seed: 3),
      "logits/bias": randomValues(1, 40, density: 1, seed: 4),
    ])
    let path = "/tmp/lacuna-abi-\(getpid())-allocations-\(threads).lacuna"
    defer { unlink(path) }
    try CompressedModel(model, form: .sparse).save(to: path)
    var options = lcn_model_options(
      struct_size: UInt32(MemoryLayout<lcn_model_options>.size), threads: threads, batch: 64,
      exclude_dense: 0, arithmetic: 0)
    var handle: OpaquePointer?
    expect(lcn_model_load(path, &options, &handle), "LCN_OK")
    var text = [CChar](repeating: 0, count: 4096)
    expect(lcn_model_describe(handle, &text, text.count, nil), "LCN_OK")
    let description = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    for layer in ["hidden: spmm-1x1", "logits: spmm-1x1"] {
      #expect(description.contains(layer), "\(description)")
    }
    let input = pinned(randomValues(100, 300, density: 1, seed: 5))
    let output = pinned([Float](repeating: 0, count: 100 * 40))
    expect(lcn_model_run(handle, input, output, 100), "LCN_OK")
    // A whole batch, and one with samples left over.
    for count in [64, 100, 1] as [Int64] {
      let before = lcn_allocation_count()
      let status = lcn_model_run(handle, input, output, count)
      let after = lcn_allocation_count()
      #expect(after == before, "\(count) samples on \(threads) threads")
      expect(status, "LCN_OK")
    }
    expect(lcn_model_destroy(handle), "LCN_OK")
  }
}
