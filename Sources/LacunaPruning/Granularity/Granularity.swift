// What is kept or dropped as one piece: an element, a block, …

import LacunaFormats

/// How the scores of a block's elements become the block's score.
public enum Pooling: String, Hashable, Sendable, Codable, CaseIterable {
  /// Mean of |w| over the cells that the block really covers.
  case average
  /// Largest |w|.
  case max
  /// Σ|w|: unlike the average it favours whole blocks over ragged ones.
  case l1
  /// √Σw².
  case l2
}

/// What is kept or dropped as one piece.
public enum Granularity: Hashable, Sendable, Codable {
  /// Single weights.
  case element
  /// Blocks of the GEMM view, anchored at (0, 0), ragged at the right and bottom edges.
  case block(BlockSize, pooling: Pooling = .average)
}
