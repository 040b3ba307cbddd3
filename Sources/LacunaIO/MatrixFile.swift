// One door for every matrix file: the format is recognised by its first bytes.

import LacunaFormats

/// A matrix from a file, in the form that the file has.
public enum LoadedMatrix<Scalar: SparseScalar>: Equatable, Sendable {
  /// Entries with their values.
  case matrix(StoredMatrix<Scalar>)
  /// Positions without values.
  case pattern(CSRPattern)

  /// Number of rows.
  public var rows: Int {
    switch self {
    case .matrix(let m): m.rows
    case .pattern(let m): m.rows
    }
  }

  /// Number of columns.
  public var columns: Int {
    switch self {
    case .matrix(let m): m.columns
    case .pattern(let m): m.columns
    }
  }

  /// Every entry, zeros too; the entries of a pattern are ones.
  ///
  /// - Throws: ``DataProblem/memory(what:needed:available:)`` when there is no room for all of them: a sparse
  ///   file of a few bytes may describe a matrix of any size.
  public func dense() throws(DataProblem) -> DenseMatrix<Scalar> {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    let what = "the \(rows)×\(columns) matrix with its zeros"
    if overflow { throw .overflow(what: what) }
    try ReadingMemory.check(count, times: Scalar.dtype.size, what)
    return switch self {
    case .matrix(let m): m.dense()
    case .pattern: csr.dense()
    }
  }

  /// The nonzeros as CSR; the entries of a pattern are ones.
  public var csr: CSRMatrix<Scalar> {
    switch self {
    case .matrix(let m): m.csr
    case .pattern(let p):
      CSRMatrix(uncheckedPattern: p, values: [Scalar](repeating: 1, count: p.nnz))
    }
  }
}

/// Reads matrices from files of any format that Lacuna knows.
public enum MatrixFile {
  /// The one matrix of a file, or the one called `name`.
  ///
  /// | file                       | gives                                              |
  /// |----------------------------|----------------------------------------------------|
  /// | `.npy`                     | dense: the first dimension by all others           |
  /// | `.npz` of `scipy.sparse`   | CSR, or blocks                                     |
  /// | `.npz` of arrays           | dense: the only array of rank 2 or more, or `name` |
  /// | Matrix Market              | CSR, or dense                                      |
  /// | `.smtx`                    | a pattern                                          |
  /// | safetensors                | as `.npz` of arrays                                |
  /// | `.lacuna`                  | in its stored form, 8-bit values as `scale · q`    |
  ///
  /// What a file is, its first bytes say (``FileKind``), not its name. Each may be gzipped, once.
  ///
  /// - Throws: ``FileError``; when several matrices could be meant, the error lists them.
  public static func read<Scalar: SparseScalar>(
    contentsOf path: String, name: String? = nil, as scalar: Scalar.Type = Scalar.self
  ) throws(FileError) -> LoadedMatrix<Scalar> {
    let bytes = ByteSlice(try ByteStorage(reading: path))
    do throws(DataProblem) { return try decoded(bytes, name: name) } catch {
      throw .malformed(path: path, error)
    }
  }

  private static func decoded<Scalar: SparseScalar>(
    _ bytes: ByteSlice, name: String?
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    switch try FileKind(bytes) {
    // Texts are unpacked as they are read.
    case .matrixMarket: return try MatrixMarket.decoded(bytes)
    case .smtx: return .pattern(try SMTX.decoded(bytes))
    case .npy, .npz, .safetensors:
      let file = try ArrayFile(bytes, path: "the file")
      if file.kind == .npz && SciPySparse.isSparse(file) && name == nil {
        return try SciPySparse.matrix(file)
      }
      return .matrix(.dense(try chosen(file, name).matrix()))
    case .lacuna: return try container(try bytes.unpacked(), name)
    case .idx: throw .unsupported(what: "a matrix", found: "in an IDX file")
    }
  }

  /// The array of that name, or the only matrix of numbers; a `.npy` has no choice.
  private static func chosen(
    _ file: ArrayFile, _ name: String?
  ) throws(DataProblem) -> NumericArray {
    if file.kind == .npy { return try file.arrays[0].read() }
    if let name { return try file.array(TensorName(name)).read() }
    let matrices = file.arrays.filter { array in
      if case .number = array.type { return array.shape.count >= 2 }
      return false
    }
    if matrices.count != 1 {
      throw .unsupported(
        what: "a file with \(matrices.count) matrices",
        found: "without a name to choose one (there are: \(list(matrices.map { "\($0.name)" })))")
    }
    return try matrices[0].read()
  }

  private static func container<Scalar: SparseScalar>(
    _ bytes: ByteSlice, _ name: String?
  ) throws(DataProblem) -> LoadedMatrix<Scalar> {
    let reader = try LacunaReader(slice: bytes)
    let matrices = reader.records.filter { $0.kind != .bytes && $0.shape.count >= 2 }
    let candidates = matrices.filter { record in
      name.map { record.name.utf8.elementsEqual($0.utf8) } ?? true
    }
    if candidates.count != 1 {
      throw .unsupported(
        what: "a file with \(candidates.count) matrices",
        found: "without a name to choose one (there are: \(list(matrices.map(\.name))))")
    }
    switch try reader.decoded(candidates[0]) {
    case .weights(let tensor): return .matrix(tensor.matrix(of: Scalar.self))
    case .bitMask(let mask): return .pattern(CSRPattern(mask))
    case .bytes: throw .absent(what: "a matrix")
    }
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.prefix(20).joined(separator: ", ")
  }
}
