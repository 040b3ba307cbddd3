// bf16 weights as pairs.

import LacunaFormats

extension StoredMatrix: GroupedWeights where Scalar == BFloat16 {
  static var groupSize: Int { 2 }

  @inline(__always)
  func forEachBits(row: Int, _ body: (Int, UInt32) -> Void) {
    switch self {
    case .csr(let w):
      let offsets = w.pattern.rowOffsets
      for p in offsets[row]..<offsets[row + 1] {
        body(w.pattern.columnIndices[p], UInt32(w.values[p].bitPattern))
      }
    case .bsr(let w):
      let (r, c) = (w.block.rows, w.block.columns)
      let offsets = w.blockPattern.rowOffsets
      for b in offsets[row / r]..<offsets[row / r + 1] {
        let column = w.blockPattern.columnIndices[b] * c
        for j in 0..<min(c, w.columns - column) {
          body(column + j, UInt32(w.values[(b * r + row % r) * c + j].bitPattern))
        }
      }
    case .dense(let w):
      let stride = w.rowStride
      w.withUnsafeElements { elements in
        for j in 0..<w.columns { body(j, UInt32(elements[row * stride + j].bitPattern)) }
      }
    }
  }
}

extension StoredMatrix {
  func pairs(height: Int, isFull: Bool) -> GroupBlocks? {
    (self as? StoredMatrix<BFloat16>).map { GroupBlocks($0, height: height, isFull: isFull) }
  }

  func pairWindows() -> PairWindowWeights? {
    (self as? StoredMatrix<BFloat16>).map { PairWindowWeights($0) }
  }

  func pairBlocks(height: Int) -> Int? {
    (self as? StoredMatrix<BFloat16>).map { GroupBlocks.count($0, height: height) }
  }
}
