// Descriptors of lacuna.h as Swift values: the LCN_…_INIT macros, which Swift does not import.

import CLacuna
import LacunaFormats

/// The elements at an address that stays theirs, for descriptions to point to: an array's address is good
/// only during the call that it is passed to. Never freed; a test program ends soon.
func pinned<T>(_ elements: [T]) -> UnsafeMutablePointer<T> {
  let memory = UnsafeMutablePointer<T>.allocate(capacity: max(elements.count, 1))
  memory.initialize(from: elements, count: elements.count)
  return memory
}

func denseDesc(
  _ rows: Int, _ columns: Int, _ values: UnsafeMutableRawPointer?, dtype: Int = LCN_F32,
  rowStride: Int = 0, columnStride: Int = 0
) -> lcn_dense_desc {
  lcn_dense_desc(
    struct_size: UInt32(MemoryLayout<lcn_dense_desc>.size), dtype: Int32(dtype),
    rows: Int64(rows), columns: Int64(columns), row_stride: Int64(rowStride),
    column_stride: Int64(columnStride), values: values)
}

func maskDesc(
  _ rows: Int, _ columns: Int, _ data: UnsafeMutableRawPointer?, kind: Int = LCN_MASK_BYTES,
  rowStride: Int = 0
) -> lcn_mask_desc {
  lcn_mask_desc(
    struct_size: UInt32(MemoryLayout<lcn_mask_desc>.size), kind: Int32(kind), rows: Int64(rows),
    columns: Int64(columns), row_stride: Int64(rowStride), data: data)
}

func csrDesc(
  _ rows: Int, _ columns: Int, nnz: Int, _ offsets: UnsafeRawPointer?, _ indices: UnsafeRawPointer?,
  _ values: UnsafeRawPointer?, dtype: Int = LCN_F32, indexType: Int = LCN_I32
) -> lcn_csr_desc {
  lcn_csr_desc(
    struct_size: UInt32(MemoryLayout<lcn_csr_desc>.size), dtype: Int32(dtype),
    index_type: Int32(indexType), reserved: 0, rows: Int64(rows), columns: Int64(columns),
    nnz: Int64(nnz), row_offsets: offsets, column_indices: indices, values: values)
}

func bsrDesc(
  _ rows: Int, _ columns: Int, block: (Int, Int), blocks: Int, _ offsets: UnsafeRawPointer?,
  _ indices: UnsafeRawPointer?, _ values: UnsafeRawPointer?, dtype: Int = LCN_F32,
  indexType: Int = LCN_I32
) -> lcn_bsr_desc {
  lcn_bsr_desc(
    struct_size: UInt32(MemoryLayout<lcn_bsr_desc>.size), dtype: Int32(dtype),
    index_type: Int32(indexType), reserved: 0, rows: Int64(rows), columns: Int64(columns),
    block_rows: Int64(block.0), block_columns: Int64(block.1), blocks: Int64(blocks),
    row_offsets: offsets, column_indices: indices, values: values)
}

func matrixInfo() -> lcn_matrix_info {
  var info = lcn_matrix_info()
  info.struct_size = UInt32(MemoryLayout<lcn_matrix_info>.size)
  return info
}
