// lcn_matrix_from_…: matrices from arrays of the caller, checked and copied.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats

@c @implementation
public func lcn_matrix_from_dense(
  _ dense: UnsafePointer<lcn_dense_desc>?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let view = try DenseView(dense, "dense")
    try deliver(MatrixObject(try matrix(view, storedType(view.type))), .matrix, to: out)
  }
}

/// The elements of `view`.
private func matrix<Scalar: StoredScalar>(
  _ view: DenseView, _: Scalar.Type
) throws(Failure) -> SparseTensor {
  SparseTensor(try view.copy(Scalar.self))
}

@c @implementation
public func lcn_matrix_from_masked_dense(
  _ dense: UnsafePointer<lcn_dense_desc>?, _ mask: UnsafePointer<lcn_mask_desc>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let view = try DenseView(dense, "dense")
    let maskView = try MaskView(mask, "mask")
    try requireShape(
      "mask", rows: maskView.rows, columns: maskView.columns, expectedRows: view.rows,
      expectedColumns: view.columns)
    let bits = try maskView.copy()
    try deliver(MatrixObject(try masked(view, bits, storedType(view.type))), .matrix, to: out)
  }
}

/// The elements of `view` that `mask` keeps, as CSR.
private func masked<Scalar: StoredScalar>(
  _ view: DenseView, _ mask: BitMask, _: Scalar.Type
) throws(Failure) -> SparseTensor {
  let count = mask.keptCount
  try reserve(count * 16 + view.rows * 8)
  let pattern = CSRPattern(mask)
  let source = view.elements(Scalar.self)
  let values = [Scalar](unsafeUninitializedCapacity: count) { buffer, written in
    for i in 0..<view.rows {
      let row = source + i * view.rowStride
      for p in pattern.rowOffsets[i]..<pattern.rowOffsets[i + 1] {
        buffer[p] = row[pattern.columnIndices[p] * view.columnStride]
      }
    }
    written = count
  }
  return SparseTensor(CSRMatrix(uncheckedPattern: pattern, values: values))
}

@c @implementation
public func lcn_matrix_from_csr(
  _ csr: UnsafePointer<lcn_csr_desc>?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let d = try descriptor(csr, "csr")
    try zero(d.reserved, "reserved of csr")
    let dtype = try elementType(d.dtype)
    let pattern = try pattern(
      rows: try dimension(d.rows, "rows"), columns: try dimension(d.columns, "columns"),
      count: d.nnz, "nnz", indexType: d.index_type, d.row_offsets, d.column_indices)
    let values = try array(d.values, count: pattern.nnz, size: dtype.size, "values")
    try deliver(
      MatrixObject(try matrix(pattern, values, storedType(dtype))), .matrix, to: out)
  }
}

/// A copy of the caller's values under a pattern.
private func matrix<Scalar: StoredScalar>(
  _ pattern: CSRPattern, _ values: UnsafeRawPointer, _: Scalar.Type
) throws(Failure) -> SparseTensor {
  SparseTensor(
    CSRMatrix(
      uncheckedPattern: pattern, values: try copied(values, pattern.nnz, Scalar.self)))
}

@c @implementation
public func lcn_matrix_from_bsr(
  _ bsr: UnsafePointer<lcn_bsr_desc>?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let d = try descriptor(bsr, "bsr")
    try zero(d.reserved, "reserved of bsr")
    let dtype = try elementType(d.dtype)
    let rows = try dimension(d.rows, "rows")
    let columns = try dimension(d.columns, "columns")
    let block = try blockSize(d.block_rows, d.block_columns)
    let grid = block.grid(rows: rows, columns: columns)
    let pattern = try pattern(
      rows: grid.rows, columns: grid.columns, count: d.blocks, "blocks", indexType: d.index_type,
      d.row_offsets, d.column_indices)
    let count = try product(pattern.nnz, block.area, "values")
    let values = try array(d.values, count: count, size: dtype.size, "values")
    let matrix = try assembled(
      rows, columns, block, pattern, values, count, storedType(dtype))
    try deliver(MatrixObject(matrix), .matrix, to: out)
  }
}

private func assembled<Scalar: StoredScalar>(
  _ rows: Int, _ columns: Int, _ block: BlockSize, _ pattern: CSRPattern,
  _ values: UnsafeRawPointer, _ count: Int, _: Scalar.Type
) throws(Failure) -> SparseTensor {
  let values = try copied(values, count, Scalar.self)
  return SparseTensor(
    try Failure.format { () throws(FormatError) in
      try BSRMatrix(
        rows: rows, columns: columns, block: block, blockPattern: pattern, values: values)
    })
}

@c @implementation
public func lcn_matrix_from_bitmask(
  _ mask: UnsafePointer<lcn_mask_desc>?, _ dtype: Int32, _ values: UnsafeRawPointer?,
  _ count: Int64, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let view = try MaskView(mask, "mask")
    let type = try elementType(dtype)
    let bits = try view.copy()
    let kept = bits.keptCount
    if Int64(kept) != count {
      throw Failure(.shapeMismatch, "count is \(count), but the mask keeps \(kept) elements")
    }
    let source = try array(values, count: kept, size: type.size, "values")
    try reserve(kept * 16 + view.rows * 8)
    let pattern = CSRPattern(bits)
    try deliver(
      MatrixObject(try matrix(pattern, source, storedType(type))), .matrix, to: out)
  }
}

/// A block size from C.
func blockSize(_ rows: Int64, _ columns: Int64) throws(Failure) -> BlockSize {
  let limit = Int64(largestBlockArea)
  if rows < 1 || columns < 1 || rows > limit || columns > limit || rows * columns > limit {
    throw Failure(
      .invalidArgument,
      "block \(rows)×\(columns) must have edges of 1 or more and at most \(limit) elements")
  }
  return try Failure.format { () throws(FormatError) in
    try BlockSize(Int(rows), Int(columns))
  }
}

/// A checked CSR structure from two index arrays of the caller.
private func pattern(
  rows: Int, columns: Int, count: Int64, _ countName: StaticString, indexType: Int32,
  _ rowOffsets: UnsafeRawPointer?, _ columnIndices: UnsafeRawPointer?
) throws(Failure) -> CSRPattern {
  let wide = try isWideIndex(indexType)
  let size = wide ? 8 : 4
  if count < 0 { throw Failure(.invalidArgument, "\(countName) is \(count), must be 0 or more") }
  // More entries than places can only be wrong, and is found before anything that long is read.
  let places = try product(rows, columns, "elements")
  if count > Int64(places) {
    throw Failure(
      .invalidStructure, "\(countName) is \(count), but there are only \(places) places")
  }
  let entries = Int(count)
  let offsets = try array(rowOffsets, count: rows + 1, size: size, "row_offsets")
  let indices = try array(columnIndices, count: entries, size: size, "column_indices")
  // The widened copies, and the pattern's own indices.
  try reserve((rows + 1) * 8 + entries * 12)
  // The offsets' own rules come first: a wrong end says that the indices may not be there.
  let rowStarts = widened(offsets, rows + 1, wide: wide)
  if rowStarts[rows] != entries {
    throw Failure(
      .invalidStructure, "last row offset is \(rowStarts[rows]), but \(countName) is \(count)")
  }
  let columnsOfEntries = widened(indices, entries, wide: wide)
  return try Failure.format { () throws(FormatError) in
    try CSRPattern(
      rows: rows, columns: columns, rowOffsets: rowStarts, columnIndices: columnsOfEntries)
  }
}

/// `count` indices of the caller as Swift's own integers.
private func widened(_ pointer: UnsafeRawPointer, _ count: Int, wide: Bool) -> [Int] {
  [Int](unsafeUninitializedCapacity: count) { buffer, written in
    if wide {
      let source = pointer.assumingMemoryBound(to: Int64.self)
      for i in 0..<count { buffer[i] = Int(source[i]) }
    } else {
      let source = pointer.assumingMemoryBound(to: Int32.self)
      for i in 0..<count { buffer[i] = Int(source[i]) }
    }
    written = count
  }
}

/// A copy of `count` values of the caller.
func copied<Scalar: StoredScalar>(
  _ pointer: UnsafeRawPointer, _ count: Int, _: Scalar.Type
) throws(Failure) -> [Scalar] {
  try reserve(count * MemoryLayout<Scalar>.size)
  return Array(
    UnsafeBufferPointer(start: pointer.assumingMemoryBound(to: Scalar.self), count: count))
}
