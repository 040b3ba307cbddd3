// What plans ask of a stored matrix of weights.

import LacunaFormats

extension StoredMatrix {
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
  var withNarrowBlocks: StoredMatrix {
    if case .bsr(let matrix) = self, matrix.block.columns > 1 << 16 {
      return .csr(CSRMatrix(matrix))
    }
    return self
  }
}
