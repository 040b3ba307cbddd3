// Plans made and run through lacuna.h compute what Swift's own plans and plain loops compute.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaOperations
import Synchronization
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// LCN_PLAN_OPTIONS_INIT.
func planOptions(
  width: Int = 1, layout: Int = LCN_COLUMNS, activation: Int = LCN_ACTIVATION_NONE, threads: Int = 1
) -> lcn_plan_options {
  var o = lcn_plan_options()
  o.struct_size = UInt32(MemoryLayout<lcn_plan_options>.size)
  (o.layout, o.width) = (Int32(layout), Int64(width))
  (o.activation, o.threads, o.deterministic) = (Int32(activation), Int32(threads), 1)
  return o
}

/// A matrix in a format, made and converted through C.
func make(
  _ values: [Float], _ rows: Int, _ columns: Int, format: Int, block: (Int, Int) = (1, 1)
) -> OpaquePointer? {
  let dense = makeDense(rows, columns, values)
  var matrix: OpaquePointer?
  expect(
    lcn_matrix_convert(dense, Int32(format), Int64(block.0), Int64(block.1), &matrix), "LCN_OK")
  expect(lcn_matrix_destroy(dense), "LCN_OK")
  return matrix
}

@Suite struct PlanTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var rows: Int, columns: Int, width: Int, layout: Int, format: Int, block: (Int, Int)
    var testDescription: String {
      "\(rows)×\(columns)×\(width) layout \(layout) format \(format) block \(block)"
    }
  }

  static let cases: [Case] = [(1, 1, 1), (7, 9, 3), (33, 64, 1), (48, 100, 17), (5, 300, 40)]
    .flatMap { shape in
      [LCN_COLUMNS, LCN_ROWS].flatMap { layout in
        [(LCN_DENSE, (1, 1)), (LCN_CSR, (1, 1)), (LCN_BSR, (4, 4)), (LCN_BSR, (2, 3))].map {
          Case(
            rows: shape.0, columns: shape.1, width: shape.2, layout: layout, format: $0.0,
            block: $0.1)
        }
      }
    }

  @Test(arguments: cases, [1, 2] as [UInt64])
  func `A run with bias, clamp and strides is the product`(c: Case, seed: UInt64) throws {
    let w = randomValues(c.rows, c.columns, density: 0.3, seed: seed)
    let rowsLayout = c.layout == LCN_ROWS
    let (xRows, xColumns) = rowsLayout ? (c.width, c.columns) : (c.columns, c.width)
    let (yRows, yColumns) = rowsLayout ? (c.width, c.rows) : (c.rows, c.width)
    let (xStride, yStride) = (xColumns + 3, yColumns + 2)
    let x = randomValues(xRows, xStride, density: 1, seed: seed + 10)
    let bias = randomValues(1, c.rows, density: 1, seed: seed + 20)
    let matrix = make(w, c.rows, c.columns, format: c.format, block: c.block)
    var o = planOptions(width: c.width, layout: c.layout, activation: LCN_ACTIVATION_CLAMP)
    (o.clamp_lower, o.clamp_upper) = (-0.25, 0.5)
    var plan: OpaquePointer?
    bias.withUnsafeBytes { bytes in
      (o.bias, o.bias_count) = (bytes.baseAddress, Int64(c.rows))
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")

    var y = [Float](repeating: 9, count: yRows * yStride)
    expect(
      lcn_plan_run(plan, x, Int64(xStride), &y, Int64(yStride), Int64(c.width), nil, 0), "LCN_OK")
    var xDense = try DenseMatrix<Float>(rows: c.columns, columns: c.width)
    for j in 0..<c.columns {
      for n in 0..<c.width { xDense[j, n] = rowsLayout ? x[n * xStride + j] : x[j * xStride + n] }
    }
    let oracle = ProductOracle(
      try DenseMatrix(rows: c.rows, columns: c.columns, values: w), xDense, bias: bias)
    for i in 0..<c.rows {
      for n in 0..<c.width {
        let actual = Double(rowsLayout ? y[n * yStride + i] : y[i * yStride + n])
        let expected = min(max(oracle.values[i, n], -0.25), 0.5)
        #expect(
          abs(actual - expected) <= oracle.bounds[i, n], "(\(i), \(n)) of \(c) seed \(seed)")
      }
    }
    for r in 0..<yRows { #expect(y[r * yStride + yColumns] == 9, "padding of row \(r)") }

    // Slices in any order, with the caller's workspace, give the same bits.
    var bytes = 0
    expect(lcn_plan_workspace_size(plan, Int64(c.width), &bytes), "LCN_OK")
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
    defer { workspace.deallocate() }
    for slices in [1, 2, 5] {
      var sliced = [Float](repeating: 9, count: y.count)
      for slice in (0..<slices).reversed() {
        expect(
          lcn_plan_run_slice(
            plan, Int64(slice), Int64(slices), x, Int64(xStride), &sliced, Int64(yStride),
            Int64(c.width), workspace, bytes), "LCN_OK")
      }
      #expect(sliced == y, "\(slices) slices of \(c) seed \(seed)")
    }

    // And so does the plan that comes out of the blob.
    var length = 0
    expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &blob, length - 1, &length), "LCN_BUFFER_TOO_SMALL")
    #expect(blob.allSatisfy { $0 == 0 })
    expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
    var mapped: OpaquePointer?
    expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
    var again = [Float](repeating: 9, count: y.count)
    expect(
      lcn_plan_run(
        mapped, x, Int64(xStride), &again, Int64(yStride), Int64(c.width), nil, 0), "LCN_OK")
    #expect(again == y, "\(c) seed \(seed)")
    expect(lcn_plan_destroy(mapped), "LCN_OK")
    expect(lcn_plan_destroy(plan), "LCN_OK")
  }

  @Test func `A plan says what it is, and a kernel can be forced`() {
    let matrix = make(
      randomValues(40, 60, density: 0.1, seed: 3), 40, 60, format: LCN_CSR)
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, nil, &plan), "LCN_OK")
    var info = lcn_plan_info()
    info.struct_size = UInt32(MemoryLayout<lcn_plan_info>.size)
    expect(lcn_plan_get_info(plan, &info), "LCN_OK")
    #expect((info.rows, info.columns, info.width) == (40, 60, 1))
    #expect(info.packed_bytes > 0 && info.slices >= 1 && info.threads == 1)
    var length = 0
    expect(lcn_plan_describe(plan, nil, 0, &length), "LCN_OK")
    var text = [CChar](repeating: 1, count: length + 1)
    expect(lcn_plan_describe(plan, &text, length, nil), "LCN_BUFFER_TOO_SMALL")
    #expect(text.allSatisfy { $0 == 1 })
    expect(lcn_plan_describe(plan, &text, length + 1, nil), "LCN_OK")
    let description = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    #expect(description.contains("40×60"))
    expect(lcn_plan_destroy(plan), "LCN_OK")

    for name in ["dense", "no-such-kernel"] {
      var o = planOptions()
      name.withCString { pointer in
        o.kernel = pointer
        expect(
          lcn_plan_create(matrix, &o, &plan), name == "dense" ? "LCN_OK" : "LCN_UNSUPPORTED")
      }
      if name == "dense" {
        expect(lcn_plan_get_info(plan, &info), "LCN_OK")
        let kernel = withUnsafeBytes(of: &info.kernel) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        #expect(kernel == "dense")
        expect(lcn_plan_destroy(plan), "LCN_OK")
      } else {
        #expect(plan == nil && lastError().contains("dense"))
      }
    }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `A plan that excludes dense keeps NaN behind zeros, and so does its blob`() {
    let (rows, columns, width) = (64, 96, 64)
    var w = randomValues(rows, columns, density: 1, seed: 8)
    for i in 0..<rows { w[i * columns + 7] = 0 }
    var x = randomValues(columns, width, density: 1, seed: 9)
    for c in 0..<width { x[7 * width + c] = .nan }
    let matrix = make(w, rows, columns, format: LCN_CSR)
    var plan: OpaquePointer?
    var o = planOptions(width: width)
    /// Elements of Y that are NaN.
    func nans(_ plan: OpaquePointer?) -> Int {
      var y = [Float](repeating: 0, count: rows * width)
      let n = Int64(width)
      expect(lcn_plan_run(plan, x, n, &y, n, n, nil, 0), "LCN_OK")
      return y.count { $0.isNaN }
    }
    "dense".withCString { name in
      o.kernel = name
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
      #expect(nans(plan) == rows * width)
      expect(lcn_plan_destroy(plan), "LCN_OK")
      o.exclude_dense = 1
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_UNSUPPORTED")
    }
    o.kernel = nil
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    #expect(nans(plan) == 0)
    var length = 0
    expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
    expect(lcn_plan_destroy(plan), "LCN_OK")
    expect(lcn_plan_map(blob, length, &plan), "LCN_OK")
    #expect(nans(plan) == 0)
    var again = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &again, length, &length), "LCN_OK")
    #expect(again == blob)
    expect(lcn_plan_destroy(plan), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `Many threads run one plan at once, and one of them destroys it`() {
    let (rows, columns, width) = (64, 96, 4)
    let w = randomValues(rows, columns, density: 0.2, seed: 4)
    let x = randomValues(columns, width, density: 1, seed: 5)
    let matrix = make(w, rows, columns, format: LCN_CSR)
    var o = planOptions(width: width)
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    var expected = [Float](repeating: 0, count: rows * width)
    expect(
      lcn_plan_run(plan, x, Int64(width), &expected, Int64(width), Int64(width), nil, 0), "LCN_OK")

    final class Work: Sendable {
      let plan: UInt
      let x: [Float]
      let expected: [Float]
      let wrong = Atomic(0)
      let refused = Atomic(0)
      init(_ plan: OpaquePointer?, _ x: [Float], _ expected: [Float]) {
        (self.plan, self.x, self.expected) = (UInt(bitPattern: plan), x, expected)
      }
    }
    let work = Work(plan, x, expected)
    var threads: [pthread_t] = []
    for _ in 0..<8 {
      var thread = pthread_t()
      let failure = pthread_create(
        &thread, nil,
        { context in
          let work = Unmanaged<Work>.fromOpaque(context!).takeUnretainedValue()
          var y = [Float](repeating: 0, count: work.expected.count)
          for _ in 0..<2_000 {
            let status = lcn_plan_run(
              OpaquePointer(bitPattern: work.plan), work.x, 4, &y, 4, 4, nil, 0)
            if status == LCN_OK {
              if y != work.expected { work.wrong.add(1, ordering: .relaxed) }
            } else {
              if status != LCN_INVALID_HANDLE { work.wrong.add(1, ordering: .relaxed) }
              work.refused.add(1, ordering: .relaxed)
            }
          }
          return nil
        }, Unmanaged.passUnretained(work).toOpaque())
      #expect(failure == 0)
      threads.append(thread)
    }
    usleep(2_000)
    expect(lcn_plan_destroy(plan), "LCN_OK")
    for thread in threads { pthread_join(thread, nil) }
    #expect(work.wrong.load(ordering: .relaxed) == 0)
    expect(lcn_plan_destroy(plan), "LCN_INVALID_HANDLE")
  }

  @Test func `Threads change no bit`() {
    let (rows, columns, width) = (512, 768, 64)
    let w = randomValues(rows, columns, density: 0.2, seed: 6)
    let x = randomValues(columns, width, density: 1, seed: 7)
    let matrix = make(w, rows, columns, format: LCN_CSR)
    var results: [[Float]] = []
    for threads in [1, 2, 5] {
      var o = planOptions(width: width, threads: threads)
      var plan: OpaquePointer?
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
      var y = [Float](repeating: 0, count: rows * width)
      expect(
        lcn_plan_run(plan, x, Int64(width), &y, Int64(width), Int64(width), nil, 0), "LCN_OK")
      results.append(y)
      expect(lcn_plan_destroy(plan), "LCN_OK")
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test(arguments: [LCN_ACTIVATION_HARD_SWISH, LCN_ACTIVATION_SILU])
  func `Hard-swish and SiLU through C are those of Swift, and stay in the blob`(constant: Int)
    throws
  {
    let (rows, columns, width) = (19, 40, 5)
    let w = randomValues(rows, columns, density: 0.4, seed: 31)
    let x = randomValues(columns, width, density: 1, seed: 32)
    let activation: Activation = constant == LCN_ACTIVATION_SILU ? .silu : .hardSwish
    let dense = try DenseMatrix(rows: rows, columns: columns, values: w)
    let swift = try Plan(
      CSRMatrix(dense: dense), width: width, epilogue: Epilogue(activation: activation),
      options: PlanOptions(deterministic: true))(x)
    let matrix = make(w, rows, columns, format: LCN_CSR)
    var o = planOptions(width: width, activation: constant)
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    var length = 0
    expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
    var mapped: OpaquePointer?
    expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
    for handle in [plan, mapped] {
      var y = [Float](repeating: 9, count: rows * width)
      expect(
        lcn_plan_run(handle, x, Int64(width), &y, Int64(width), Int64(width), nil, 0), "LCN_OK")
      #expect(y == swift)
      expect(lcn_plan_destroy(handle), "LCN_OK")
    }
  }
}
