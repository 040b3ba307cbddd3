// A matrix in other forms: another format, another type, the caller's memory.

import CLacuna
import LacunaFormats
import LacunaOperations

/// Arrays of the caller that take a structure and its values.
struct IndexedArrays {
  let isWide: Bool
  let rowOffsets: UnsafeMutableRawPointer?, columnIndices: UnsafeMutableRawPointer?
  let values: UnsafeMutableRawPointer?
  /// Entries, or blocks, that there is room for.
  let capacity: Int64
}

extension StoredMatrix {
  func formatted(
    _ format: Int32, _ blockRows: Int64, _ blockColumns: Int64
  ) throws(Failure) -> SparseTensor {
    switch Int(format) {
    case LCN_DENSE: return SparseTensor(try asDense())
    case LCN_CSR: return SparseTensor(try asCSR())
    case LCN_BSR: return SparseTensor(try asBSR(try blockSize(blockRows, blockColumns)))
    default:
      throw Failure(
        .invalidArgument, "format is \(format), must be LCN_DENSE, LCN_CSR or LCN_BSR")
    }
  }

  func turned() throws(Failure) -> SparseTensor { SparseTensor(try transposed()) }

  func write(to view: DenseView) throws(Failure) {
    if view.type != type {
      throw Failure(.shapeMismatch, "the buffer holds \(view.type), the matrix \(type)")
    }
    try requireShape(
      "dense", rows: view.rows, columns: view.columns, expectedRows: rows,
      expectedColumns: columns)
    view.write(try asDense())
  }

  func writeCSR(_ arrays: IndexedArrays) throws(Failure) {
    guard case .csr(let m) = self else {
      throw Failure(.unsupported, "the matrix is not CSR: convert it first")
    }
    try arrays.write(m.pattern, m.values)
  }

  func writeBSR(_ arrays: IndexedArrays) throws(Failure) {
    guard case .bsr(let m) = self else {
      throw Failure(.unsupported, "the matrix is not BSR: convert it first")
    }
    try arrays.write(m.blockPattern, m.values)
  }

  func write(
    to view: MaskView, _ values: UnsafeMutableRawPointer?, _ capacity: Int64,
    _ count: UnsafeMutablePointer<Int64>?
  ) throws(Failure) {
    try requireShape(
      "mask", rows: view.rows, columns: view.columns, expectedRows: rows,
      expectedColumns: columns)
    let mask = try mask()
    let kept = mask.keptCount
    if let values {
      if capacity < Int64(kept) {
        throw Failure(.bufferTooSmall, "capacity is \(capacity), but \(kept) elements are stored")
      }
      let target = try mutableArray(
        values, count: kept, size: MemoryLayout<Scalar>.size, "values"
      ).assumingMemoryBound(to: Scalar.self)
      var position = 0
      switch self {
      case .csr(let m):
        for p in 0..<m.nnz { target[p] = m.values[p] }
      case .dense(let m):
        m.withUnsafeElements { elements in
          for i in 0..<m.rows {
            for j in 0..<m.columns where elements[i * m.rowStride + j] != .zero {
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
}

extension IndexedArrays {
  /// Writes a structure, and its values.
  fileprivate func write<Scalar: StoredScalar>(
    _ pattern: CSRPattern, _ source: [Scalar]
  ) throws(Failure) {
    let size = isWide ? 8 : 4
    if capacity < Int64(pattern.nnz) {
      throw Failure(
        .bufferTooSmall, "capacity is \(capacity), but \(pattern.nnz) entries are stored")
    }
    if !isWide && pattern.nnz > Int(Int32.max) {
      throw Failure(.sizeOverflow, "offsets up to \(pattern.nnz) do not fit LCN_I32")
    }
    let offsets = try mutableArray(rowOffsets, count: pattern.rows + 1, size: size, "row_offsets")
    let indices = try mutableArray(columnIndices, count: pattern.nnz, size: size, "column_indices")
    let target = try mutableArray(
      values, count: source.count, size: MemoryLayout<Scalar>.size, "values")
    if isWide {
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
}
