// The kept values of a tensor in 16 bits: bf16 or f16, one by one or in blocks.

import LacunaFormats

/// A sparse matrix of 16-bit values, of whichever type and format.
public enum NarrowMatrix: Equatable, Sendable {
  /// The kept values in bf16.
  case bf16(CSRMatrix<BFloat16>)
  /// The kept values in half precision.
  case f16(CSRMatrix<Float16>)
  /// The kept blocks in bf16.
  case bf16Blocks(BSRMatrix<BFloat16>)
  /// The kept blocks in half precision.
  case f16Blocks(BSRMatrix<Float16>)

  /// The nearest matrix of 16-bit values.
  public init(rounding matrix: CSRMatrix<Float>, to type: Precision) {
    switch type {
    case .bf16: self = .bf16(matrix.converted(to: BFloat16.self))
    case .f16: self = .f16(matrix.converted(to: Float16.self))
    }
  }

  /// The nearest matrix of blocks of 16-bit values.
  public init(rounding matrix: BSRMatrix<Float>, to type: Precision) {
    switch type {
    case .bf16: self = .bf16Blocks(matrix.converted(to: BFloat16.self))
    case .f16: self = .f16Blocks(matrix.converted(to: Float16.self))
    }
  }

  /// The two types of 16 bits.
  public enum Precision: String, Sendable, Codable, CaseIterable {
    /// The upper half of an f32.
    case bf16
    /// IEEE half precision.
    case f16
  }

  /// Rows of the matrix.
  public var rows: Int { parts.rows }
  /// Columns of the matrix.
  public var columns: Int { parts.columns }
  /// The stored values, those of blocks with all their cells, in single precision.
  public var values: [Float] { parts.values }

  /// The type of the values.
  public var precision: Precision {
    switch self {
    case .bf16, .bf16Blocks: .bf16
    case .f16, .f16Blocks: .f16
    }
  }

  /// The same tensor in single precision, exactly.
  public func widened(shape: [Int]) -> StoredTensor {
    switch self {
    case .bf16(let m): .sparse(shape: shape, m.converted(to: Float.self))
    case .f16(let m): .sparse(shape: shape, m.converted(to: Float.self))
    case .bf16Blocks(let m): .blockSparse(shape: shape, m.converted(to: Float.self))
    case .f16Blocks(let m): .blockSparse(shape: shape, m.converted(to: Float.self))
    }
  }

  /// The kept values in single precision, as CSR; zeros inside blocks are not kept.
  public var csr: CSRMatrix<Float> {
    switch self {
    case .bf16(let m): m.converted(to: Float.self)
    case .f16(let m): m.converted(to: Float.self)
    case .bf16Blocks(let m): CSRMatrix(m.converted(to: Float.self))
    case .f16Blocks(let m): CSRMatrix(m.converted(to: Float.self))
    }
  }

  /// The matrix with the same type and block, and other values.
  public func replaced(by matrix: CSRMatrix<Float>) -> NarrowMatrix {
    switch self {
    case .bf16, .f16: NarrowMatrix(rounding: matrix, to: precision)
    case .bf16Blocks(let m): NarrowMatrix(rounding: BSRMatrix(matrix, block: m.block), to: .bf16)
    case .f16Blocks(let m): NarrowMatrix(rounding: BSRMatrix(matrix, block: m.block), to: .f16)
    }
  }

  /// What a file holds: where entries are, of blocks of which size, and the values, widened.
  var parts: (pattern: CSRPattern, block: BlockSize, rows: Int, columns: Int, values: [Float]) {
    func csr<Scalar: NarrowScalar>(
      _ m: CSRMatrix<Scalar>
    ) -> (CSRPattern, BlockSize, Int, Int, [Float]) {
      (m.pattern, .element, m.rows, m.columns, m.values.map(\.widened))
    }
    func bsr<Scalar: NarrowScalar>(
      _ m: BSRMatrix<Scalar>
    ) -> (CSRPattern, BlockSize, Int, Int, [Float]) {
      (m.blockPattern, m.block, m.rows, m.columns, m.values.map(\.widened))
    }
    return switch self {
    case .bf16(let m): csr(m)
    case .f16(let m): csr(m)
    case .bf16Blocks(let m): bsr(m)
    case .f16Blocks(let m): bsr(m)
    }
  }
}
