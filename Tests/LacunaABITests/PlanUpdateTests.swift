// lcn_plan_update_values: other weights under the same pattern, bit for bit those of a new plan.

import CLacuna
import LacunaABI
import TestSupport
import Testing

@Suite struct PlanUpdateTests {
  /// The stored values of a matrix in their own order.
  private func stored(_ matrix: OpaquePointer?, _ format: Int) -> [Float] {
    var info = matrixInfo()
    expect(lcn_matrix_get_info(matrix, &info), "LCN_OK")
    var values = [Float](repeating: 0, count: Int(info.stored))
    var offsets = [Int64](repeating: 0, count: Int(info.rows) + 1)
    var columns = [Int64](repeating: 0, count: Int(info.stored))
    let type = Int32(LCN_I64)
    switch format {
    case LCN_CSR:
      expect(lcn_matrix_to_csr(matrix, type, &offsets, &columns, &values, info.stored), "LCN_OK")
    case LCN_BSR:
      expect(lcn_matrix_to_bsr(matrix, type, &offsets, &columns, &values, info.blocks), "LCN_OK")
    default:
      values.withUnsafeMutableBytes { bytes in
        var d = denseDesc(Int(info.rows), Int(info.columns), bytes.baseAddress)
        expect(lcn_matrix_to_dense(matrix, &d), "LCN_OK")
      }
    }
    return values
  }

  private func run(_ plan: OpaquePointer?, _ c: PlanTests.Case, _ x: [Float]) -> [UInt32] {
    var y = [Float](repeating: .nan, count: c.rows * c.width)
    let byRows = c.layout == LCN_ROWS
    expect(
      lcn_plan_run(
        plan, x, Int64(byRows ? c.columns : c.width), &y, Int64(byRows ? c.rows : c.width),
        Int64(c.width), nil, 0), "LCN_OK")
    return y.map(\.bitPattern)
  }

  @Test(arguments: PlanTests.cases)
  func `Updated values give the bits of a new plan, also after a trip through bytes`(
    c: PlanTests.Case
  ) {
    let w = randomValues(c.rows, c.columns, density: 0.3, seed: 5)
    let x = randomValues(c.columns, c.width, density: 1, seed: 6)
    let biases = [7, 8].map { randomValues(1, c.rows, density: 1, seed: $0) }
    let old = make(w, c.rows, c.columns, format: c.format, block: c.block)
    let new = make(w.map { $0 * -1.7 }, c.rows, c.columns, format: c.format, block: c.block)

    func plan(_ matrix: OpaquePointer?, bias: [Float], kernel: String?) -> OpaquePointer? {
      var o = planOptions(width: c.width, layout: c.layout)
      (o.updatable, o.bias_count) = (1, Int64(c.rows))
      var plan: OpaquePointer?
      bias.withUnsafeBytes { bytes in
        o.bias = bytes.baseAddress
        if let kernel {
          kernel.withCString {
            o.kernel = $0
            expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
          }
        } else {
          expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
        }
      }
      return plan
    }
    let updated = plan(old, bias: biases[0], kernel: nil)
    var info = lcn_plan_info()
    info.struct_size = UInt32(MemoryLayout<lcn_plan_info>.size)
    expect(lcn_plan_get_info(updated, &info), "LCN_OK")
    let kernel = withUnsafeBytes(of: info.kernel) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    let fresh = plan(new, bias: biases[1], kernel: kernel)
    let wanted = run(fresh, c, x)
    #expect(run(updated, c, x) != wanted)

    let values = stored(new, c.format)
    let (count, rows) = (Int64(values.count), Int64(c.rows))
    let before = run(updated, c, x)
    expect(lcn_plan_update_values(updated, values, count + 1, nil, 0), "LCN_SHAPE_MISMATCH")
    expect(lcn_plan_update_values(updated, nil, count, nil, 0), "LCN_NULL_POINTER")
    for wrong in [rows - 1, rows + 1, -1, .max] {
      expect(
        lcn_plan_update_values(updated, values, count, biases[1], wrong), "LCN_SHAPE_MISMATCH")
    }
    #expect(run(updated, c, x) == before, "a refused update changes nothing")
    expect(lcn_plan_update_values(updated, values, count, biases[1], rows), "LCN_OK")
    #expect(run(updated, c, x) == wanted, "\(kernel)")

    var length = 0
    expect(lcn_plan_serialize(updated, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(updated, &blob, length, &length), "LCN_OK")
    var mapped: OpaquePointer?
    expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
    #expect(run(mapped, c, x) == wanted)
    expect(lcn_plan_update_values(mapped, stored(old, c.format), count, biases[0], rows), "LCN_OK")
    #expect(run(mapped, c, x) == before)
    for handle in [updated, fresh, mapped] { expect(lcn_plan_destroy(handle), "LCN_OK") }
    for handle in [old, new] { expect(lcn_matrix_destroy(handle), "LCN_OK") }
  }

  @Test func `A plan that was not made for it keeps its values`() {
    let values: [Float] = [1, 2, 3, 4]
    let matrix = make(values, 2, 2, format: LCN_CSR)
    var o = planOptions()
    var plan: OpaquePointer?
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    expect(lcn_plan_update_values(plan, values, 4, nil, 0), "LCN_UNSUPPORTED")
    expect(lcn_plan_destroy(plan), "LCN_OK")
    expect(lcn_plan_update_values(plan, values, 4, nil, 0), "LCN_INVALID_HANDLE")
    for flag in [2, -1] as [Int32] {
      o.updatable = flag
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_INVALID_ARGUMENT")
    }
    // The struct of the first release ends before `updatable`.
    o.struct_size = 72
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    for handle in [plan] { expect(lcn_plan_destroy(handle), "LCN_OK") }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }
}
