// Sizes at the edge of what an integer or the memory holds: planned or refused, at once, and never a crash.

import CLacuna
import LacunaABI
import LacunaFormats
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

#if os(Linux)
  /// Bytes of address space that this process has.
  private func addressSpace() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    return atol(line) * sysconf(Int32(_SC_PAGESIZE))
  }
#endif

@Suite struct ExtremeSizeTests {
  /// A matrix without entries, or with one in each row at column 0.
  private func sparse(_ rows: Int, _ columns: Int, filled: Bool = false) -> OpaquePointer? {
    let offsets = (0...rows).map { Int32(filled ? $0 : 0) }
    let indices = [Int32](repeating: 0, count: rows)
    let values = [Float](repeating: 1, count: rows)
    var d = csrDesc(rows, columns, nnz: filled ? rows : 0, offsets, indices, values)
    var matrix: OpaquePointer?
    // The descriptor only borrows: without this the arrays may be gone before they are read.
    withExtendedLifetime((offsets, indices, values)) {
      expect(lcn_matrix_from_csr(&d, &matrix), "LCN_OK")
    }
    return matrix
  }

  private static let largest = Int(Int32.max)

  @Test(arguments: [
    (4, 4, largest, 1), (100_000, 100_000, largest, 1), (1, largest, 1, 1), (16, largest, 32, 1),
    (4096, largest, 32, 1), (4096, largest, 32, 16), (200_000, 4, largest, 1024),
  ])
  func `A plan for absurd shapes, widths and threads is made or refused at once`(
    rows: Int, columns: Int, width: Int, threads: Int
  ) {
    let matrix = sparse(rows, columns, filled: rows < 1000)
    for deterministic in [0, 1] {
      for layout in [LCN_COLUMNS, LCN_ROWS] {
        var o = planOptions(width: width)
        (o.deterministic, o.layout) = (Int32(deterministic), Int32(layout))
        o.threads = Int32(threads)
        var plan: OpaquePointer?
        let clock = ContinuousClock.now
        let status = name(lcn_plan_create(matrix, &o, &plan))
        #expect(["LCN_OK", "LCN_OUT_OF_MEMORY"].contains(status), "\(lastError())")
        #expect(ContinuousClock.now - clock < .seconds(60))
        expect(lcn_plan_destroy(plan), "LCN_OK")
      }
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test(arguments: [1, 3, 40])
  func `Blocks of more columns than 16 bits count give the right sums`(width: Int) {
    let (rows, columns) = (2, 70_000)
    let values = (0..<rows * columns).map { Float($0 % 5 - 2) }
    let x = (0..<columns * width).map { Float($0 % 7 - 3) }
    let (offsets, indices): ([Int32], [Int32]) = ([0, 1], [0])
    var d = bsrDesc(
      rows, columns, block: (rows, columns), blocks: 1, pinned(offsets), pinned(indices),
      pinned(values))
    var matrix: OpaquePointer?
    expect(lcn_matrix_from_bsr(&d, &matrix), "LCN_OK")
    // Small integers: every sum is exact in any order.
    let expected = (0..<rows * width).map { place in
      (0..<columns).reduce(Float(0)) { sum, j in
        sum + values[place / width * columns + j] * x[j * width + place % width]
      }
    }
    for kernel in [nil, "spmm-1x1", "dense"] {
      var plan: OpaquePointer?
      var y = [Float](repeating: .nan, count: rows * width)
      var o = planOptions(width: width)
      withOptionalCString(kernel) { text in
        o.kernel = text
        expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
      }
      let n = Int64(width)
      expect(lcn_plan_run(plan, x, n, &y, n, n, nil, 0), "LCN_OK")
      #expect(y == expected, "\(kernel ?? "chosen")")
      expect(lcn_plan_destroy(plan), "LCN_OK")
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  private func withOptionalCString(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Void) {
    if let text { text.withCString(body) } else { body(nil) }
  }

  #if os(Linux)
    @Test func `Memory that cannot be had is refused, and smaller things still work`() async {
      // In a process of its own: the limit holds for all threads.
      await #expect(processExitsWith: .success) {
        let n = 2000
        let w = UnsafeMutablePointer<Float>.allocate(capacity: n * n)
        let keep = UnsafeMutablePointer<UInt8>.allocate(capacity: n * n)
        for i in 0..<n * n { (w[i], keep[i]) = (i % 3 == 0 ? 1 : 0, 1) }
        var dense = denseDesc(n, n, w)
        var mask = maskDesc(n, n, keep)
        var (matrix, csr, plan): (OpaquePointer?, OpaquePointer?, OpaquePointer?)
        expect(lcn_matrix_from_dense(&dense, &matrix), "LCN_OK")
        expect(lcn_matrix_convert(matrix, Int32(LCN_CSR), 1, 1, &csr), "LCN_OK")
        expect(lcn_plan_create(csr, nil, &plan), "LCN_OK")
        var length = 0
        expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
        var blob = [UInt8](repeating: 0, count: length)
        expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
        let small = makeDense(2, 2, [1, 2, 3, 4])

        let used = rlim_t(addressSpace())
        var limit = rlimit(rlim_cur: used + 4 << 20, rlim_max: used + 4 << 20)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)

        var result: OpaquePointer?
        var options = maskOptions(sparsity: 0.5)
        var threshold = 0.0
        for status in [
          lcn_matrix_from_dense(&dense, &result),
          lcn_matrix_from_masked_dense(&dense, &mask, &result),
          lcn_matrix_convert(matrix, Int32(LCN_CSR), 1, 1, &result),
          lcn_matrix_convert(csr, Int32(LCN_BSR), 2, 2, &result),
          lcn_matrix_transpose(csr, &result), lcn_plan_create(csr, nil, &result),
          lcn_plan_map(blob, length, &result), lcn_mask_compute(&dense, &options, &mask, nil),
          lcn_topk_threshold(Int32(LCN_F32), w, Int64(n * n), 5, &threshold),
        ] { expect(status, "LCN_OUT_OF_MEMORY") }
        #expect(result == nil)
        expect(lcn_plan_create(small, nil, &result), "LCN_OK")
      }
    }
  #endif
}
