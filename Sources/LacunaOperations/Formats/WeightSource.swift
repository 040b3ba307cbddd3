// The weights a plan is made from.

import LacunaFormats

/// Weights in one of the formats a plan accepts.
package enum WeightSource<Scalar: StoredScalar> {
  case csr(CSRMatrix<Scalar>)
  case bsr(BSRMatrix<Scalar>)
  case dense(DenseMatrix<Scalar>)

  var rows: Int {
    switch self {
    case .csr(let w): w.rows
    case .bsr(let w): w.rows
    case .dense(let w): w.rows
    }
  }

  var columns: Int {
    switch self {
    case .csr(let w): w.columns
    case .bsr(let w): w.columns
    case .dense(let w): w.columns
    }
  }

  /// Stored weights, padding of blocks included.
  var stored: Int {
    switch self {
    case .csr(let w): w.nnz
    case .bsr(let w): w.blocks * w.block.area
    case .dense(let w): w.rows * w.columns
    }
  }

  var block: BlockSize {
    switch self {
    case .csr, .dense: .element
    case .bsr(let w): w.block
    }
  }

  /// Stored weights of rows `0..<row`, for balancing.
  func storedBefore(row: Int) -> Int {
    switch self {
    case .csr(let w): w.pattern.rowOffsets[row]
    case .bsr(let w):
      w.blockPattern.rowOffsets[min(row / w.block.rows, w.blockPattern.rows)] * w.block.area
    case .dense(let w): row * w.columns
    }
  }

  /// The same with blocks of more than 65 536 columns taken apart: strips count a block's columns in 16 bits.
  var withNarrowBlocks: WeightSource {
    if case .bsr(let matrix) = self, matrix.block.columns > 1 << 16 {
      return .csr(CSRMatrix(matrix))
    }
    return self
  }

  /// Whether they were given dense: then their zeros are stored.
  var isDense: Bool {
    switch self {
    case .csr, .bsr: false
    case .dense: true
    }
  }
}
