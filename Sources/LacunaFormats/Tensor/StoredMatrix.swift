// A matrix of floats in any of the storage formats.

/// One matrix in one storage format.
public enum StoredMatrix<Scalar: StoredScalar>: Equatable, Sendable {
  /// Every element.
  case dense(DenseMatrix<Scalar>)
  /// Single elements, row by row.
  case csr(CSRMatrix<Scalar>)
  /// Whole blocks of elements.
  case bsr(BSRMatrix<Scalar>)

  /// Number of rows.
  public var rows: Int {
    switch self {
    case .dense(let m): m.rows
    case .csr(let m): m.rows
    case .bsr(let m): m.rows
    }
  }

  /// Number of columns.
  public var columns: Int {
    switch self {
    case .dense(let m): m.columns
    case .csr(let m): m.columns
    case .bsr(let m): m.columns
    }
  }

  /// Stored elements, zeros inside blocks and dense matrices included.
  public var stored: Int {
    switch self {
    case .dense(let m): m.rows * m.columns
    case .csr(let m): m.nnz
    case .bsr(let m): m.values.count
    }
  }

  /// The block of a matrix in BSR, else a single element.
  public var block: BlockSize {
    switch self {
    case .csr, .dense: .element
    case .bsr(let m): m.block
    }
  }

  /// Whether its zeros are stored.
  public var isDense: Bool {
    switch self {
    case .csr, .bsr: false
    case .dense: true
    }
  }

  /// Which elements, or blocks, are stored; nil for a dense matrix.
  public var storedPattern: CSRPattern? {
    switch self {
    case .dense: nil
    case .csr(let m): m.pattern
    case .bsr(let m): m.blockPattern
    }
  }

  /// The stored elements in the order of the pattern; of a dense matrix all of them, row by row.
  public var values: [Scalar] {
    switch self {
    case .dense(let m): m.values
    case .csr(let m): m.values
    case .bsr(let m): m.values
    }
  }

  /// The matrix as CSR. A stored zero of a CSR matrix stays; those of the other formats go.
  public var csr: CSRMatrix<Scalar> {
    switch self {
    case .dense(let m): CSRMatrix(dense: m)
    case .csr(let m): m
    case .bsr(let m): CSRMatrix(m)
    }
  }

  /// Every element, zeros too.
  public func dense() -> DenseMatrix<Scalar> {
    switch self {
    case .dense(let m): m
    case .csr(let m): m.dense()
    case .bsr(let m): m.dense()
    }
  }

  /// The matrix with its elements rounded to another type, in the same format.
  ///
  /// - Complexity: O(stored), O(1) for the type that it has.
  public func converted<Target: StoredScalar>(to: Target.Type) -> StoredMatrix<Target> {
    if let same = self as? StoredMatrix<Target> { return same }
    return switch self {
    case .dense(let m): .dense(m.converted(to: Target.self))
    case .csr(let m): .csr(m.converted(to: Target.self))
    case .bsr(let m): .bsr(m.converted(to: Target.self))
    }
  }
}
