// One matrix in a file of its own: scipy.sparse, Matrix Market, .smtx.

import LacunaFormats
import LacunaIO

/// A file that is a matrix, as a model with one tensor called by the file's name.
///
/// Numbers are f32. Nonzeros stay apart from their zeros unless all elements are asked for.
struct MatrixModel: ModelContent {
  private let matrix: LoadedMatrix<Float>
  private let kind: FileKind
  let tensors: [ModelTensor]

  init(_ bytes: ByteSlice, _ kind: FileKind, path: String) throws(DataProblem) {
    self.kind = kind
    matrix = try .only(bytes, kind)
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let name = file.firstIndex(of: ".").map { String(file[..<$0]) } ?? file
    let encoding: TensorEncoding =
      switch matrix {
      case .pattern: .sparse("pattern")
      case .matrix(.dense): .dense
      case .matrix(.csr): .sparse("csr")
      case .matrix(.bsr(let blocks)): .sparse("bsr \(blocks.block.rows)×\(blocks.block.columns)")
      }
    tensors = [
      ModelTensor(
        name: name.isEmpty ? "matrix" : name, shape: [matrix.rows, matrix.columns], type: .f32,
        role: .weight, encoding: encoding, byteCount: bytes.count, canBeSparse: true)
    ]
  }

  func content(_ index: Int) throws(DataProblem) -> ByteSlice {
    let (count, overflow) = matrix.rows.multipliedReportingOverflow(by: matrix.columns)
    if overflow { throw .overflow(what: "the \(matrix.rows)×\(matrix.columns) matrix") }
    try checkExpansion(
      "the matrix", stored: tensors[0].byteCount,
      unfolded: count.multipliedReportingOverflow(by: 4).partialValue)
    return ByteSlice(try matrix.dense().values.withUnsafeBytes { [UInt8]($0) })
  }

  func sparseMatrix(_ index: Int) throws(DataProblem) -> CSRMatrix<Float>? { matrix.csr }

  func rewritten(
    _ changes: [Int: TensorChange], output: String?
  ) throws(DataProblem) -> ModelImage {
    guard let change = changes[0] else { return ModelImage(try Self.image(matrix, kind)) }
    let values: [Float] = TensorNumbers.elements(ByteSlice(try change.content()))
    let dense: DenseMatrix<Float>
    do throws(FormatError) {
      dense = try DenseMatrix(rows: matrix.rows, columns: matrix.columns, values: values)
    } catch { throw .matrix(error) }
    let changed: LoadedMatrix<Float> =
      switch matrix {
      case .pattern: .pattern(CSRMatrix(dense: dense).pattern)
      case .matrix(.dense) where change.storage != .sparse: .matrix(.dense(dense))
      case .matrix(.dense), .matrix(.csr): .matrix(.csr(CSRMatrix(dense: dense)))
      case .matrix(.bsr(let blocks)):
        .matrix(.bsr(BSRMatrix(CSRMatrix(dense: dense), block: blocks.block)))
      }
    return ModelImage(try Self.image(changed, kind))
  }

  /// A file of that kind.
  static func image(
    _ matrix: LoadedMatrix<Float>, _ kind: FileKind
  ) throws(DataProblem) -> FileImage {
    var image = FileImage()
    switch kind {
    case .smtx: image.append(.bytes(SMTX.encoded(matrix.csr.pattern)))
    case .matrixMarket:
      if case .matrix(.dense(let dense)) = matrix {
        image.append(.bytes(MatrixMarket.encoded(dense)))
      } else {
        image.append(.bytes(MatrixMarket.encoded(matrix.csr)))
      }
    default:
      let file =
        if case .matrix(.bsr(let blocks)) = matrix {
          try SciPySparse.arrays(of: blocks)
        } else {
          try SciPySparse.arrays(of: matrix.csr)
        }
      image.append(.bytes(try file.encoded()))
    }
    return image
  }
}
