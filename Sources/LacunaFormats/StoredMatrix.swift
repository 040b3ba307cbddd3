// A matrix in any of the storage formats: what plans are made from and what C's handles stand for.

/// One matrix in one storage format.
package enum StoredMatrix<Scalar: StoredScalar>: Sendable {
  case dense(DenseMatrix<Scalar>)
  case csr(CSRMatrix<Scalar>)
  case bsr(BSRMatrix<Scalar>)

  /// Number of rows.
  package var rows: Int {
    switch self {
    case .dense(let m): m.rows
    case .csr(let m): m.rows
    case .bsr(let m): m.rows
    }
  }

  /// Number of columns.
  package var columns: Int {
    switch self {
    case .dense(let m): m.columns
    case .csr(let m): m.columns
    case .bsr(let m): m.columns
    }
  }

  /// Stored elements, zeros inside blocks and dense matrices included.
  package var stored: Int {
    switch self {
    case .dense(let m): m.rows * m.columns
    case .csr(let m): m.nnz
    case .bsr(let m): m.values.count
    }
  }

  /// The block of a matrix in BSR, else a single element.
  package var block: BlockSize {
    switch self {
    case .csr, .dense: .element
    case .bsr(let m): m.block
    }
  }

  /// Whether its zeros are stored.
  package var isDense: Bool {
    switch self {
    case .csr, .bsr: false
    case .dense: true
    }
  }
}
