// What is kept or dropped as one piece: an element, a block, a row, or all but N of each M

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
///
/// All of it is about the GEMM view `[out, in]` of a tensor; see ``PrunableTensor``.
///
///     element     block(2×2)   pattern(2 of 4)   window(1 of 4)     rows        columns
///     1 · · 1     1 1 · ·      1 · 1 · · 1 1 ·   · 1 · · · · · 1    1 1 1 1     1 · · 1
///     · 1 · ·     1 1 · ·      · · 1 1 1 1 · ·   1 · · · · 1 · ·    · · · ·     1 · · 1
public enum Granularity: Hashable, Sendable, Codable {
  /// Single weights.
  case element
  /// Blocks, anchored at (0, 0), ragged at the right and bottom edges.
  case block(BlockSize, pooling: Pooling = .average)
  /// N:M. At most `of − keep` weights of each group of `of` consecutive inputs are dropped.
  ///
  /// The schedule decides how many are dropped in all, the smallest first; once it asks for
  /// `1 − keep/of` or more, each group has exactly `keep`. A shorter group at the end of a row keeps
  /// as many as it has, up to `keep`. Ties keep the lower index, whatever the tie policy.
  case pattern(keep: Int, of: Int)
  /// Balanced windows: each window of `of` consecutive inputs of an output row keeps equally many at
  /// every moment, `of · (1 − sparsity)` of them but never fewer than `keep`.
  case window(keep: Int, of: Int)
  /// Whole rows: outputs.
  case rows(pooling: Pooling = .l2)
  /// Whole columns: inputs of the GEMM view.
  case columns(pooling: Pooling = .l2)
  /// Whole input channels of a convolution, over all its taps; columns of a matrix.
  case channels(pooling: Pooling = .l2)
}

extension Granularity {
  /// Checks the numbers of a pattern or window.
  ///
  /// - Throws: ``PruningError/invalidParameter(name:value:allowed:)`` unless `1 ≤ keep < of ≤ 256`.
  func check() throws(PruningError) {
    switch self {
    case .pattern(let keep, let of), .window(let keep, let of):
      if of < 2 || of > Self.longestGroup {
        throw .invalidParameter(
          name: "group length", value: "\(of)", allowed: "in 2...\(Self.longestGroup)")
      }
      if keep < 1 || keep >= of {
        throw .invalidParameter(
          name: "weights kept of each \(of)", value: "\(keep)", allowed: "in 1..<\(of)")
      }
    case .element, .block, .rows, .columns, .channels: break
    }
  }

  /// Groups are ranked in a buffer on the stack; no kernel asks for more than 64.
  static let longestGroup = 256

  /// Whether weights compete inside short groups and not over the whole tensor.
  var isGrouped: Bool {
    switch self {
    case .pattern, .window: true
    case .element, .block, .rows, .columns, .channels: false
    }
  }
}
