// bf16 and f16 through lacuna.h: matrices in and out, casts, plans, updates and blobs; what does not fit is named.

import CLacuna
import LacunaABI
import LacunaFormats
import LacunaOperations
import TestSupport
import Testing

@Suite struct NarrowABITests {
  private static let rows = 12, columns = 20
  private static let floats: [Float] = (0..<rows * columns).map { i -> Float in
    if i % 3 != 0 { return 0 }
    return Float(i * 37 % 101 - 50) / 25
  }

  private func bits(_ dtype: Int) -> [UInt16] {
    Self.floats.map {
      dtype == LCN_BF16 ? BFloat16($0).bitPattern : Float16(nearest: $0).bitPattern
    }
  }

  private func widened(_ bits: [UInt16], _ dtype: Int) -> [Float] {
    bits.map {
      dtype == LCN_BF16 ? BFloat16(bitPattern: $0).widened : Float16(bitPattern: $0).widened
    }
  }

  private func dense(_ dtype: Int) -> OpaquePointer? {
    var matrix: OpaquePointer?
    var d = denseDesc(Self.rows, Self.columns, pinned(bits(dtype)), dtype: dtype)
    expect(lcn_matrix_from_dense(&d, &matrix), "LCN_OK")
    return matrix
  }

  @Test(arguments: [LCN_BF16, LCN_F16])
  func `Matrices of 16 bits come back as they were, from every source`(dtype: Int) {
    let all = bits(dtype)
    let source = dense(dtype)
    for (format, block) in [(LCN_DENSE, 1), (LCN_CSR, 1), (LCN_BSR, 4)] {
      var matrix: OpaquePointer?
      expect(
        lcn_matrix_convert(source, Int32(format), Int64(block), Int64(block), &matrix), "LCN_OK")
      var info = matrixInfo()
      expect(lcn_matrix_get_info(matrix, &info), "LCN_OK")
      #expect(Int(info.dtype) == dtype && info.value_bytes == 2 * info.stored)
      var out = [UInt16](repeating: 1, count: all.count)
      out.withUnsafeMutableBytes {
        var d = denseDesc(Self.rows, Self.columns, $0.baseAddress, dtype: dtype)
        expect(lcn_matrix_to_dense(matrix, &d), "LCN_OK")
        d.dtype = Int32(LCN_F32)
        d.values = UnsafeMutableRawPointer(pinned(Self.floats))
        expect(lcn_matrix_to_dense(matrix, &d), "LCN_SHAPE_MISMATCH")
      }
      #expect(lastError().contains("f32") && lastError().contains("f16"))
      #expect(out == all)
      expect(lcn_matrix_destroy(matrix), "LCN_OK")
    }
    // CSR arrays in and out.
    let csr = CSRMatrix(
      dense: try! DenseMatrix(rows: Self.rows, columns: Self.columns, values: Self.floats))
    let offsets = csr.pattern.rowOffsets.map { Int32($0) }
    let indices = (0..<csr.nnz).map { Int32(csr.pattern.columnIndices[$0]) }
    let values = all.filter { $0 & 0x7FFF != 0 }
    var made: OpaquePointer?
    var d = csrDesc(
      Self.rows, Self.columns, nnz: csr.nnz, pinned(offsets), pinned(indices), pinned(values),
      dtype: dtype)
    expect(lcn_matrix_from_csr(&d, &made), "LCN_OK")
    var (o, c, v) = (
      [Int32](repeating: 0, count: offsets.count), [Int32](repeating: 0, count: csr.nnz),
      [UInt16](repeating: 0, count: csr.nnz)
    )
    expect(lcn_matrix_to_csr(made, Int32(LCN_I32), &o, &c, &v, Int64(csr.nnz)), "LCN_OK")
    #expect(o == offsets && c == indices && v == values)
    expect(lcn_matrix_destroy(made), "LCN_OK")
    expect(lcn_matrix_destroy(source), "LCN_OK")
  }

  @Test func `A cast rounds to the nearest and widens exactly`() {
    let values: [Float] = [1, 1.005859375, 65519.996, 65520, -0.0, 1e-8, .infinity, 3]
    var source: OpaquePointer?
    var d = denseDesc(2, 4, pinned(values))
    expect(lcn_matrix_from_dense(&d, &source), "LCN_OK")
    for dtype in [LCN_BF16, LCN_F16] {
      var (narrow, wide): (OpaquePointer?, OpaquePointer?)
      expect(lcn_matrix_cast(source, Int32(dtype), &narrow), "LCN_OK")
      expect(lcn_matrix_cast(narrow, Int32(LCN_F32), &wide), "LCN_OK")
      var out = [Float](repeating: 9, count: 8)
      out.withUnsafeMutableBytes {
        var d = denseDesc(2, 4, $0.baseAddress)
        expect(lcn_matrix_to_dense(wide, &d), "LCN_OK")
      }
      let expected = values.map {
        dtype == LCN_BF16 ? BFloat16($0).widened : Float16(nearest: $0).widened
      }
      #expect(out.map(\.bitPattern) == expected.map(\.bitPattern))
      expect(lcn_matrix_destroy(narrow), "LCN_OK")
      expect(lcn_matrix_destroy(wide), "LCN_OK")
    }
    for dtype in [0, LCN_I8, LCN_U8, 7, -1] {
      var none: OpaquePointer?
      expect(lcn_matrix_cast(source, Int32(dtype), &none), "LCN_INVALID_ARGUMENT")
      #expect(none == nil && lastError().contains("LCN_BF16"))
    }
    expect(lcn_matrix_destroy(source), "LCN_OK")
  }

  @Test(arguments: [LCN_BF16, LCN_F16])
  func `A plan multiplies floats, and takes new weights of its own type`(dtype: Int) throws {
    let source = dense(dtype)
    let exact = widened(bits(dtype), dtype)
    let x = (0..<Self.columns * 5).map { Float($0 % 13) / 4 - 1 }
    let bias = (0..<Self.rows).map { Float($0) / 8 }
    for format in [LCN_CSR, LCN_BSR, LCN_DENSE] {
      var (matrix, plan): (OpaquePointer?, OpaquePointer?)
      expect(lcn_matrix_convert(source, Int32(format), 2, 4, &matrix), "LCN_OK")
      let wide = make(
        exact, Self.rows, Self.columns, format: format, block: format == LCN_BSR ? (2, 4) : (1, 1))
      var o = planOptions(width: 5, layout: LCN_COLUMNS, activation: LCN_ACTIVATION_RELU)
      (o.bias, o.bias_count, o.updatable) = (UnsafeRawPointer(pinned(bias)), 12, 1)
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
      var info = lcn_plan_info()
      info.struct_size = UInt32(MemoryLayout<lcn_plan_info>.size)
      expect(lcn_plan_get_info(plan, &info), "LCN_OK")
      #expect(Int(info.dtype) == dtype)
      #expect(Int(info.activations) == LCN_F32 && Int(info.output) == LCN_F32)
      // The same kernel on the widened weights.
      var (other, kernel): (OpaquePointer?, [CChar]) = (
        nil,
        withUnsafeBytes(of: info.kernel) {
          Array($0.bindMemory(to: CChar.self))
        }
      )
      kernel.append(0)
      let name = UnsafePointer(pinned(kernel))
      o.kernel = name
      expect(lcn_plan_create(wide, &o, &other), "LCN_OK")
      func run(_ plan: OpaquePointer?) -> [Float] {
        var y = [Float](repeating: -1, count: Self.rows * 5)
        expect(lcn_plan_run(plan, x, 5, &y, 5, 5, nil, 0), "LCN_OK")
        return y
      }
      #expect(run(plan) == run(other) && run(plan).contains { $0 > 0 })
      // New weights, in the order of the matrix, and through a blob.
      let stored = Int(info.stored)
      let fresh = (0..<stored).map {
        dtype == LCN_BF16
          ? BFloat16(Float($0 % 9) / 8 - 0.5).bitPattern
          : Float16(nearest: Float($0 % 9) / 8 - 0.5).bitPattern
      }
      expect(lcn_plan_update_values(plan, fresh, Int64(stored), nil, 0), "LCN_OK")
      expect(
        lcn_plan_update_values(other, widened(fresh, dtype), Int64(stored), nil, 0), "LCN_OK")
      #expect(run(plan) == run(other))
      expect(lcn_plan_update_values(plan, fresh, Int64(stored) - 1, nil, 0), "LCN_SHAPE_MISMATCH")
      var length = 0
      expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
      var blob = [UInt8](repeating: 0, count: length)
      expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
      #expect(blob[8] == 3)
      var mapped: OpaquePointer?
      expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
      #expect(run(mapped) == run(plan))
      var again = [UInt8](repeating: 0, count: length)
      expect(lcn_plan_serialize(mapped, &again, length, &length), "LCN_OK")
      #expect(again == blob)
      // A blob of another version does not hold this type, whatever its sum says.
      blob[8] = 1
      var none: OpaquePointer?
      expect(lcn_plan_map(blob, length, &none), "LCN_BAD_DATA")
      for handle in [plan, other, mapped] { expect(lcn_plan_destroy(handle), "LCN_OK") }
      expect(lcn_matrix_destroy(matrix), "LCN_OK")
      expect(lcn_matrix_destroy(wide), "LCN_OK")
    }
    expect(lcn_matrix_destroy(source), "LCN_OK")
  }

  @Test func `A plan may round x to bf16 where it is allowed and can be`() {
    let source = dense(LCN_BF16)
    let exact = widened(bits(LCN_BF16), LCN_BF16)
    let width = 20
    // Numbers of bf16: every kernel has the same product to compute.
    let x = (0..<Self.columns * width).map { Float($0 % 13) / 4 - 1 }
    var (matrix, plan): (OpaquePointer?, OpaquePointer?)
    expect(lcn_matrix_convert(source, Int32(LCN_CSR), 1, 1, &matrix), "LCN_OK")
    var o = planOptions(width: width, layout: LCN_COLUMNS, activation: LCN_ACTIVATION_NONE)
    o.kernel = UnsafePointer(pinned("pairs-4x2".utf8CString.map { $0 }))
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_UNSUPPORTED")
    o.allow_bf16_activations = 2
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_INVALID_ARGUMENT")
    #expect(lastError().contains("allow_bf16_activations"))
    o.allow_bf16_activations = 1
    if !ISA.selected.includes(.v4BF16) {
      expect(lcn_plan_create(matrix, &o, &plan), "LCN_UNSUPPORTED")
      o.kernel = nil
    }
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_OK")
    func run(_ plan: OpaquePointer?) -> [Float] {
      var y = [Float](repeating: -1, count: Self.rows * width)
      expect(lcn_plan_run(plan, x, Int64(width), &y, Int64(width), Int64(width), nil, 0), "LCN_OK")
      return y
    }
    let y = run(plan)
    for i in 0..<Self.rows {
      for n in 0..<width {
        let terms = (0..<Self.columns).map {
          Double(exact[i * Self.columns + $0]) * Double(x[$0 * width + n])
        }
        let size = terms.reduce(0) { $0 + abs($1) }
        #expect(abs(Double(y[i * width + n]) - terms.reduce(0, +)) <= 1e-5 * size)
      }
    }
    // A blob remembers the permission: its kernel would not be found without.
    var length = 0
    expect(lcn_plan_serialize(plan, nil, 0, &length), "LCN_OK")
    var blob = [UInt8](repeating: 0, count: length)
    expect(lcn_plan_serialize(plan, &blob, length, &length), "LCN_OK")
    var mapped: OpaquePointer?
    expect(lcn_plan_map(blob, length, &mapped), "LCN_OK")
    #expect(run(mapped) == y)
    for handle in [plan, mapped] { expect(lcn_plan_destroy(handle), "LCN_OK") }
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
    expect(lcn_matrix_destroy(source), "LCN_OK")
  }

  @Test func `Types that do not fit are named, both of them`() {
    let matrix = dense(LCN_BF16)
    var plan: OpaquePointer?
    var o = planOptions(width: 1, layout: LCN_COLUMNS, activation: LCN_ACTIVATION_NONE)
    (o.weights, o.activations, o.range) = (Int32(LCN_I8), Int32(LCN_F32), Int32(LCN_RANGE_SIDE))
    expect(lcn_plan_create(matrix, &o, &plan), "LCN_UNSUPPORTED")
    #expect(lastError().contains("LCN_I8") && lastError().contains("LCN_BF16"))
    // Magnitudes are compared in f32 or f64.
    var threshold = 0.0
    expect(
      lcn_topk_threshold(Int32(LCN_F16), bits(LCN_F16), 9, 2, &threshold), "LCN_UNSUPPORTED")
    #expect(lastError().contains("LCN_F16") && lastError().contains("LCN_F32"))
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `A mask clears elements of 16 bits in place`() {
    var values = bits(LCN_F16)
    let keep = (0..<values.count).map { UInt8($0 % 2) }
    let expected = values.enumerated().map { $0 % 2 == 0 ? 0 : $1 }
    values.withUnsafeMutableBytes {
      var d = denseDesc(Self.rows, Self.columns, $0.baseAddress, dtype: LCN_F16)
      var m = maskDesc(Self.rows, Self.columns, pinned(keep))
      expect(lcn_mask_apply(&d, &m), "LCN_OK")
    }
    #expect(values == expected)
  }
}
