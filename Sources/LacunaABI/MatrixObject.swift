// What a matrix handle stands for: a dense, CSR or BSR matrix of f32, f64, bf16 or f16.

import CLacuna
import LacunaFormats
import LacunaOperations

extension StoredMatrix {
  /// The matrix as CSR. A stored zero of a CSR matrix stays; those of the other formats go.
  func asCSR() throws(Failure) -> CSRMatrix<Scalar> {
    // Offsets, then index and value of each entry.
    try reserve((rows + 1) * 8 + stored * 12)
    switch self {
    case .dense(let m): return Conversion.csr(m)
    case .csr(let m): return m
    case .bsr(let m): return CSRMatrix(m)
    }
  }

  func asDense() throws(Failure) -> DenseMatrix<Scalar> {
    try reserve(
      try product(try product(rows, columns, "elements"), MemoryLayout<Scalar>.size, "bytes"))
    switch self {
    case .dense(let m): return m
    case .csr(let m): return m.dense()
    case .bsr(let m): return m.dense()
    }
  }

  func asBSR(_ block: BlockSize) throws(Failure) -> BSRMatrix<Scalar> {
    if case .bsr(let m) = self, m.block == block { return m }
    let grid = block.grid(rows: rows, columns: columns)
    let blocks = min(try product(grid.rows, grid.columns, "blocks"), stored)
    let cells = try product(blocks, block.area, "stored elements")
    try reserve(
      try product(cells, 2 * MemoryLayout<Scalar>.size, "bytes") + (grid.rows + 1) * 8 + blocks * 8)
    switch self {
    case .dense(let m): return Conversion.bsr(m, block: block)
    case .csr(let m): return BSRMatrix(m, block: block)
    case .bsr(let m):
      try reserve(try product(stored, 12, "bytes") + (rows + 1) * 8)
      return BSRMatrix(CSRMatrix(m), block: block)
    }
  }

  func transposed() throws(Failure) -> StoredMatrix {
    try reserve((rows + columns + 2) * 16 + (try product(stored, 24, "bytes")))
    switch self {
    case .dense(let m): return .dense(m.transposed())
    case .csr(let m): return .csr(m.transposed())
    case .bsr(let m): return .bsr(m.transposed())
    }
  }

  /// Which elements are stored; from a dense matrix, which are not zero.
  func mask() throws(Failure) -> BitMask {
    try reserve(try product(rows, (columns + 63) / 64 * 8, "bytes"))
    switch self {
    case .dense(let m): return Conversion.nonzeros(of: m)
    case .csr(let m): return BitMask(m.pattern)
    case .bsr(let m): return BitMask(m)
    }
  }

  /// Fills the members that depend on the format.
  func describe(_ info: inout lcn_matrix_info) {
    let size = MemoryLayout<Scalar>.size
    info.dtype = constant(Scalar.numberType)
    (info.rows, info.columns) = (Int64(rows), Int64(columns))
    info.stored = Int64(stored)
    (info.block_rows, info.block_columns, info.blocks) = (1, 1, Int64(stored))
    info.position_bytes = 0
    info.value_bytes = Int64(stored * size)
    info.reserved = 0
    switch self {
    case .dense:
      info.format = Int32(LCN_DENSE)
    case .csr(let m):
      info.format = Int32(LCN_CSR)
      info.position_bytes = Int64(positionBytes(m.pattern))
    case .bsr(let m):
      info.format = Int32(LCN_BSR)
      (info.block_rows, info.block_columns) = (Int64(m.block.rows), Int64(m.block.columns))
      info.blocks = Int64(m.blocks)
      info.position_bytes = Int64(positionBytes(m.blockPattern))
    }
  }

  private func positionBytes(_ pattern: CSRPattern) -> Int {
    pattern.rowOffsets.count * MemoryLayout<Int>.size + pattern.columnIndices.byteCount
  }
}

/// A ``StoredMatrix`` without its element type.
protocol AnyStoredMatrix: Sendable {
  var type: NumberType { get }
  var rows: Int { get }
  var columns: Int { get }
  var stored: Int { get }
  func describe(_ info: inout lcn_matrix_info)
  /// The matrix in the storage format of a constant of lacuna.h.
  func formatted(
    _ format: Int32, _ blockRows: Int64, _ blockColumns: Int64
  ) throws(Failure) -> SparseTensor
  /// The transpose.
  func turned() throws(Failure) -> SparseTensor
  func write(to view: DenseView) throws(Failure)
  func writeCSR(_ arrays: IndexedArrays) throws(Failure)
  func writeBSR(_ arrays: IndexedArrays) throws(Failure)
  func write(
    to mask: MaskView, _ values: UnsafeMutableRawPointer?, _ capacity: Int64,
    _ count: UnsafeMutablePointer<Int64>?
  ) throws(Failure)
  /// A plan of products of its weights' types.
  func plan(
    _ request: PlanRequestFromC, _ bias: UnsafeRawPointer?, _ biasCount: Int64
  ) throws(Failure) -> PlanObject
}

extension StoredMatrix: AnyStoredMatrix {
  var type: NumberType { Scalar.numberType }
}

/// The object behind an lcn_matrix.
final class MatrixObject: Sendable {
  /// Of f32, f64, bf16 or f16.
  let tensor: SparseTensor

  /// 8-bit weights and few values are written out as f32.
  init(_ tensor: SparseTensor) {
    self.tensor =
      switch tensor.storage {
      case .f32, .f64, .bf16, .f16: tensor
      case .i8, .codebook: tensor.converted(to: Float.self)
      }
  }

  var value: any AnyStoredMatrix {
    switch tensor.storage {
    case .f32(let matrix): matrix
    case .f64(let matrix): matrix
    case .bf16(let matrix): matrix
    case .f16(let matrix): matrix
    case .i8, .codebook: tensor.matrix(of: Float.self)
    }
  }
}

/// Puts a new handle for `object` where the caller wants it.
func deliver(
  _ object: AnyObject, _ kind: HandleKind, to result: UnsafeMutablePointer<OpaquePointer?>
) throws(Failure) {
  guard let token = HandleTable.insert(object, kind) else {
    throw Failure(.outOfMemory, "there are no more handles")
  }
  result.pointee = token
}
