// SciPy's sparse matrices in .npz files: CSR, CSC, COO and BSR.

import LacunaFormats

/// Reading and writing what `scipy.sparse.save_npz` writes.
///
/// Members: `format` (one of csr, csc, coo, bsr), `shape`, `data`, and `indices` and `indptr`, or `row`
/// and `col` for coo. Entries that SciPy allows in any order are sorted, duplicates add up.
public enum SciPySparse {
  /// Whether the arrays are those of a sparse matrix.
  public static func isSparse(_ file: NPZ) -> Bool {
    file["format"] != nil && file["shape"] != nil && file["data"] != nil
  }

  /// Whether the arrays of `file` are those of a sparse matrix.
  static func isSparse(_ file: ArrayFile) -> Bool {
    ["format", "shape", "data"].allSatisfy { name in file.arrays.contains { $0.name == name } }
  }

  /// The sparse matrix in `file`: no other array is read.
  static func matrix<Scalar: SparseScalar>(
    _ file: ArrayFile
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    let parts: Set<TensorName> = ["format", "shape", "data", "indices", "indptr", "row", "col"]
    return try matrix(NPZ(file) { parts.contains($0) })
  }

  /// Reads the file at `path`.
  ///
  /// - Returns: a block-sparse matrix for BSR, a CSR one for the other formats.
  /// - Throws: ``FileError``
  public static func read<Scalar: SparseScalar>(
    contentsOf path: String, as scalar: Scalar.Type = Scalar.self
  ) throws(FileError) -> LoadedMatrix<Scalar> {
    let file = try NPZ(contentsOf: path)
    do throws(DataProblem) { return try matrix(file) } catch {
      throw .malformed(path: path, error)
    }
  }

  /// The sparse matrix that the arrays describe.
  public static func matrix<Scalar: SparseScalar>(
    _ file: NPZ, as scalar: Scalar.Type = Scalar.self
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    func array(_ name: String) throws(DataProblem) -> NumericArray {
      guard let array = file[name] else { throw .absent(what: "array \(name)") }
      return array
    }
    guard let format = try array("format").texts().first else { throw .absent(what: "format") }
    let shape = try array("shape").integers()
    if shape.count != 2 {
      throw .mismatch(what: "dimensions of the sparse matrix", expected: 2, actual: shape.count)
    }
    let data = try array("data")
    // Indices have 32 bits; what offsets of so many rows take is compared with the memory there is.
    for (name, size) in zip(["rows", "columns"], shape) {
      if size < 0 || size > Int(UInt32.max) {
        throw .outOfRange(what: name, value: size, lowest: 0, highest: Int(UInt32.max))
      }
    }
    switch format {
    case "csr", "csc":
      let isTransposed = format == "csc"
      let (offsets, inner) = try (array("indptr").integers(), array("indices").integers())
      let values: [Scalar] = try scalars(data)
      try checkOffsets(offsets, rows: shape[isTransposed ? 1 : 0], count: inner.count)
      if values.count != inner.count {
        throw .mismatch(what: "number of values", expected: inner.count, actual: values.count)
      }
      var outer: [UInt32] = []
      outer.reserveCapacity(inner.count)
      for row in 0..<offsets.count - 1 {
        outer += repeatElement(UInt32(row), count: offsets[row + 1] - offsets[row])
      }
      let indices = try narrow(inner, "indices", below: shape[isTransposed ? 0 : 1])
      return .matrix(
        .csr(
          try isTransposed
            ? csr(shape[0], shape[1], indices, outer, values)
            : csr(shape[0], shape[1], outer, indices, values)))
    case "coo":
      let (rows, columns) = try (array("row").integers(), array("col").integers())
      let values: [Scalar] = try scalars(data)
      if rows.count != values.count || columns.count != values.count {
        throw .mismatch(
          what: "number of coordinates", expected: values.count,
          actual: rows.count == values.count ? columns.count : rows.count)
      }
      return .matrix(
        .csr(
          try csr(
            shape[0], shape[1], narrow(rows, "row", below: shape[0]),
            narrow(columns, "col", below: shape[1]), values)))
    case "bsr":
      return .matrix(.bsr(try blocks(shape, data, array("indptr"), array("indices"))))
    default: throw .unsupported(what: "sparse format", found: Printable.escaped(format))
    }
  }

  private static func blocks<Scalar: SparseScalar>(
    _ shape: [Int], _ data: NumericArray, _ indptr: NumericArray, _ indices: NumericArray
  ) throws(DataProblem) -> BSRMatrix<Scalar> {
    if data.shape.count != 3 {
      throw .mismatch(what: "rank of the blocks", expected: 3, actual: data.shape.count)
    }
    let (offsets, blockColumns) = try (indptr.integers(), indices.integers())
    let values: [Scalar] = try scalars(data)
    do throws(FormatError) {
      let block = try BlockSize(data.shape[1], data.shape[2])
      let grid = block.grid(rows: shape[0], columns: shape[1])
      if shape[0] % block.rows != 0 || shape[1] % block.columns != 0 {
        throw .shapeMismatch(
          expectedRows: grid.rows * block.rows, expectedColumns: grid.columns * block.columns,
          rows: shape[0], columns: shape[1])
      }
      // Blocks in any order: sort each row of them and move the values along.
      var (sorted, moved): ([Int], [Scalar]) = ([], [])
      if offsets.count == grid.rows + 1, offsets.first == 0,
        zip(offsets, offsets.dropFirst()).allSatisfy(<=), offsets.last == blockColumns.count,
        blockColumns.count * block.area == values.count
      {
        for row in 0..<grid.rows {
          let order = (offsets[row]..<offsets[row + 1]).sorted {
            blockColumns[$0] < blockColumns[$1]
          }
          for b in order {
            sorted.append(blockColumns[b])
            moved += values[b * block.area..<(b + 1) * block.area]
          }
        }
      } else {
        (sorted, moved) = (blockColumns, values)
      }
      return try BSRMatrix(
        rows: shape[0], columns: shape[1], block: block,
        blockPattern: CSRPattern(
          rows: grid.rows, columns: grid.columns, rowOffsets: offsets, columnIndices: sorted),
        values: moved)
    } catch { throw .matrix(error) }
  }

  private static func checkOffsets(
    _ offsets: [Int], rows: Int, count: Int
  ) throws(DataProblem) {
    if offsets.count != rows + 1 {
      throw .matrix(.wrongCount(name: "indptr", expected: rows + 1, actual: offsets.count))
    }
    if offsets[0] != 0 { throw .matrix(.offsetsStart(actual: offsets[0])) }
    for row in 0..<rows where offsets[row + 1] < offsets[row] {
      throw .matrix(
        .offsetsNotMonotone(row: row, offset: offsets[row], next: offsets[row + 1]))
    }
    if offsets[rows] != count {
      throw .matrix(.offsetsEnd(expected: count, actual: offsets[rows]))
    }
  }

  /// The arrays of a CSR matrix, as SciPy would save them.
  public static func arrays<Scalar: SparseScalar>(
    of matrix: CSRMatrix<Scalar>
  ) throws(DataProblem) -> NPZ {
    try arrays(
      "csr", matrix.pattern, shape: [matrix.rows, matrix.columns],
      data: NumericArray(shape: [matrix.nnz], values: numeric(matrix.values)))
  }

  /// The arrays of a block-sparse matrix, as SciPy would save them.
  ///
  /// - Throws: ``DataProblem/matrix(_:)`` when the blocks do not divide the shape, which SciPy requires.
  public static func arrays<Scalar: SparseScalar>(
    of matrix: BSRMatrix<Scalar>
  ) throws(DataProblem) -> NPZ {
    let (block, pattern) = (matrix.block, matrix.blockPattern)
    let whole = (pattern.rows * block.rows, pattern.columns * block.columns)
    if whole != (matrix.rows, matrix.columns) {
      throw .matrix(
        .shapeMismatch(
          expectedRows: whole.0, expectedColumns: whole.1, rows: matrix.rows,
          columns: matrix.columns))
    }
    return try arrays(
      "bsr", pattern, shape: [matrix.rows, matrix.columns],
      data: NumericArray(
        shape: [matrix.blocks, block.rows, block.columns], values: numeric(matrix.values)))
  }

  private static func arrays(
    _ format: String, _ pattern: CSRPattern, shape: [Int], data: NumericArray
  ) throws(DataProblem) -> NPZ {
    // SciPy keeps 32-bit indices where they fit.
    func indices(_ values: [Int]) throws(DataProblem) -> NumericArray {
      let fits = values.allSatisfy { $0 <= Int32.max }
      return try NumericArray(
        shape: [values.count],
        values: fits ? .i32(values.map { Int32($0) }) : .i64(values.map { Int64($0) }))
    }
    return NPZ([
      NamedArray(
        name: "indices",
        array: try indices((0..<pattern.nnz).map { pattern.columnIndices[$0] })),
      NamedArray(name: "indptr", array: try indices(pattern.rowOffsets)),
      NamedArray(
        name: "format", array: try NumericArray(shape: [], values: .text([format]))),
      NamedArray(
        name: "shape",
        array: try NumericArray(shape: [2], values: .i64(shape.map { Int64($0) }))),
      NamedArray(name: "data", array: data),
    ])
  }
}

/// The elements as `Scalar`.
func scalars<Scalar: SparseScalar>(_ array: NumericArray) throws(DataProblem) -> [Scalar] {
  if Scalar.self == Float.self { return try array.floats() as! [Scalar] }
  return try array.doubles() as! [Scalar]
}

/// Values in their own type.
func numeric<Scalar: SparseScalar>(_ values: [Scalar]) -> NumericValues {
  switch Scalar.dtype {
  case .f32: .f32(values as! [Float])
  case .f64: .f64(values as! [Double])
  }
}

/// The indices in 32 bits.
///
/// - Throws: ``DataProblem`` naming the first one that is negative or not below `limit`.
private func narrow(
  _ indices: [Int], _ name: String, below limit: Int
) throws(DataProblem) -> [UInt32] {
  if let position = indices.firstIndex(where: { $0 < 0 || $0 >= limit }) {
    throw .matrix(
      .indexOutOfRange(name: name, position: position, value: indices[position], limit: limit))
  }
  return indices.map { UInt32(truncatingIfNeeded: $0) }
}
