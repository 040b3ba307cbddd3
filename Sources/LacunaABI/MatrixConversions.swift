// lcn_matrix_convert, _transpose, _get_info, _to_…, _destroy: what can be done with a matrix
// handle.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats

@c @implementation
public func lcn_matrix_convert(
  _ matrix: OpaquePointer?, _ format: Int32, _ block_rows: Int64, _ block_columns: Int64,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      let converted: MatrixObject
      switch object.value {
      case .f32(let m):
        converted = MatrixObject(try formatted(m, format, block_rows, block_columns))
      case .f64(let m):
        converted = MatrixObject(try formatted(m, format, block_rows, block_columns))
      }
      try deliver(converted, .matrix, to: out)
    }
  }
}

private func formatted<Scalar: SparseScalar>(
  _ matrix: StoredMatrix<Scalar>, _ format: Int32, _ blockRows: Int64, _ blockColumns: Int64
) throws(Failure) -> StoredMatrix<Scalar> {
  switch Int(format) {
  case LCN_DENSE: return .dense(try matrix.dense())
  case LCN_CSR: return .csr(try matrix.csr())
  case LCN_BSR: return .bsr(try matrix.bsr(try blockSize(blockRows, blockColumns)))
  default:
    throw Failure(
      .invalidArgument, "format is \(format), must be LCN_DENSE, LCN_CSR or LCN_BSR")
  }
}

@c @implementation
public func lcn_matrix_transpose(
  _ matrix: OpaquePointer?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      let transposed: MatrixObject
      switch object.value {
      case .f32(let m): transposed = MatrixObject(try m.transposed())
      case .f64(let m): transposed = MatrixObject(try m.transposed())
      }
      try deliver(transposed, .matrix, to: out)
    }
  }
}

@c @implementation
public func lcn_matrix_get_info(
  _ matrix: OpaquePointer?, _ info: UnsafeMutablePointer<lcn_matrix_info>?
) -> lcn_status {
  call { () throws(Failure) in
    try fill(info, "info") { (info) throws(Failure) in
      try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
        switch object.value {
        case .f32(let m): m.describe(&info)
        case .f64(let m): m.describe(&info)
        }
      }
    }
  }
}

@c @implementation
public func lcn_matrix_to_dense(
  _ matrix: OpaquePointer?, _ dense: UnsafePointer<lcn_dense_desc>?
) -> lcn_status {
  call { () throws(Failure) in
    let view = try DenseView(dense, "dense")
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      switch object.value {
      case .f32(let m): try write(m, to: view)
      case .f64(let m): try write(m, to: view)
      }
    }
  }
}

private func write<Scalar: SparseScalar>(
  _ matrix: StoredMatrix<Scalar>, to view: DenseView
) throws(Failure) {
  try requireType(view.dtype, Scalar.dtype)
  try requireShape(
    "dense", rows: view.rows, columns: view.columns, expectedRows: matrix.rows,
    expectedColumns: matrix.columns)
  view.write(try matrix.dense())
}

/// Fails when a buffer has another element type than the object.
func requireType(_ actual: DType, _ expected: DType) throws(Failure) {
  if actual != expected {
    throw Failure(.shapeMismatch, "the buffer holds \(actual), the matrix \(expected)")
  }
}

@c @implementation
public func lcn_matrix_to_csr(
  _ matrix: OpaquePointer?, _ index_type: Int32, _ row_offsets: UnsafeMutableRawPointer?,
  _ column_indices: UnsafeMutableRawPointer?, _ values: UnsafeMutableRawPointer?,
  _ capacity: Int64
) -> lcn_status {
  call { () throws(Failure) in
    let wide = try isWideIndex(index_type)
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      switch object.value {
      case .f32(.csr(let m)):
        try write(
          m.pattern, 1, m.values, wide: wide, row_offsets, column_indices, values, capacity)
      case .f64(.csr(let m)):
        try write(
          m.pattern, 1, m.values, wide: wide, row_offsets, column_indices, values, capacity)
      default: throw Failure(.unsupported, "the matrix is not CSR: convert it first")
      }
    }
  }
}

@c @implementation
public func lcn_matrix_to_bsr(
  _ matrix: OpaquePointer?, _ index_type: Int32, _ row_offsets: UnsafeMutableRawPointer?,
  _ column_indices: UnsafeMutableRawPointer?, _ values: UnsafeMutableRawPointer?,
  _ capacity: Int64
) -> lcn_status {
  call { () throws(Failure) in
    let wide = try isWideIndex(index_type)
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      switch object.value {
      case .f32(.bsr(let m)):
        try write(
          m.blockPattern, m.block.area, m.values, wide: wide, row_offsets, column_indices, values,
          capacity)
      case .f64(.bsr(let m)):
        try write(
          m.blockPattern, m.block.area, m.values, wide: wide, row_offsets, column_indices, values,
          capacity)
      default: throw Failure(.unsupported, "the matrix is not BSR: convert it first")
      }
    }
  }
}

/// Writes a structure and `area` values per entry to arrays of the caller.
private func write<Scalar: SparseScalar>(
  _ pattern: CSRPattern, _ area: Int, _ source: [Scalar], wide: Bool,
  _ rowOffsets: UnsafeMutableRawPointer?, _ columnIndices: UnsafeMutableRawPointer?,
  _ values: UnsafeMutableRawPointer?, _ capacity: Int64
) throws(Failure) {
  let size = wide ? 8 : 4
  if capacity < Int64(pattern.nnz) {
    throw Failure(.bufferTooSmall, "capacity is \(capacity), but \(pattern.nnz) entries are stored")
  }
  if !wide && pattern.nnz > Int(Int32.max) {
    throw Failure(.sizeOverflow, "offsets up to \(pattern.nnz) do not fit LCN_I32")
  }
  let offsets = try mutableArray(rowOffsets, count: pattern.rows + 1, size: size, "row_offsets")
  let indices = try mutableArray(columnIndices, count: pattern.nnz, size: size, "column_indices")
  let target = try mutableArray(
    values, count: source.count, size: MemoryLayout<Scalar>.size, "values")
  if wide {
    let (o, c) = (
      offsets.assumingMemoryBound(to: Int64.self), indices.assumingMemoryBound(to: Int64.self)
    )
    for i in 0...pattern.rows { o[i] = Int64(pattern.rowOffsets[i]) }
    for p in 0..<pattern.nnz { c[p] = Int64(pattern.columnIndices[p]) }
  } else {
    let (o, c) = (
      offsets.assumingMemoryBound(to: Int32.self), indices.assumingMemoryBound(to: Int32.self)
    )
    for i in 0...pattern.rows { o[i] = Int32(truncatingIfNeeded: pattern.rowOffsets[i]) }
    for p in 0..<pattern.nnz { c[p] = Int32(truncatingIfNeeded: pattern.columnIndices[p]) }
  }
  source.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { return }
    target.assumingMemoryBound(to: Scalar.self).update(from: base, count: buffer.count)
  }
}

@c @implementation
public func lcn_matrix_to_bitmask(
  _ matrix: OpaquePointer?, _ mask: UnsafePointer<lcn_mask_desc>?,
  _ values: UnsafeMutableRawPointer?, _ capacity: Int64, _ count: UnsafeMutablePointer<Int64>?
) -> lcn_status {
  call { () throws(Failure) in
    let view = try MaskView(mask, "mask")
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      switch object.value {
      case .f32(let m): try write(m, to: view, values, capacity, count)
      case .f64(let m): try write(m, to: view, values, capacity, count)
      }
    }
  }
}

private func write<Scalar: SparseScalar>(
  _ matrix: StoredMatrix<Scalar>, to view: MaskView, _ values: UnsafeMutableRawPointer?,
  _ capacity: Int64, _ count: UnsafeMutablePointer<Int64>?
) throws(Failure) {
  try requireShape(
    "mask", rows: view.rows, columns: view.columns, expectedRows: matrix.rows,
    expectedColumns: matrix.columns)
  let mask = try matrix.mask()
  let kept = mask.keptCount
  if let values {
    if capacity < Int64(kept) {
      throw Failure(.bufferTooSmall, "capacity is \(capacity), but \(kept) elements are stored")
    }
    let target = try mutableArray(
      values, count: kept, size: MemoryLayout<Scalar>.size, "values"
    ).assumingMemoryBound(to: Scalar.self)
    var position = 0
    switch matrix {
    case .csr(let m):
      for p in 0..<m.nnz { target[p] = m.values[p] }
    case .dense(let m):
      m.withUnsafeElements { elements in
        for i in 0..<m.rows {
          for j in 0..<m.columns where elements[i * m.rowStride + j] != 0 {
            target[position] = elements[i * m.rowStride + j]
            position += 1
          }
        }
      }
    case .bsr(let m):
      let (r, c) = (m.block.rows, m.block.columns)
      for i in 0..<m.rows {
        for b in m.blockPattern.rowOffsets[i / r]..<m.blockPattern.rowOffsets[i / r + 1] {
          let first = m.blockPattern.columnIndices[b] * c
          for j in 0..<min(c, m.columns - first) {
            target[position] = m.values[(b * r + i % r) * c + j]
            position += 1
          }
        }
      }
    }
  }
  view.write(mask)
  count?.pointee = Int64(kept)
}

@c @implementation
public func lcn_matrix_destroy(_ matrix: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(matrix, .matrix) }
}
