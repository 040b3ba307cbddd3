// lcn_matrix_…: matrices of chosen sizes, from arrays exactly as long as lacuna.h asks.

import CLacuna
import Lacuna
import LacunaABI

/// Memory for the arrays of one case, each alone: a sanitizer sees a step beside it.
final class CaseMemory {
  private var blocks: [UnsafeMutableRawPointer] = []

  /// `count` elements; NULL when there are none and `isNull` says so.
  func array<T: BitwiseCopyable>(_ values: [T], isNull: Bool = false) -> UnsafeMutableRawPointer? {
    if values.isEmpty && isNull { return nil }
    let bytes = values.count * MemoryLayout<T>.stride
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    values.withUnsafeBytes {
      block.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(block), byteCount: bytes)
    }
    blocks.append(block)
    return block
  }

  /// Values of the type that `dtype` names.
  func values(_ values: [Double], _ dtype: Int32) -> UnsafeMutableRawPointer? {
    switch Int(dtype) {
    case LCN_F64: array(values)
    case LCN_BF16: array(values.map { BFloat16(nearest: $0) })
    case LCN_F16: array(values.map { Float16(nearest: $0) })
    default: array(values.map { Float($0) })
    }
  }

  /// Indices of the type that `type` names.
  func indices(_ indices: [Int], _ type: Int32) -> UnsafeMutableRawPointer? {
    type == Int32(LCN_I64)
      ? array(indices.map { Int64($0) }) : array(indices.map { Int32(truncatingIfNeeded: $0) })
  }

  deinit { for block in blocks { block.deallocate() } }
}

/// A handle and the matrix that it has to stand for.
struct KnownMatrix {
  let handle: OpaquePointer
  let rows: Int
  let columns: Int
  let dtype: Int32
  let elements: [Double]
}

extension InputCursor {
  /// A type of matrices, or one that does not exist.
  mutating func dtype() -> Int32 { [1, 2, 1, 2, 5, 6, 0, 3][choice(8)] }
  /// A size of a call: at most 20, or one that has to be refused.
  mutating func extent() -> Int { size(20) }
}

/// Whether a size is one that arrays can be made for.
func isSmall(_ sizes: Int...) -> Bool { sizes.allSatisfy { (0...4096).contains($0) } }

/// A matrix by one of the functions that make them; nil when it was refused.
func makeMatrix(_ cursor: inout InputCursor) throws -> KnownMatrix? {
  switch cursor.choice(5) {
  case 0: try makeDense(&cursor, masked: false)
  case 1: try makeDense(&cursor, masked: true)
  case 2: try makeCSR(&cursor)
  case 3: try makeBSR(&cursor)
  default: try makeFromBits(&cursor)
  }
}

/// The made matrix has these elements; a status other than LCN_OK has left no handle.
private func known(
  _ status: lcn_status, _ handle: OpaquePointer?, _ rows: Int, _ columns: Int, _ dtype: Int32,
  _ elements: @autoclosure () -> [Double]
) throws -> KnownMatrix? {
  if status != Int32(LCN_OK) {
    try hold(handle == nil, "status \(status), but a handle")
    try hold(lcn_last_error() != nil, "status \(status) without words")
    return nil
  }
  guard let handle else { throw Violation("LCN_OK, but no handle") }
  let matrix = KnownMatrix(
    handle: handle, rows: rows, columns: columns, dtype: dtype,
    elements: elements().map { rounded($0, dtype) })
  try check(matrix)
  return matrix
}

/// lcn_matrix_to_dense gives the elements.
func check(_ matrix: KnownMatrix) throws {
  let memory = CaseMemory()
  let count = matrix.rows * matrix.columns
  let target = memory.values([Double](repeating: 99, count: count), matrix.dtype)
  var description = lcn_dense_desc(
    struct_size: UInt32(MemoryLayout<lcn_dense_desc>.size), dtype: matrix.dtype,
    rows: Int64(matrix.rows), columns: Int64(matrix.columns), row_stride: 0, column_stride: 0,
    values: target)
  let status = lcn_matrix_to_dense(matrix.handle, &description)
  try hold(status == Int32(LCN_OK), "to_dense: status \(status)")
  for index in 0..<count {
    let found = element(target, index, matrix.dtype)
    let expected = matrix.elements[index]
    try hold(
      found == expected || (found.isNaN && expected.isNaN),
      "element \(index) of \(matrix.rows)×\(matrix.columns) is \(found), not \(expected)")
  }
}

func element(_ memory: UnsafeMutableRawPointer?, _ index: Int, _ dtype: Int32) -> Double {
  switch Int(dtype) {
  case LCN_F64: memory!.load(fromByteOffset: index * 8, as: Double.self)
  case LCN_BF16: Double(memory!.load(fromByteOffset: index * 2, as: BFloat16.self).widened)
  case LCN_F16: Double(memory!.load(fromByteOffset: index * 2, as: Float16.self).widened)
  default: Double(memory!.load(fromByteOffset: index * 4, as: Float.self))
  }
}

/// What a matrix of that type stores for a value.
private func rounded(_ value: Double, _ dtype: Int32) -> Double {
  switch Int(dtype) {
  case LCN_BF16: Double(BFloat16(nearest: value).widened)
  case LCN_F16: Double(Float16(nearest: value).widened)
  default: value
  }
}

/// The type of x, y and bias of a plan whose weights have one.
func operandType(_ weights: Int32) -> Int32 {
  weights == Int32(LCN_F64) ? weights : Int32(LCN_F32)
}

/// A dense description of chosen strides, its memory, and the elements it describes.
private func denseCase(
  _ cursor: inout InputCursor, _ memory: CaseMemory
) -> (description: lcn_dense_desc, elements: [Double]) {
  let (rows, columns) = (cursor.extent(), cursor.extent())
  let (rowStride, columnStride) = (
    cursor.flag() ? 0 : cursor.size(64), cursor.flag() ? 0 : cursor.size(3)
  )
  var description = lcn_dense_desc(
    struct_size: UInt32(MemoryLayout<lcn_dense_desc>.size), dtype: cursor.dtype(),
    rows: Int64(rows), columns: Int64(columns), row_stride: Int64(rowStride),
    column_stride: Int64(columnStride), values: nil)
  let isSound = isSmall(rows, columns, rowStride, columnStride)
  let (down, right) = (
    rowStride == 0 ? max(columns, 1) : rowStride, columnStride == 0 ? 1 : columnStride
  )
  let isEmpty = !isSound || rows == 0 || columns == 0
  let span = isEmpty ? 0 : (rows - 1) * down + (columns - 1) * right + 1
  let values = (0..<span).map { _ in cursor.value() }
  description.values = memory.values(values, description.dtype)
  if isEmpty { return (description, []) }
  let elements = (0..<rows * columns).map { values[$0 / columns * down + $0 % columns * right] }
  return (description, elements)
}

/// A mask of that shape, and what it keeps.
private func maskCase(
  _ cursor: inout InputCursor, _ memory: CaseMemory, _ rows: Int, _ columns: Int
) -> (description: lcn_mask_desc, kept: [Bool]) {
  let isBits = cursor.flag()
  let packed = isSmall(columns) ? (isBits ? (columns + 7) / 8 : columns) : 0
  let stride = cursor.flag() ? 0 : cursor.size(64)
  var description = lcn_mask_desc(
    struct_size: UInt32(MemoryLayout<lcn_mask_desc>.size),
    kind: Int32(isBits ? LCN_MASK_BITS : LCN_MASK_BYTES), rows: Int64(rows),
    columns: Int64(columns), row_stride: Int64(stride), data: nil)
  let isEmpty = !isSmall(rows, columns, stride) || rows == 0 || columns == 0
  let step = stride == 0 ? packed : stride
  let bytes = (0..<(isEmpty ? 0 : (rows - 1) * step + packed)).map { _ in UInt8(cursor.byte()) }
  description.data = memory.array(bytes)
  if isEmpty || step < packed { return (description, []) }
  let kept = (0..<rows * columns).map { index in
    let (row, column) = (index / columns, index % columns)
    return isBits
      ? bytes[row * step + column / 8] >> UInt8(column % 8) & 1 == 1
      : bytes[row * step + column] != 0
  }
  return (description, kept)
}

private func makeDense(_ cursor: inout InputCursor, masked: Bool) throws -> KnownMatrix? {
  let memory = CaseMemory()
  var (dense, elements) = denseCase(&cursor, memory)
  let (rows, columns) = (Int(dense.rows), Int(dense.columns))
  var handle: OpaquePointer?
  if !masked {
    let status = lcn_matrix_from_dense(&dense, &handle)
    return try known(status, handle, rows, columns, dense.dtype, elements)
  }
  // Now and then a mask of another shape, which has to be refused.
  let other = cursor.flag() ? rows : cursor.extent()
  var (mask, kept) = maskCase(&cursor, memory, other, columns)
  let status = lcn_matrix_from_masked_dense(&dense, &mask, &handle)
  return try known(
    status, handle, rows, columns, dense.dtype,
    elements.indices.map { kept[$0] ? elements[$0] : 0 })
}

private func makeFromBits(_ cursor: inout InputCursor) throws -> KnownMatrix? {
  let memory = CaseMemory()
  let (rows, columns, dtype) = (cursor.extent(), cursor.extent(), cursor.dtype())
  var (mask, kept) = maskCase(&cursor, memory, rows, columns)
  let count = cursor.flag() ? kept.count { $0 } : cursor.extent()
  let values = (0..<(isSmall(count) ? count : 0)).map { _ in cursor.value() }
  var handle: OpaquePointer?
  let status = lcn_matrix_from_bitmask(
    &mask, dtype, memory.values(values, dtype), Int64(count), &handle)
  var next = values.makeIterator()
  return try known(status, handle, rows, columns, dtype, kept.map { $0 ? next.next()! : 0 })
}

/// Offsets and indices: a pattern that obeys the rules, or whatever the bytes are.
private func patternCase(
  _ cursor: inout InputCursor, _ rows: Int, _ columns: Int, _ type: Int32
) -> (offsets: [Int], indices: [Int]) {
  var (offsets, indices): ([Int], [Int]) = ([0], [])
  let obeys = cursor.choice(4) > 0
  for _ in 0..<rows {
    if obeys {
      var next = cursor.choice(4)
      while next < min(columns, 4096) && !cursor.isAtEnd {
        indices.append(next)
        next += 1 + cursor.choice(8)
      }
      offsets.append(indices.count)
    } else {
      for _ in 0..<cursor.choice(4) { indices.append(cursor.extent()) }
      offsets.append(cursor.flag() ? indices.count : cursor.extent())
    }
  }
  // What a 32-bit array cannot hold is another number in it.
  if type == Int32(LCN_I64) { return (offsets, indices) }
  func narrow(_ values: [Int]) -> [Int] { values.map { Int(Int32(truncatingIfNeeded: $0)) } }
  return (narrow(offsets), narrow(indices))
}

private func makeCSR(_ cursor: inout InputCursor) throws -> KnownMatrix? {
  let memory = CaseMemory()
  let (rows, columns, dtype) = (cursor.extent(), cursor.extent(), cursor.dtype())
  let indexType = Int32(cursor.element(of: [1, 2, 1, 2, 0]))
  let (offsets, indices) = patternCase(&cursor, isSmall(rows) ? rows : 0, columns, indexType)
  let nnz = cursor.choice(8) == 0 ? cursor.extent() : indices.count
  let entries = (0..<(isSmall(nnz) ? nnz : 0)).map { $0 < indices.count ? indices[$0] : 0 }
  let values = entries.map { _ in cursor.value() }
  var description = lcn_csr_desc(
    struct_size: UInt32(MemoryLayout<lcn_csr_desc>.size), dtype: dtype, index_type: indexType,
    reserved: 0, rows: Int64(rows), columns: Int64(columns), nnz: Int64(nnz),
    row_offsets: memory.indices(offsets, indexType),
    column_indices: memory.indices(entries, indexType), values: memory.values(values, dtype))
  var handle: OpaquePointer?
  let status = lcn_matrix_from_csr(&description, &handle)
  func elements() -> [Double] {
    var elements = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for p in offsets[row]..<offsets[row + 1] { elements[row * columns + entries[p]] = values[p] }
    }
    return elements
  }
  return try known(status, handle, rows, columns, dtype, elements())
}

private func makeBSR(_ cursor: inout InputCursor) throws -> KnownMatrix? {
  let memory = CaseMemory()
  let (rows, columns, dtype) = (cursor.extent(), cursor.extent(), cursor.dtype())
  let block = (cursor.size(5), cursor.size(5))
  let indexType = Int32(cursor.element(of: [1, 2, 1, 2, 0]))
  let isSound = isSmall(rows, columns, block.0, block.1) && block.0 > 0 && block.1 > 0
  let grid =
    isSound
    ? ((rows + block.0 - 1) / block.0, (columns + block.1 - 1) / block.1) : (0, 0)
  let (offsets, indices) = patternCase(&cursor, grid.0, grid.1, indexType)
  let area = isSound ? block.0 * block.1 : 0
  let values = (0..<indices.count * area).map { _ in cursor.value() }
  var description = lcn_bsr_desc(
    struct_size: UInt32(MemoryLayout<lcn_bsr_desc>.size), dtype: dtype, index_type: indexType,
    reserved: 0, rows: Int64(rows), columns: Int64(columns), block_rows: Int64(block.0),
    block_columns: Int64(block.1), blocks: Int64(indices.count),
    row_offsets: memory.indices(offsets, indexType),
    column_indices: memory.indices(indices, indexType), values: memory.values(values, dtype))
  var handle: OpaquePointer?
  let status = lcn_matrix_from_bsr(&description, &handle)
  func elements() -> [Double] {
    var elements = [Double](repeating: 0, count: rows * columns)
    for blockRow in 0..<grid.0 {
      for p in offsets[blockRow]..<offsets[blockRow + 1] {
        for cell in 0..<area {
          let row = blockRow * block.0 + cell / block.1
          let column = indices[p] * block.1 + cell % block.1
          if row < rows && column < columns {
            elements[row * columns + column] = values[p * area + cell]
          }
        }
      }
    }
    return elements
  }
  return try known(status, handle, rows, columns, dtype, elements())
}
