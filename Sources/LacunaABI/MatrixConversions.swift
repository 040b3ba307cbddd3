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
      let converted = try object.value.formatted(format, block_rows, block_columns)
      try deliver(MatrixObject(converted), .matrix, to: out)
    }
  }
}

@c @implementation
public func lcn_matrix_cast(
  _ matrix: OpaquePointer?, _ dtype: Int32, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let type = storedType(try elementType(dtype))
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      try deliver(MatrixObject(try rounded(object.tensor, type)), .matrix, to: out)
    }
  }
}

private func rounded<Target: StoredScalar>(
  _ tensor: SparseTensor, _: Target.Type
) throws(Failure) -> SparseTensor {
  try reserve(try product(tensor.stored, MemoryLayout<Target>.size, "bytes"))
  return tensor.converted(to: Target.self)
}

@c @implementation
public func lcn_matrix_transpose(
  _ matrix: OpaquePointer?, _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      try deliver(MatrixObject(try object.value.turned()), .matrix, to: out)
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
        object.value.describe(&info)
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
      try object.value.write(to: view)
    }
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
      try object.value.writeCSR(
        IndexedArrays(
          isWide: wide, rowOffsets: row_offsets, columnIndices: column_indices, values: values,
          capacity: capacity))
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
      try object.value.writeBSR(
        IndexedArrays(
          isWide: wide, rowOffsets: row_offsets, columnIndices: column_indices, values: values,
          capacity: capacity))
    }
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
      try object.value.write(to: view, values, capacity, count)
    }
  }
}

@c @implementation
public func lcn_matrix_destroy(_ matrix: OpaquePointer?) -> lcn_status {
  call { () throws(Failure) in try HandleTable.destroy(matrix, .matrix) }
}
