// compressed-tensors' sparse-bitmask: nonzero values, a bit for each weight, the start of each row.

import LacunaFormats

extension Safetensors {
  /// Names of the weights stored as sparse bit masks: those with `NAME.compressed` and `NAME.bitmask`.
  public var sparseBitmaskNames: [String] {
    arrays.compactMap { named in
      guard let full = named.name.text, full.hasSuffix(".bitmask") else { return nil }
      let name = String(full.dropLast(8))
      return self[name + ".compressed"] == nil ? nil : name
    }
  }

  /// The weight `name`, stored as a sparse bit mask.
  ///
  ///     NAME.shape        i64[rank]
  ///     NAME.compressed   nonzero values, row-major
  ///     NAME.bitmask      u8[rows, ⌈columns / 8⌉]: column c is bit c & 7 of byte c >> 3
  ///     NAME.row_offsets  i64[rows]: where each row's values start
  ///
  /// - Throws: ``DataProblem`` when a part is missing or they disagree.
  public func sparseBitmask<Scalar: SparseScalar>(
    _ name: String, as scalar: Scalar.Type = Scalar.self
  ) throws(DataProblem) -> CSRMatrix<Scalar> {
    func part(_ suffix: String) throws(DataProblem) -> NumericArray {
      guard let array = self[name + suffix] else { throw .absent(what: name + suffix) }
      return array
    }
    let shape = try part(".shape").integers()
    if shape.count != 2 {
      throw .mismatch(what: "rank of \(name)", expected: 2, actual: shape.count)
    }
    _ = try elementCount(of: shape, name)
    let (rows, columns) = (shape[0], shape[1])
    let mask = try part(".bitmask")
    guard case .u8(let bytes) = mask.values else {
      throw .unsupported(what: "dtype of \(name).bitmask", found: "other than U8")
    }
    let perRow = columns / 8 + (columns % 8 == 0 ? 0 : 1)
    if mask.shape != [rows, perRow] {
      throw .mismatch(
        what: "size of \(name).bitmask", expected: try elementCount(of: [rows, perRow], name),
        actual: bytes.count)
    }
    let starts = try part(".row_offsets").integers()
    if starts.count != rows {
      throw .mismatch(what: "size of \(name).row_offsets", expected: rows, actual: starts.count)
    }
    var (offsets, indices): ([Int], [Int]) = ([0], [])
    for row in 0..<rows {
      if starts[row] != indices.count {
        throw .mismatch(
          what: "\(name).row_offsets[\(row)]", expected: indices.count, actual: starts[row])
      }
      for b in 0..<perRow {
        var byte = bytes[row * perRow + b]
        while byte != 0 {
          indices.append(b * 8 + byte.trailingZeroBitCount)
          byte &= byte - 1
        }
      }
      offsets.append(indices.count)
    }
    let values: [Scalar] = try scalars(part(".compressed"))
    do throws(FormatError) {
      let pattern = try CSRPattern(
        rows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices)
      return try CSRMatrix(pattern: pattern, values: values)
    } catch { throw .matrix(error) }
  }

  /// Adds the weight `name` as a sparse bit mask.
  public mutating func appendSparseBitmask<Scalar: SparseScalar>(
    _ name: String, _ matrix: CSRMatrix<Scalar>
  ) throws(DataProblem) {
    let (rows, columns) = (matrix.rows, matrix.columns)
    let perRow = (columns + 7) / 8
    var bytes = [UInt8](repeating: 0, count: rows * perRow)
    for row in 0..<rows {
      for p in matrix.pattern.rowOffsets[row]..<matrix.pattern.rowOffsets[row + 1] {
        let column = matrix.pattern.columnIndices[p]
        bytes[row * perRow + (column >> 3)] |= 1 << UInt8(column & 7)
      }
    }
    for (suffix, shape, values) in [
      (".shape", [2], NumericValues.i64([Int64(rows), Int64(columns)])),
      (".compressed", [matrix.nnz], numeric(matrix.values)),
      (".bitmask", [rows, perRow], .u8(bytes)),
      (".row_offsets", [rows], .i64(matrix.pattern.rowOffsets.dropLast().map { Int64($0) })),
    ] {
      arrays.append(
        NamedArray(name: name + suffix, array: try NumericArray(shape: shape, values: values)))
    }
  }
}
