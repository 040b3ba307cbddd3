// Matrices in through lacuna.h and out again are the same matrices.

import CLacuna
import LacunaABI
import LacunaFormats
import TestSupport
import Testing

/// A rows×columns array, row-major, of which about `density` are not zero.
func randomValues(
  _ rows: Int, _ columns: Int, density: Double, seed: UInt64
) -> [Float] {
  var random = SeededGenerator(seed: seed)
  return (0..<rows * columns).map { _ in
    Double.random(in: 0..<1, using: &random) < density
      ? Float.random(in: -1...1, using: &random) : 0
  }
}

/// A handle for a packed f32 array.
func makeDense(_ rows: Int, _ columns: Int, _ values: [Float]) -> OpaquePointer? {
  var values = values
  var matrix: OpaquePointer?
  values.withUnsafeMutableBytes { bytes in
    var d = denseDesc(rows, columns, bytes.baseAddress)
    expect(lcn_matrix_from_dense(&d, &matrix), "LCN_OK")
  }
  return matrix
}

/// The elements of a handle of f32.
func elements(_ matrix: OpaquePointer?, _ rows: Int, _ columns: Int) -> [Float] {
  var values = [Float](repeating: .nan, count: max(rows * columns, 1))
  values.withUnsafeMutableBytes { bytes in
    var d = denseDesc(rows, columns, bytes.baseAddress)
    expect(lcn_matrix_to_dense(matrix, &d), "LCN_OK")
  }
  return Array(values.prefix(rows * columns))
}

@Suite struct MatrixTests {
  static let shapes = [
    (0, 0), (0, 3), (3, 0), (1, 1), (1, 70), (70, 1), (5, 7), (16, 16), (33, 129),
  ]

  @Test(arguments: shapes, [1, 2] as [UInt64])
  func `A matrix survives every format and the way back`(shape: (Int, Int), seed: UInt64) {
    let (rows, columns) = shape
    let values = randomValues(rows, columns, density: 0.3, seed: seed)
    let dense = makeDense(rows, columns, values)
    for (format, block) in [
      (LCN_DENSE, (1, 1)), (LCN_CSR, (1, 1)), (LCN_BSR, (1, 1)), (LCN_BSR, (4, 4)),
      (LCN_BSR, (2, 3)), (LCN_BSR, (100, 100)),
    ] {
      var other: OpaquePointer?
      expect(
        lcn_matrix_convert(dense, Int32(format), Int64(block.0), Int64(block.1), &other), "LCN_OK")
      #expect(elements(other, rows, columns) == values, "\(shape) format \(format) seed \(seed)")
      var transposed: OpaquePointer?
      var back: OpaquePointer?
      expect(lcn_matrix_transpose(other, &transposed), "LCN_OK")
      expect(lcn_matrix_transpose(transposed, &back), "LCN_OK")
      #expect(elements(back, rows, columns) == values, "\(shape) format \(format) seed \(seed)")
      let across = elements(transposed, columns, rows)
      for i in 0..<rows {
        for j in 0..<columns { #expect(across[j * rows + i] == values[i * columns + j]) }
      }
      var info = matrixInfo()
      expect(lcn_matrix_get_info(other, &info), "LCN_OK")
      #expect(info.format == Int32(format) && info.dtype == Int32(LCN_F32))
      #expect(info.rows == Int64(rows) && info.columns == Int64(columns))
      if format == LCN_CSR { #expect(info.stored == Int64(values.count { $0 != 0 })) }
      #expect(info.value_bytes == info.stored * 4)
      for handle in [other, transposed, back] { expect(lcn_matrix_destroy(handle), "LCN_OK") }
    }
    expect(lcn_matrix_destroy(dense), "LCN_OK")
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `CSR arrays come out as they went in, with narrow and wide indices`(seed: UInt64) throws {
    let (rows, columns) = (13, 21)
    let source = CSRMatrix(
      dense: try DenseMatrix<Double>(
        rows: rows, columns: columns,
        values: randomValues(rows, columns, density: 0.2, seed: seed).map(Double.init)))
    let offsets32 = source.pattern.rowOffsets.map { Int32($0) }
    let indices32 = (0..<source.nnz).map { Int32(source.pattern.columnIndices[$0]) }
    let offsets64 = offsets32.map { Int64($0) }
    let indices64 = indices32.map { Int64($0) }
    for wide in [false, true] {
      var matrix: OpaquePointer?
      let type = wide ? LCN_I64 : LCN_I32
      var d =
        wide
        ? csrDesc(
          rows, columns, nnz: source.nnz, pinned(offsets64), pinned(indices64),
          pinned(source.values),
          dtype: LCN_F64,
          indexType: type)
        : csrDesc(
          rows, columns, nnz: source.nnz, pinned(offsets32), pinned(indices32),
          pinned(source.values),
          dtype: LCN_F64,
          indexType: type)
      expect(lcn_matrix_from_csr(&d, &matrix), "LCN_OK")
      var values = [Double](repeating: 0, count: source.nnz)
      if wide {
        var (o, c) = (
          [Int64](repeating: -1, count: rows + 1), [Int64](repeating: -1, count: source.nnz)
        )
        expect(
          lcn_matrix_to_csr(matrix, Int32(type), &o, &c, &values, Int64(source.nnz)), "LCN_OK")
        #expect(o == offsets64 && c == indices64 && values == source.values, "seed \(seed)")
      } else {
        var (o, c) = (
          [Int32](repeating: -1, count: rows + 1), [Int32](repeating: -1, count: source.nnz)
        )
        expect(
          lcn_matrix_to_csr(matrix, Int32(type), &o, &c, &values, Int64(source.nnz)), "LCN_OK")
        #expect(o == offsets32 && c == indices32 && values == source.values, "seed \(seed)")
        expect(
          lcn_matrix_to_csr(matrix, Int32(type), &o, &c, &values, Int64(source.nnz) - 1),
          "LCN_BUFFER_TOO_SMALL")
        expect(
          lcn_matrix_to_bsr(matrix, Int32(type), &o, &c, &values, Int64(source.nnz)),
          "LCN_UNSUPPORTED")
      }
      expect(lcn_matrix_destroy(matrix), "LCN_OK")
    }
  }

  @Test func `BSR arrays come out as they went in, and padding cells as zeros`() {
    // 3×5 in 2×2 blocks: the grid is 2×3. The block at (1, 2) covers one cell of the matrix.
    let offsets: [Int32] = [0, 1, 2]
    let indices: [Int32] = [0, 2]
    let given: [Float] = [1, 2, 3, 4, 5, 9, 9, 9]
    var d = bsrDesc(3, 5, block: (2, 2), blocks: 2, pinned(offsets), pinned(indices), pinned(given))
    var matrix: OpaquePointer?
    expect(lcn_matrix_from_bsr(&d, &matrix), "LCN_OK")
    #expect(elements(matrix, 3, 5) == [1, 2, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5])
    var (o, c) = ([Int32](repeating: -1, count: 3), [Int32](repeating: -1, count: 2))
    var values = [Float](repeating: -1, count: 8)
    expect(lcn_matrix_to_bsr(matrix, Int32(LCN_I32), &o, &c, &values, 2), "LCN_OK")
    #expect(o == offsets && c == indices && values == [1, 2, 3, 4, 5, 0, 0, 0])
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }

  @Test(arguments: [LCN_MASK_BYTES, LCN_MASK_BITS], [(3, 5), (4, 64), (2, 65), (7, 130)])
  func `A bitmask and its packed values make the masked matrix`(kind: Int, shape: (Int, Int)) {
    let (rows, columns) = shape
    let values = randomValues(rows, columns, density: 1, seed: 5)
    let kept = randomValues(rows, columns, density: 0.4, seed: 6).map { $0 != 0 }
    let packed = kind == LCN_MASK_BITS ? (columns + 7) / 8 : columns
    let stride = packed + 3
    // The bits between the rows and past the last column are set and must not matter.
    var data = [UInt8](repeating: 0xff, count: rows * stride)
    for i in 0..<rows {
      for j in 0..<columns where !kept[i * columns + j] {
        if kind == LCN_MASK_BITS {
          data[i * stride + j / 8] &= ~(1 << UInt8(j % 8))
        } else {
          data[i * stride + j] = 0
        }
      }
    }
    let expected = zip(values, kept).map { $1 ? $0 : 0 }
    var masked: OpaquePointer?
    var compressed: OpaquePointer?
    var m = maskDesc(rows, columns, pinned(data), kind: kind, rowStride: stride)
    var d = denseDesc(rows, columns, pinned(values))
    expect(lcn_matrix_from_masked_dense(&d, &m, &masked), "LCN_OK")
    #expect(elements(masked, rows, columns) == expected)
    let stored = zip(values, kept).filter(\.1).map(\.0)
    expect(
      lcn_matrix_from_bitmask(&m, Int32(LCN_F32), stored, Int64(stored.count), &compressed),
      "LCN_OK")
    #expect(elements(compressed, rows, columns) == expected)
    var none: OpaquePointer?
    expect(
      lcn_matrix_from_bitmask(&m, Int32(LCN_F32), stored, Int64(stored.count) + 1, &none),
      "LCN_SHAPE_MISMATCH")
    #expect(none == nil)

    let out = pinned([UInt8](repeating: 0xaa, count: rows * stride))
    var outValues = [Float](repeating: -9, count: stored.count)
    var count: Int64 = -1
    var o = maskDesc(rows, columns, out, kind: kind, rowStride: stride)
    expect(
      lcn_matrix_to_bitmask(masked, &o, &outValues, Int64(outValues.count), &count), "LCN_OK")
    #expect(count == Int64(stored.count) && outValues == stored)
    for i in 0..<rows {
      for j in 0..<columns {
        let bit =
          kind == LCN_MASK_BITS
          ? out[i * stride + j / 8] >> UInt8(j % 8) & 1 == 1 : out[i * stride + j] == 1
        #expect(bit == kept[i * columns + j], "(\(i), \(j)) of \(shape)")
      }
      #expect(out[i * stride + packed] == 0xaa, "bytes between rows are not touched")
    }
    for handle in [masked, compressed] { expect(lcn_matrix_destroy(handle), "LCN_OK") }
  }

  @Test func `Strides view a transposed and padded array`() {
    // W[2, 3] kept as [in, out] with out padded to 4: W[i, j] at j · 4 + i.
    let kernel: [Double] = [1, 4, -1, -1, 2, 5, -1, -1, 3, 6, -1, -1]
    var d = denseDesc(2, 3, pinned(kernel), dtype: LCN_F64, rowStride: 1, columnStride: 4)
    var matrix: OpaquePointer?
    expect(lcn_matrix_from_dense(&d, &matrix), "LCN_OK")
    let out = pinned([Double](repeating: 0, count: 6))
    var o = denseDesc(2, 3, out, dtype: LCN_F64)
    expect(lcn_matrix_to_dense(matrix, &o), "LCN_OK")
    #expect((0..<6).map { out[$0] } == [1, 2, 3, 4, 5, 6])
    let back = pinned([Double](repeating: -1, count: 12))
    var b = denseDesc(2, 3, back, dtype: LCN_F64, rowStride: 1, columnStride: 4)
    expect(lcn_matrix_to_dense(matrix, &b), "LCN_OK")
    #expect((0..<12).map { back[$0] } == kernel)
    var wrong = denseDesc(2, 3, back, dtype: LCN_F32)
    expect(lcn_matrix_to_dense(matrix, &wrong), "LCN_SHAPE_MISMATCH")
    expect(lcn_matrix_destroy(matrix), "LCN_OK")
  }
}
