// No input from C may trap or corrupt: every kind of wrong argument has its status.

import CLacuna
import LacunaABI
import TestSupport
import Testing

@Suite struct MisuseTests {
  @Test func `Null pointers are refused everywhere`() {
    var matrix: OpaquePointer?
    var d = denseDesc(1, 1, pinned([1 as Float]))
    expect(lcn_matrix_from_dense(nil, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_from_dense(&d, nil), "LCN_NULL_POINTER")
    d.values = nil
    expect(lcn_matrix_from_dense(&d, &matrix), "LCN_NULL_POINTER")
    #expect(matrix == nil)
    var m = maskDesc(1, 1, nil)
    expect(lcn_matrix_from_masked_dense(&d, &m, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_from_masked_dense(&d, nil, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_from_csr(nil, &matrix), "LCN_NULL_POINTER")
    var c = csrDesc(1, 1, nnz: 0, nil, nil, nil)
    expect(lcn_matrix_from_csr(&c, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_from_bsr(nil, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_from_bitmask(nil, 1, nil, 0, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_convert(nil, Int32(LCN_CSR), 1, 1, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_transpose(nil, &matrix), "LCN_NULL_POINTER")
    expect(lcn_matrix_to_dense(nil, nil), "LCN_NULL_POINTER")
    expect(lcn_matrix_to_csr(nil, 1, nil, nil, nil, 0), "LCN_NULL_POINTER")
    expect(lcn_matrix_to_bitmask(nil, nil, nil, 0, nil), "LCN_NULL_POINTER")
    expect(lcn_matrix_destroy(nil), "LCN_OK")
  }

  @Test func `A handle is recognised after it was destroyed, however often it is reused`() {
    var stale: [OpaquePointer?] = []
    for round in 0..<100 {
      let matrix = makeDense(1, 1, [Float(round)])
      #expect(!stale.contains(matrix))
      expect(lcn_matrix_destroy(matrix), "LCN_OK")
      stale.append(matrix)
    }
    let live = makeDense(1, 1, [7])
    for handle in stale {
      expect(lcn_matrix_destroy(handle), "LCN_INVALID_HANDLE")
      var info = matrixInfo()
      expect(lcn_matrix_get_info(handle, &info), "LCN_INVALID_HANDLE")
    }
    #expect(elements(live, 1, 1) == [7])
    expect(lcn_matrix_destroy(live), "LCN_OK")
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `Forged handles are recognised`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var info = matrixInfo()
    let live = makeDense(1, 1, [7])
    for _ in 0..<10_000 {
      let bits =
        UInt.random(in: 1...(.max), using: &random) >> UInt.random(in: 0..<60, using: &random)
      let forged = OpaquePointer(bitPattern: bits)
      if forged == live || forged == nil { continue }
      let status = lcn_matrix_get_info(forged, &info)
      // Tests run side by side, so a guess may hit another one's live matrix.
      #expect(
        ["LCN_INVALID_HANDLE", "LCN_OK"].contains(name(status)), "0x\(String(bits, radix: 16))")
    }
    #expect(elements(live, 1, 1) == [7])
    expect(lcn_matrix_destroy(live), "LCN_OK")
  }

  static let absurd: [Int] = [
    -1, .min, .max, .max / 2, 1 << 31, 1 << 32, 1 << 62, Int(Int32.min),
  ]

  @Test(arguments: absurd)
  func `Absurd sizes and strides are refused`(size: Int) {
    let values = [Float](repeating: 1, count: 16)
    var matrix: OpaquePointer?
    for field in 0..<4 {
      var d = denseDesc(2, 2, pinned(values))
      switch field {
      case 0: d.rows = Int64(size)
      case 1: d.columns = Int64(size)
      case 2: d.row_stride = Int64(size)
      default: d.column_stride = Int64(size)
      }
      #expect(lcn_matrix_from_dense(&d, &matrix) != LCN_OK, "field \(field)")
      #expect(matrix == nil)
    }
    let offsets: [Int32] = [0, 1, 2]
    let indices: [Int32] = [0, 1]
    for field in 0..<3 {
      var c = csrDesc(2, 2, nnz: 2, pinned(offsets), pinned(indices), pinned(values))
      switch field {
      case 0: c.rows = Int64(size)
      case 1: c.columns = Int64(size)
      default: c.nnz = Int64(size)
      }
      #expect(lcn_matrix_from_csr(&c, &matrix) != LCN_OK, "field \(field)")
    }
    for field in 0..<5 {
      var b = bsrDesc(
        4, 4, block: (2, 2), blocks: 2, pinned(offsets), pinned(indices), pinned(values))
      switch field {
      case 0: b.rows = Int64(size)
      case 1: b.columns = Int64(size)
      case 2: b.block_rows = Int64(size)
      case 3: b.block_columns = Int64(size)
      default: b.blocks = Int64(size)
      }
      #expect(lcn_matrix_from_bsr(&b, &matrix) != LCN_OK, "field \(field)")
    }
    let dense = makeDense(4, 4, values)
    #expect(lcn_matrix_convert(dense, Int32(LCN_BSR), Int64(size), 1, &matrix) != LCN_OK)
    #expect(lcn_matrix_convert(dense, Int32(LCN_BSR), 1, Int64(size), &matrix) != LCN_OK)
    #expect(lcn_matrix_convert(dense, Int32(truncatingIfNeeded: size), 1, 1, &matrix) != LCN_OK)
    expect(lcn_matrix_destroy(dense), "LCN_OK")
  }

  @Test func `Sizes whose product is more than memory are refused before anything is touched`() {
    let value = pinned([1 as Float])
    var matrix: OpaquePointer?
    var d = denseDesc(Int(Int32.max), Int(Int32.max), value)
    expect(lcn_matrix_from_dense(&d, &matrix), "LCN_SIZE_OVERFLOW")
    d = denseDesc(1 << 25, 1 << 25, value)
    expect(lcn_matrix_from_dense(&d, &matrix), "LCN_OUT_OF_MEMORY")
    var empty = csrDesc(
      1 << 12, Int(Int32.max), nnz: 0, pinned([Int32](repeating: 0, count: 1 << 12 + 1)), nil, nil)
    expect(lcn_matrix_from_csr(&empty, &matrix), "LCN_OK")
    var dense: OpaquePointer?
    expect(lcn_matrix_convert(matrix, Int32(LCN_DENSE), 1, 1, &dense), "LCN_OUT_OF_MEMORY")
    #expect(dense == nil)
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test func `Overlapping strides are refused`() {
    let values = pinned([Float](repeating: 1, count: 64))
    var matrix: OpaquePointer?
    for (rowStride, columnStride) in [(3, 1), (1, 1), (1, 3), (2, 2), (4, 2)] {
      var d = denseDesc(4, 4, values, rowStride: rowStride, columnStride: columnStride)
      expect(
        lcn_matrix_from_dense(&d, &matrix), "LCN_INVALID_STRIDE", "\(rowStride), \(columnStride)")
    }
    for (rowStride, columnStride) in [(4, 1), (1, 4), (9, 2), (2, 9)] {
      var d = denseDesc(4, 4, values, rowStride: rowStride, columnStride: columnStride)
      expect(lcn_matrix_from_dense(&d, &matrix), "LCN_OK", "\(rowStride), \(columnStride)")
      expect(lcn_matrix_destroy(matrix), "LCN_OK")
    }
  }

  @Test func `Broken structures are refused with the place`() {
    let values = [Float](repeating: 1, count: 4)
    var matrix: OpaquePointer?
    let cases: [([Int32], [Int32], String)] = [
      ([0, 2, 2], [1, 0], "not sorted"), ([0, 2, 2], [1, 1], "twice"),
      ([0, 1, 2], [0, 3], "3"), ([0, 1, 2], [-1, 0], "-1"), ([1, 1, 2], [0, 1], "start"),
      ([0, 3, 2], [0, 1], "decrease"), ([0, 1, 1], [0, 1], "last row offset"),
      ([0, 1, .max], [0, 1], "last row offset"), ([0, .min, 2], [0, 1], "decrease"),
    ]
    for (offsets, indices, text) in cases {
      var c = csrDesc(2, 3, nnz: 2, pinned(offsets), pinned(indices), pinned(values))
      expect(lcn_matrix_from_csr(&c, &matrix), "LCN_INVALID_STRUCTURE", "\(offsets) \(indices)")
      #expect(lastError().contains(text), "\(offsets) \(indices): \(lastError())")
      #expect(matrix == nil)
    }
  }

  @Test func `A wrong struct_size, constant or alignment is refused`() {
    var values = [Float](repeating: 1, count: 16)
    var matrix: OpaquePointer?
    for size in [0, 1, 8, 47, 49, 4096, UInt32.max] {
      var d = denseDesc(2, 2, pinned(values))
      d.struct_size = size
      expect(lcn_matrix_from_dense(&d, &matrix), "LCN_STRUCT_SIZE", "\(size)")
    }
    for dtype in [0, 3, -1, Int(Int32.max)] {
      var d = denseDesc(2, 2, pinned(values), dtype: dtype)
      expect(lcn_matrix_from_dense(&d, &matrix), "LCN_INVALID_ARGUMENT", "\(dtype)")
    }
    let offsets: [Int32] = [0, 1, 2]
    let indices: [Int32] = [0, 1]
    var csr = csrDesc(2, 2, nnz: 2, pinned(offsets), pinned(indices), pinned(values))
    csr.reserved = 1
    expect(lcn_matrix_from_csr(&csr, &matrix), "LCN_INVALID_ARGUMENT")
    var bsr = bsrDesc(
      2, 2, block: (1, 1), blocks: 2, pinned(offsets), pinned(indices), pinned(values))
    bsr.reserved = -1
    expect(lcn_matrix_from_bsr(&bsr, &matrix), "LCN_INVALID_ARGUMENT")
    #expect(lastError().contains("reserved of bsr is -1"))
    values.withUnsafeMutableBytes { bytes in
      var d = denseDesc(2, 2, bytes.baseAddress! + 1)
      expect(lcn_matrix_from_dense(&d, &matrix), "LCN_MISALIGNED")
    }
  }
}
