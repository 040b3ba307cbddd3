// lcn_dense_desc and lcn_mask_desc, checked: strided views of the caller's memory.

import CLacuna
import LacunaFormats

/// A dense matrix in the caller's memory whose shape, strides and pointer passed every rule.
struct DenseView {
  let type: NumberType
  let rows: Int
  let columns: Int
  let rowStride: Int
  let columnStride: Int
  let memory: UnsafeMutableRawPointer

  init(_ pointer: UnsafePointer<lcn_dense_desc>?, _ name: StaticString) throws(Failure) {
    let d = try descriptor(pointer, name)
    type = try elementType(d.dtype)
    rows = try dimension(d.rows, "rows")
    columns = try dimension(d.columns, "columns")
    rowStride = d.row_stride == 0 ? max(columns, 1) : try dimension(d.row_stride, "row_stride")
    columnStride = d.column_stride == 0 ? 1 : try dimension(d.column_stride, "column_stride")
    let count = try product(rows, columns, "elements")
    if count > 0 {
      let span =
        try product(rows - 1, rowStride, "rows · row_stride")
        + product(columns - 1, columnStride, "columns · column_stride") + 1
      _ = try product(span, type.size, "bytes")
      // No two elements share a place when one direction's whole extent fits in the other's stride.
      let separate =
        rows == 1 || columns == 1
        || rowStride > (columns - 1) * columnStride || columnStride > (rows - 1) * rowStride
      if !separate {
        throw Failure(
          .invalidStride,
          "elements of the \(rows)×\(columns) \(name) overlap with row stride \(rowStride) and "
            + "column stride \(columnStride)")
      }
    }
    memory = try mutableArray(d.values, count: count, size: type.size, "values")
  }

  /// Number of elements.
  var count: Int { rows * columns }

  /// The elements, as the type that ``type`` says they have.
  func elements<Scalar: StoredScalar>(_: Scalar.Type) -> UnsafeMutablePointer<Scalar> {
    memory.assumingMemoryBound(to: Scalar.self)
  }

  /// A copy, row-major and packed.
  func copy<Scalar: StoredScalar>(_: Scalar.Type) throws(Failure) -> DenseMatrix<Scalar> {
    try reserve(try product(count, MemoryLayout<Scalar>.size, "bytes"))
    let (rows, columns, rowStride, columnStride) = (rows, columns, rowStride, columnStride)
    var result = DenseMatrix<Scalar>(uninitialized: rows, columns)
    let source = elements(Scalar.self)
    result.withUnsafeMutableElements { target in
      guard let target = target.baseAddress else { return }
      for i in 0..<rows {
        let from = source + i * rowStride
        let to = target + i * columns
        if columnStride == 1 {
          to.update(from: from, count: columns)
        } else {
          for j in 0..<columns { to[j] = from[j * columnStride] }
        }
      }
    }
    return result
  }

  /// Writes a matrix of the same shape here.
  func write<Scalar: StoredScalar>(_ matrix: DenseMatrix<Scalar>) {
    let target = elements(Scalar.self)
    matrix.withUnsafeElements { source in
      guard let source = source.baseAddress else { return }
      for i in 0..<rows {
        let to = target + i * rowStride
        let from = source + i * matrix.rowStride
        if columnStride == 1 {
          to.update(from: from, count: columns)
        } else {
          for j in 0..<columns { to[j * columnStride] = from[j] }
        }
      }
    }
  }
}

/// A mask in the caller's memory whose shape, stride and pointer passed every rule.
struct MaskView {
  let isBits: Bool
  let rows: Int
  let columns: Int
  let rowStride: Int
  let memory: UnsafeMutablePointer<UInt8>

  init(_ pointer: UnsafePointer<lcn_mask_desc>?, _ name: StaticString) throws(Failure) {
    let d = try descriptor(pointer, name)
    switch Int(d.kind) {
    case LCN_MASK_BYTES: isBits = false
    case LCN_MASK_BITS: isBits = true
    default:
      throw Failure(
        .invalidArgument, "kind is \(d.kind), must be LCN_MASK_BYTES or LCN_MASK_BITS")
    }
    rows = try dimension(d.rows, "rows")
    columns = try dimension(d.columns, "columns")
    let packed = isBits ? (columns + 7) / 8 : columns
    rowStride = d.row_stride == 0 ? packed : try dimension(d.row_stride, "row_stride")
    if rowStride < packed {
      throw Failure(
        .invalidStride, "row stride \(rowStride) of \(name) is less than its \(packed) bytes a row")
    }
    let count = try product(rows, columns, "elements")
    memory = try mutableArray(d.data, count: count, size: 1, "data")
      .assumingMemoryBound(to: UInt8.self)
  }

  /// The same mask in Lacuna's own words.
  func copy() throws(Failure) -> BitMask {
    try reserve(rows * ((columns + 63) / 64) * 8)
    var mask = try Failure.format { () throws(FormatError) in
      try BitMask(rows: rows, columns: columns)
    }
    let perRow = mask.wordsPerRow
    mask.words.withUnsafeMutableBufferPointer { words in
      for i in 0..<rows {
        let row = memory + i * rowStride
        for w in 0..<perRow {
          var word: UInt64 = 0
          let count = min(64, columns - w * 64)
          if isBits {
            for byte in 0..<(count + 7) / 8 {
              word |= UInt64(row[w * 8 + byte]) << UInt64(byte * 8)
            }
            if count < 64 { word &= (1 << UInt64(count)) - 1 }
          } else {
            for j in 0..<count where row[w * 64 + j] != 0 { word |= 1 << UInt64(j) }
          }
          words[i * perRow + w] = word
        }
      }
    }
    return mask
  }

  /// Writes a mask of the same shape here; bits past the last column of a row's last byte become 0.
  func write(_ mask: BitMask) {
    let perRow = mask.wordsPerRow
    mask.words.withUnsafeBufferPointer { words in
      for i in 0..<rows {
        let row = memory + i * rowStride
        if isBits {
          for byte in 0..<(columns + 7) / 8 {
            let word = words[i * perRow + byte / 8]
            row[byte] = UInt8(truncatingIfNeeded: word >> UInt64(byte % 8 * 8))
          }
        } else {
          for j in 0..<columns {
            row[j] = UInt8(truncatingIfNeeded: words[i * perRow + j >> 6] >> UInt64(j & 63) & 1)
          }
        }
      }
    }
  }
}

/// Fails when two shapes disagree.
func requireShape(
  _ what: StaticString, rows: Int, columns: Int, expectedRows: Int, expectedColumns: Int
) throws(Failure) {
  if rows != expectedRows || columns != expectedColumns {
    throw Failure(
      .shapeMismatch, "\(what) is \(rows)×\(columns), expected \(expectedRows)×\(expectedColumns)")
  }
}
