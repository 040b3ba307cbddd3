// One door for every matrix file: the format is recognised by its first bytes or its name.

import LacunaFormats

/// A matrix from a file, in the form that the file has.
public enum LoadedMatrix<Scalar: SparseScalar>: Equatable, Sendable {
  case dense(DenseMatrix<Scalar>)
  case sparse(CSRMatrix<Scalar>)
  case blocks(BSRMatrix<Scalar>)
  /// Positions without values.
  case pattern(CSRPattern)

  public var rows: Int {
    switch self {
    case .dense(let m): m.rows
    case .sparse(let m): m.rows
    case .blocks(let m): m.rows
    case .pattern(let m): m.rows
    }
  }

  public var columns: Int {
    switch self {
    case .dense(let m): m.columns
    case .sparse(let m): m.columns
    case .blocks(let m): m.columns
    case .pattern(let m): m.columns
    }
  }

  /// The nonzeros as CSR; the entries of a pattern are ones.
  public var csr: CSRMatrix<Scalar> {
    switch self {
    case .dense(let m): CSRMatrix(dense: m)
    case .sparse(let m): m
    case .blocks(let m): CSRMatrix(m)
    case .pattern(let p):
      CSRMatrix(uncheckedPattern: p, values: [Scalar](repeating: 1, count: p.nnz))
    }
  }
}

/// Reads matrices from files of any format that Lacuna knows.
public enum MatrixFile {
  /// The one matrix of a file, or the one called `name`.
  ///
  /// | file                          | gives                                              |
  /// |-------------------------------|----------------------------------------------------|
  /// | `.npy`                        | dense: the first dimension by all others           |
  /// | `.npz` of `scipy.sparse`      | CSR, or blocks                                     |
  /// | `.npz` of arrays              | dense: the only array of rank 2 or more, or `name` |
  /// | `.mtx`, `.mtx.gz`             | CSR, or dense                                      |
  /// | `.smtx`, `.smtx.gz`           | a pattern                                          |
  /// | `.safetensors`                | as `.npz` of arrays                                |
  /// | `.lacuna`                     | in its stored form, 8-bit values as `scale · q`    |
  ///
  /// - Throws: ``FileError``; when several matrices could be meant, the error lists them.
  public static func read<Scalar: SparseScalar>(
    contentsOf path: String, name: String? = nil, as scalar: Scalar.Type = Scalar.self
  ) throws(FileError) -> LoadedMatrix<Scalar> {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { return try decoded(bytes, path: path, name: name) } catch {
      throw .malformed(path: path, error)
    }
  }

  private static func decoded<Scalar: SparseScalar>(
    _ bytes: ByteSlice, path: String, name: String?
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    if Gzip.isGzip(bytes) {
      return try decoded(ByteSlice(try Gzip.decompress(bytes.array)), path: path, name: name)
    }
    let start = bytes.withUnsafeBytes { Array($0.prefix(14)) }
    func starts(_ text: String) -> Bool { start.starts(with: text.utf8) }
    if start.starts(with: [0x93] + "NUMPY".utf8) {
      return .dense(try NPY.decoded(bytes).matrix())
    }
    if starts("PK") {
      let file = try NPZ(bytes: bytes.array)
      if SciPySparse.isSparse(file) && name == nil { return try SciPySparse.matrix(file) }
      return .dense(try chosen(file.arrays, name).matrix())
    }
    if start.starts(with: ContainerLayout.magic) { return try container(bytes, name) }
    if starts("%%MatrixMarket") || starts("%%matrixmarket") {
      return try MatrixMarket.decoded(bytes.array)
    }
    if path.hasSuffix(".safetensors") {
      return .dense(try chosen(try Safetensors(bytes: bytes.array).arrays, name).matrix())
    }
    if path.hasSuffix(".smtx") || path.hasSuffix(".smtx.gz") {
      return .pattern(try SMTX.decoded(bytes.array))
    }
    throw .wrongMagic(
      format: "a matrix file (.npy, .npz, .mtx, .smtx, .safetensors or .lacuna)",
      found: "bytes " + start.prefix(4).map { String($0, radix: 16) }.joined(separator: " "))
  }

  /// The array of that name, or the only matrix.
  private static func chosen(
    _ arrays: [NamedArray], _ name: String?
  ) throws(DataProblem) -> NumericArray {
    if let name {
      guard let named = arrays.first(where: { $0.name == name }) else {
        throw .absent(what: "array \(name) (there are: \(list(arrays.map(\.name))))")
      }
      return named.array
    }
    let matrices = arrays.filter { $0.array.shape.count >= 2 }
    if matrices.count != 1 {
      throw .unsupported(
        what: "a file with \(matrices.count) matrices",
        found: "without a name to choose one (there are: \(list(matrices.map(\.name))))")
    }
    return matrices[0].array
  }

  private static func container<Scalar: SparseScalar>(
    _ bytes: ByteSlice, _ name: String?
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    let reader = try LacunaReader(slice: bytes)
    let matrices = reader.records.filter { $0.kind != .bytes && $0.shape.count >= 2 }
    let candidates = name == nil ? matrices : matrices.filter { $0.name == name }
    if candidates.count != 1 {
      throw .unsupported(
        what: "a file with \(candidates.count) matrices",
        found: "without a name to choose one (there are: \(list(matrices.map(\.name))))")
    }
    switch try reader.decoded(candidates[0]) {
    case .dense(let shape, let values):
      return .dense(try NumericArray(shape: shape, values: .f32(values)).matrix())
    case .sparse(_, let matrix): return .sparse(matrix.converted(to: Scalar.self))
    case .quantizedSparse(_, let matrix):
      return .sparse(matrix.dequantized().converted(to: Scalar.self))
    case .blockSparse(_, let matrix): return .blocks(matrix.converted(to: Scalar.self))
    case .quantizedBlockSparse(_, let matrix):
      return .blocks(matrix.dequantized().converted(to: Scalar.self))
    case .bitMask(let mask): return .pattern(CSRPattern(mask))
    case .bytes: throw .absent(what: "a matrix")
    }
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.prefix(20).joined(separator: ", ")
  }
}
