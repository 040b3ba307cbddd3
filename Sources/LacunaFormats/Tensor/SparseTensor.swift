// Weights of any element type in any storage format, and the shape that they have in a model.

/// Weights of any element type in any storage format.
///
/// This is what files hold, what plans, layers and graphs are made from, and what the handles of C stand for. It keeps the
/// weights as a matrix of ``rows`` × ``columns``; of a convolution kernel of shape `[filters, height, width, channels]`
/// that is `[filters, height · width · channels]`.
///
///                 dense                      CSR                     BSR
///     f32 … f16   `StoredMatrix.dense`       `StoredMatrix.csr`      `StoredMatrix.bsr`
///     8 bits                                 `QuantizedCSR`          `QuantizedBSR`
///     few values                             `CodebookCSR`
public struct SparseTensor: Equatable, Sendable {
  /// The matrix, by what its elements are stored as.
  public enum Storage: Equatable, Sendable {
    /// Single precision.
    case f32(StoredMatrix<Float>)
    /// Double precision.
    case f64(StoredMatrix<Double>)
    /// The upper half of an f32.
    case bf16(StoredMatrix<BFloat16>)
    /// IEEE half precision.
    case f16(StoredMatrix<Float16>)
    /// 8 bits, with a scale for each row.
    case i8(QuantizedMatrix)
    /// Numbers of a few values in f32.
    case codebook(CodebookCSR)
  }

  /// Dimensions of the tensor, whose product is `rows · columns`.
  public let shape: [Int]
  /// The matrix of the weights.
  public let storage: Storage

  private init(_ storage: Storage, shape: [Int]) { (self.storage, self.shape) = (storage, shape) }

  /// A matrix in any format, of shape `[rows, columns]`.
  public init<Scalar: StoredScalar>(_ matrix: StoredMatrix<Scalar>) {
    self.init(Scalar.storage(of: matrix), shape: [matrix.rows, matrix.columns])
  }

  /// A dense matrix, of shape `[rows, columns]`.
  public init<Scalar: StoredScalar>(_ matrix: DenseMatrix<Scalar>) {
    self.init(StoredMatrix.dense(matrix))
  }

  /// A CSR matrix, of shape `[rows, columns]`.
  public init<Scalar: StoredScalar>(_ matrix: CSRMatrix<Scalar>) {
    self.init(StoredMatrix.csr(matrix))
  }

  /// A matrix of blocks, of shape `[rows, columns]`.
  public init<Scalar: StoredScalar>(_ matrix: BSRMatrix<Scalar>) {
    self.init(StoredMatrix.bsr(matrix))
  }

  /// A matrix in 8 bits, of shape `[rows, columns]`.
  public init(_ matrix: QuantizedMatrix) {
    self.init(.i8(matrix), shape: [matrix.rows, matrix.columns])
  }

  /// A CSR matrix in 8 bits, of shape `[rows, columns]`.
  public init(_ matrix: QuantizedCSR) { self.init(QuantizedMatrix.csr(matrix)) }

  /// A matrix of blocks in 8 bits, of shape `[rows, columns]`.
  public init(_ matrix: QuantizedBSR) { self.init(QuantizedMatrix.bsr(matrix)) }

  /// A matrix of a few values, of shape `[rows, columns]`.
  public init(_ matrix: CodebookCSR) {
    self.init(.codebook(matrix), shape: [matrix.rows, matrix.columns])
  }

  /// All elements of a tensor in row-major order, kept dense as the matrix of the first dimension by all others.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative, the size overflows, or the count is not the shape's.
  public init(shape: [Int], values: [Float]) throws(FormatError) {
    var columns = 1
    for size in shape.dropFirst() { columns = try checkedProduct(columns, size) }
    let matrix = try DenseMatrix<Float>(rows: shape.first ?? 1, columns: columns, values: values)
    self.init(.f32(.dense(matrix)), shape: shape)
  }

  /// The same matrix as a tensor of other dimensions.
  ///
  /// - Throws: ``FormatError`` when a dimension is negative, or the product is not that of rows and columns.
  public func shaped(_ shape: [Int]) throws(FormatError) -> SparseTensor {
    var count = 1
    for size in shape { count = try checkedProduct(count, size) }
    if count != rows * columns {
      throw .wrongCount(name: "shape", expected: rows * columns, actual: count)
    }
    return SparseTensor(storage, shape: shape)
  }
}

extension SparseTensor {
  /// Number of rows of the matrix.
  public var rows: Int {
    switch storage {
    case .f32(let m): m.rows
    case .f64(let m): m.rows
    case .bf16(let m): m.rows
    case .f16(let m): m.rows
    case .i8(let m): m.rows
    case .codebook(let m): m.rows
    }
  }

  /// Number of columns of the matrix.
  public var columns: Int {
    switch storage {
    case .f32(let m): m.columns
    case .f64(let m): m.columns
    case .bf16(let m): m.columns
    case .f16(let m): m.columns
    case .i8(let m): m.columns
    case .codebook(let m): m.columns
    }
  }

  /// Stored elements, zeros inside blocks and dense matrices included.
  public var stored: Int {
    switch storage {
    case .f32(let m): m.stored
    case .f64(let m): m.stored
    case .bf16(let m): m.stored
    case .f16(let m): m.stored
    case .i8(let m): m.stored
    case .codebook(let m): m.nnz
    }
  }

  /// The block of a matrix of blocks, else a single element.
  public var block: BlockSize {
    switch storage {
    case .f32(let m): m.block
    case .f64(let m): m.block
    case .bf16(let m): m.block
    case .f16(let m): m.block
    case .i8(let m): m.block
    case .codebook: .element
    }
  }

  /// Whether its zeros are stored.
  public var isDense: Bool {
    switch storage {
    case .f32(let m): m.isDense
    case .f64(let m): m.isDense
    case .bf16(let m): m.isDense
    case .f16(let m): m.isDense
    case .i8, .codebook: false
    }
  }

  /// The type that elements are stored in; of a few values that of the values.
  public var type: NumberType {
    switch storage {
    case .f32, .codebook: .f32
    case .f64: .f64
    case .bf16: .bf16
    case .f16: .f16
    case .i8: .i8
    }
  }

  /// The matrix with its elements in another type, in the same format; few values as CSR.
  ///
  /// Each element is the nearest one of the type; 8-bit weights are `scale · q`, rounded once more.
  ///
  /// - Complexity: O(stored), O(1) for weights that are of the type.
  public func matrix<Target: StoredScalar>(of _: Target.Type) -> StoredMatrix<Target> {
    switch storage {
    case .f32(let m): m.converted(to: Target.self)
    case .f64(let m): m.converted(to: Target.self)
    case .bf16(let m): m.converted(to: Target.self)
    case .f16(let m): m.converted(to: Target.self)
    case .i8(let m): m.dequantized().converted(to: Target.self)
    case .codebook(let m): StoredMatrix.csr(m.values()).converted(to: Target.self)
    }
  }

  /// The same tensor with its elements in another type: ``matrix(of:)``.
  public func converted<Target: StoredScalar>(to type: Target.Type) -> SparseTensor {
    SparseTensor(Target.storage(of: matrix(of: type)), shape: shape)
  }

  /// Some rows of the matrix in the same type, as a matrix. Blocks that the ends of the range cut through are taken
  /// apart, and few values written out.
  ///
  /// - Complexity: O(stored)
  package func rows(_ range: Range<Int>) -> SparseTensor {
    switch storage {
    case .f32(let m): SparseTensor(m.rows(range))
    case .f64(let m): SparseTensor(m.rows(range))
    case .bf16(let m): SparseTensor(m.rows(range))
    case .f16(let m): SparseTensor(m.rows(range))
    case .i8(let m): SparseTensor(m.rows(range))
    case .codebook(let m): SparseTensor(StoredMatrix.csr(m.values()).rows(range))
    }
  }
}

extension SparseTensor: CustomStringConvertible {
  /// Type, shape and what is stored: "SparseTensor i8 [64, 3, 3, 32], 1843 stored".
  public var description: String { "SparseTensor \(type.rawValue) \(shape), \(stored) stored" }
}
